"""The names that Lightning knows, and the metric through which it gets the value of each."""

from typing import TYPE_CHECKING, Any

from pytorch_lightning import LightningModule
from torch import Tensor
from torchmetrics import Metric

if TYPE_CHECKING:
    from lighter.logging.epoch_log import EpochLog


class RegisteredNames:
    """The names of one mode and loader in one of Lightning's result collections.

    A name is registered once in each epoch. The first time this is a call of ``self.log``. Lightning keeps the name, so
    in later epochs it only needs to hear that the name has a value again, which costs a small part of that call.

    Args:
        results: The collection that ``self.log`` writes to.

    Attributes:
        log: The log of the epoch that runs.
        never_updated: The metrics of which a warning has said that they were not updated.
    """

    def __init__(self, results: Any) -> None:
        self.results = results
        self.log: EpochLog | None = None
        self.never_updated: set[str] = set()
        self._values: dict[str | None, tuple[str, EpochValue]] = {}  # with Lightning's key, by name
        self._of_epoch: set[str | None] = set()

    def start_epoch(self, log: "EpochLog") -> None:
        """Give the values of another log from now on; no name is registered yet."""
        self.log = log
        self._of_epoch = set()

    def register_synchronization(self, module: LightningModule, mode: str) -> None:
        """Register the metric without a value that Lightning computes first."""
        self._register(module, None, f"{mode}/synchronization")

    def register(self, module: LightningModule, name: str, suffix: str = "") -> None:
        """Register a name, if this epoch has not registered it yet.

        Args:
            module: The module.
            name: The name of an epoch's value.
            suffix: The suffix of the loader where Lightning adds none; in a step it adds its own.
        """
        if name not in self._of_epoch:
            self._register(module, name, name + suffix, add_dataloader_idx=not suffix)

    def _register(
        self, module: LightningModule, name: str | None, logged_as: str, *, add_dataloader_idx: bool = True
    ) -> None:
        self._of_epoch.add(name)
        known = self._values.get(name)
        if known is not None:
            self.results.update_metrics(*known, batch_size=1)
            return
        value = EpochValue(self, name)
        # `metric_attribute` keeps Lightning from looking for the metric among the module's own
        module.log(
            logged_as,
            value,
            on_step=False,
            on_epoch=True,
            batch_size=1,
            add_dataloader_idx=add_dataloader_idx,
            metric_attribute="_logging",
        )
        key = next(key for key, result in reversed(self.results.items()) if result.value is value)
        self._values[name] = key, value


class EpochValue(Metric):
    """The metric through which Lightning gets one value of an epoch."""

    full_state_update = False

    def __init__(self, names: RegisteredNames, name: str | None) -> None:
        super().__init__()
        self._registered_names = names
        self._name = name

    def update(self) -> None:
        """Do nothing: the steps update the log."""

    def compute(self) -> Tensor | None:
        """Return the value; None, which Lightning does not log, if the epoch has no value of this name."""
        log = self._registered_names.log
        assert log is not None
        values = log.values()
        return None if self._name is None else values.get(self._name)

    def reset(self) -> None:
        """Close the log."""
        log = self._registered_names.log
        if log is not None:
            log.close()

    def _wrap_compute(self, compute: Any) -> Any:
        return compute  # the log itself caches and synchronizes

    def _wrap_update(self, update: Any) -> Any:
        return update
