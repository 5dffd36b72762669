"""The values of one epoch: summed by the steps, settled once over all ranks, handed to Lightning name by name."""

import math
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torchmetrics import Metric

from lighter.lightning import state as lightning_state
from lighter.logging import metrics
from lighter.logging.metrics import Metrics
from lighter.logging.running_sum import RunningSum
from lighter.mode import Mode


class EpochLog:
    """What one epoch of one mode and loader has summed up so far, and its values once it is settled.

    Lightning gets one small metric for each name, in the first step if the name is known by then, and asks it for the
    value when it wants it; so callbacks, loggers, printed tables and a user's own hooks all see the same value. The
    first of them has no value: it is there on every rank whatever the steps return, and when Lightning asks it, all
    ranks settle names and sums in one collective call. So a rank may lack a name that another one has.
    """

    def __init__(self, trainer: Trainer, mode: Mode, loader: int | None, metrics: Metrics | None) -> None:
        self.trainer = trainer
        self.mode = mode
        self.loader = loader
        self.metrics = metrics
        self.results = lightning_state.result_collection(trainer)
        self.sums: dict[str, RunningSum] = {}  # by what follows `{mode}/loss` in the name
        self.constants: dict[str, Tensor] = {}
        self.unnamed: list[str] = []  # metrics whose values have no names yet
        self.is_open = True
        self._handed_over: set[str] = set()
        self._values: dict[str, Tensor] | None = None

    def hand_over(self, module: LightningModule, *names: str) -> None:
        """Give Lightning the metrics that will have the values of these names."""
        for name in names:
            if name not in self._handed_over:
                self._handed_over.add(name)
                self._log(module, name, EpochValue(self, name))

    def hand_over_settlement(self, module: LightningModule) -> None:
        """Give Lightning the metric that it asks first."""
        self._log(module, f"{self.mode}/settlement", EpochValue(self, None))

    def hand_over_late(self, module: LightningModule) -> None:
        """Give Lightning at the epoch's end the values whose names no step of this rank could know."""
        for name in self.values():
            if name not in self._handed_over:
                self._handed_over.add(name)
                # Lightning's own suffix is for steps: here no loader is the current one
                suffix = "" if self.loader is None else f"/dataloader_idx_{self.loader}"
                self._log(module, name + suffix, EpochValue(self, name), add_dataloader_idx=False)

    def values(self) -> dict[str, Tensor]:
        """Settle the epoch: its values over the samples of all ranks, by their names; once, then the same again.

        Under DDP a collective call.
        """
        if self._values is None:
            self._values = self._settle()
        return self._values

    def close(self) -> None:
        """Forget what was summed, as Lightning resets its results."""
        if self.is_open:
            self.is_open = False
            self.sums = {}
            if self.metrics is not None:
                self.metrics.reset()

    def _settle(self) -> dict[str, Tensor]:
        members = {} if self.metrics is None else metrics.members(self.metrics)
        own_sums = {term: (running.total(), running.count) for term, running in self.sums.items()}
        own_updates = {name: metrics.num_updates(metric) for name, metric in members.items()}
        ranks = gather(self.trainer, (own_sums, own_updates))
        values = dict(self.constants)
        for term in dict.fromkeys(term for sums, _ in ranks for term in sums):
            parts = [sums[term] for sums, _ in ranks if term in sums]
            mean = math.fsum(total for total, _ in parts) / sum(count for _, count in parts)
            values[f"{self.mode}/loss{term}/epoch"] = torch.tensor(mean, dtype=torch.float64)
        never_updated = []
        for name, metric in members.items():
            if any(updates[name] for _, updates in ranks):
                flat = metrics.compute_flat(name, metric)
                values |= {f"{self.mode}/metrics/{key}/epoch": value for key, value in flat.items()}
            else:
                never_updated.append(name)
        if never_updated and not self.trainer.sanity_checking:
            rank_zero_warn(
                f"`{self.mode}_metrics` were never updated, so no value is logged for {', '.join(never_updated)}."
                " Call `self.update_metrics(pred, target)` in the step, or remove them."
            )
        return values

    @staticmethod
    def _log(module: LightningModule, name: str, value: "EpochValue", *, add_dataloader_idx: bool = True) -> None:
        # `metric_attribute` keeps Lightning from looking for the metric among the module's own
        module.log(
            name,
            value,
            on_step=False,
            on_epoch=True,
            batch_size=1,
            add_dataloader_idx=add_dataloader_idx,
            metric_attribute="_dual_logging",
        )


class EpochValue(Metric):
    """Hands Lightning one value of an epoch, computed when Lightning asks for it."""

    full_state_update = False

    def __init__(self, log: EpochLog, name: str | None) -> None:
        super().__init__()
        self._epoch_log = log
        self._name = name

    def update(self) -> None:
        """Do nothing: the log is updated."""

    def compute(self) -> Tensor | None:
        """Read the value; None, which Lightning leaves out, where there is none after all."""
        values = self._epoch_log.values()
        return None if self._name is None else values.get(self._name)

    def reset(self) -> None:
        """Close the log."""
        self._epoch_log.close()

    def _wrap_compute(self, compute: Any) -> Any:
        return compute  # no cache and no synchronisation here: the log has both

    def _wrap_update(self, update: Any) -> Any:
        return update


def gather(trainer: Trainer, value: Any) -> list[Any]:
    """Collect a value of plain types from all ranks, in their order."""
    if trainer.world_size == 1 or not torch.distributed.is_initialized():
        return [value]
    ranks: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(ranks, value)
    return ranks
