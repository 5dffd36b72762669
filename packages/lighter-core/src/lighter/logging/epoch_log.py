"""The values of one epoch: summed by the steps, and synchronized once over all ranks."""

import math

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torchmetrics import Metric

from lighter.lightning.metric_states import Extremes, check_lists, lists_of, match_lists, num_updates
from lighter.lightning.ranks import gather
from lighter.logging.metrics import Metrics, compute_flat, members_of
from lighter.logging.registered_names import RegisteredNames
from lighter.logging.running_sum import RunningSum
from lighter.logging.wrapper_metrics import Wrappers
from lighter.mode import Mode


class EpochLog:
    """The running sums of one epoch of one mode and loader, and its values once they are synchronized.

    Each name is registered with Lightning as a small metric, in the first step if the name is known by then. Lightning
    computes this metric when it needs the value, so callbacks, loggers, printed tables and a user's own hooks all see
    the same number. The metric registered first has no value. It exists on every rank, whatever the steps return: when
    Lightning computes it, all ranks synchronize names and sums in one collective call. So a rank may lack a name that
    another rank has.

    Args:
        trainer: The trainer.
        mode: The mode of the epoch.
        loader: The loader's index; None if there is one.
        metrics: The metrics of the mode.
        wrappers: The wrappers among them.
        extremes: The minima and maxima of this mode and loader so far, which the epoch changes.
        names: The names of this mode and loader that Lightning knows.
    """

    def __init__(
        self,
        trainer: Trainer,
        mode: Mode,
        loader: int | None,
        metrics: Metrics | None,
        wrappers: Wrappers | None,
        extremes: Extremes,
        names: RegisteredNames,
    ) -> None:
        self.trainer = trainer
        self.mode = mode
        self.loader = loader
        self.step = ""  # the method that runs, for messages
        self.metrics = metrics
        self.has_metric_updates = False  # by `update_metrics`; wrappers may not count their updates
        self.groups = None if wrappers is None else wrappers.groups
        self._wrappers = wrappers
        self._extremes = extremes
        self._names = names
        self.results = names.results
        self.sums: dict[str, RunningSum] = {}  # by what follows `{mode}/loss` in the name
        self.constants: dict[str, Tensor] = {}
        self.has_rates_by_step = False  # a schedule changes the learning rates in each step
        self.unnamed: list[str] = []  # metrics whose values have no names yet
        self.is_open = True
        self._values: dict[str, Tensor] | None = None

    def register(self, module: LightningModule, *names: str) -> None:
        """Register with Lightning the metrics that compute the values of these names."""
        for name in names:
            self._names.register(module, name)

    def register_remaining(self, module: LightningModule) -> None:
        """Register at the epoch's end the values whose names no step of this rank could know."""
        # Lightning adds its suffix in steps only: here it has no current loader
        suffix = "" if self.loader is None else f"/dataloader_idx_{self.loader}"
        for name in self.values():
            self._names.register(module, name, suffix)

    def values(self) -> dict[str, Tensor]:
        """Return the epoch's values over the samples of all ranks, by name.

        The first call synchronizes, under DDP in a collective call; later calls return the same values.
        """
        if self._values is None:
            self._values = self._synchronized()
        return self._values

    def close(self) -> None:
        """Forget the sums when Lightning resets its results."""
        if self.is_open:
            self.is_open = False
            self.sums = {}
            if self.metrics is not None:
                self.metrics.reset()
            if self._wrappers is not None:
                self._wrappers.end_epoch()

    def is_updated(self, metric: Metric) -> bool:
        """Return whether a metric was updated in this epoch."""
        return self.has_metric_updates or num_updates(metric) > 0

    def _synchronized(self) -> dict[str, Tensor]:
        members = {} if self.metrics is None else members_of(self.metrics)
        own_sums = {term: (running.total(), running.count) for term, running in self.sums.items()}
        own_updates = {name: self.is_updated(metric) for name, metric in members.items()}
        combined = self.metrics if self.trainer.world_size > 1 else None
        own_lists = {} if combined is None else lists_of(combined)
        ranks = gather(self.trainer, (own_sums, own_updates, own_lists))
        if combined is not None:
            match_lists(combined, [lists for _, _, lists in ranks])
            check_lists(combined, [lists for _, _, lists in ranks])
        values = dict(self.constants)
        for term in dict.fromkeys(term for sums, _, _ in ranks for term in sums):
            parts = [sums[term] for sums, _, _ in ranks if term in sums]
            mean = math.fsum(total for total, _ in parts) / sum(count for _, count in parts)
            values[f"{self.mode}/loss{term}/epoch"] = torch.tensor(mean, dtype=torch.float64)
        never_updated = []
        for name, metric in members.items():
            if any(updates[name] for _, updates, _ in ranks):
                flat = compute_flat(name, metric)
                values |= {f"{self.mode}/metrics/{key}/epoch": value for key, value in flat.items()}
            else:
                never_updated.append(name)
        if self._wrappers is not None:
            self._extremes |= self._wrappers.extremes()
        missed = [name for name in never_updated if name not in self._names.never_updated]
        if missed and not self.trainer.sanity_checking:
            self._names.never_updated.update(missed)
            rank_zero_warn(
                f"`{self.mode}_metrics` were never updated, so no value is logged for {', '.join(missed)}."
                " Call `self.update_metrics(pred, target)` in the step, or remove them."
            )
        return values
