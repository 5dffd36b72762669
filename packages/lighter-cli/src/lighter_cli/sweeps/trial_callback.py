"""What a trial does besides being a ``lighter fit``: own its folder, report its values, stop when it is pruned."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lighter_cli.lightning_package import derived
from lighter_cli.runs.trial import Trial
from lighter_cli.sweeps.layout import LOCK_FILE, read_pruning
from lighter_cli.sweeps.locks import locked
from lighter_cli.sweeps.owners import CLAIM_VARIABLE, keep_claim, take_over_claim

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule, Trainer
    from pytorch_lightning.callbacks import Callback
else:
    Callback = object  # `derived` adds that of the trainer's package


def callbacks_of_trial(folder: Path) -> Callable[[Trainer], Sequence[Callback]]:
    """Own the trial that this process was started for, and return what makes its callbacks.

    Raises:
        SystemExit: Another process has taken the trial over in the meantime.
    """
    name = os.environ.get(CLAIM_VARIABLE)
    if name is not None and os.environ.get("LOCAL_RANK", "0") == "0":
        with locked(Trial(folder).sweep_folder / LOCK_FILE):
            if not take_over_claim(folder, name):
                raise SystemExit("another process has taken this trial over")
        keep_claim(folder, name)
    return partial(_callbacks, folder)


def _callbacks(folder: Path, trainer: Trainer) -> Sequence[Callback]:
    pruning = read_pruning(Trial(folder))
    return [] if pruning is None else [derived(Pruning, trainer, "Callback")(Trial(folder), pruning)]


class Pruning(Callback):
    """Report the value of each epoch to the study, and stop the trial when its pruner says so.

    A value that validation logs is reported after it, another one at the end of the epoch. Rank zero decides for all.

    Args:
        trial: The trial.
        pruning: The name of the value, and the pruner.

    Attributes:
        pruned_epoch: The epoch in which it was pruned.
    """

    def __init__(self, trial: Trial, pruning: Mapping[str, Any]) -> None:
        self._trial = trial
        self._name = pruning["name"]
        self._pruner = pruning["pruner"]
        self._max_epochs = pruning["max_epochs"]
        self._last: object = None
        self._study: Any = None
        self.pruned_epoch: int | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report a value that the validation logged."""
        self._report(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report a value that the epoch logged."""
        self._report(trainer)

    def _report(self, trainer: Trainer) -> None:
        if trainer.sanity_checking:
            return
        value = trainer.callback_metrics.get(self._name)
        if value is None or value is self._last:  # logged in an earlier epoch
            return
        self._last = value
        is_pruned = False
        if trainer.is_global_zero:
            step = trainer.current_epoch if trainer.val_check_interval == 1.0 else trainer.global_step
            is_pruned = self._is_pruned(step, float(value))
        if trainer.strategy.broadcast(is_pruned):
            self.pruned_epoch = trainer.current_epoch
            trainer.should_stop = True

    def _is_pruned(self, step: int, value: float) -> bool:
        if self._study is None:
            from lighter_cli.sweeps.reports import Reports  # imports Optuna

            self._study = Reports(self._trial.sweep_folder, self._trial.number, self._pruner, self._max_epochs)
        return bool(self._study.report(step, value))
