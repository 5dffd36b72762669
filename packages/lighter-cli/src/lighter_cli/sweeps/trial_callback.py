"""What a trial does besides being a ``lighter fit``: own its folder, report its values, stop when it is pruned."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lighter_cli.lightning_package import class_beside, derived
from lighter_cli.runs.trial import Trial
from lighter_cli.sweeps.layout import LOCK_FILE, read_pruning
from lighter_cli.sweeps.locks import locked
from lighter_cli.sweeps.owners import CLAIM_VARIABLE, is_taken_over, keep_claim, take_over_claim
from lighter_cli.terminal.process import is_first_rank

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
    if name is not None and is_first_rank():
        with locked(Trial(folder).sweep_folder / LOCK_FILE):
            if not take_over_claim(folder, name):
                raise SystemExit("another process has taken this trial over")
        keep_claim(folder, name)
    return partial(_callbacks, folder, name)


def _callbacks(folder: Path, name: str | None, trainer: Trainer) -> Sequence[Callback]:
    pruning = derived(Pruning, trainer, "Callback")(Trial(folder), read_pruning(Trial(folder)))
    return [pruning] if name is None else [pruning, derived(HeldClaim, trainer, "Callback")(folder, name)]


class HeldClaim(Callback):
    """Let a trial that another process has taken over count as interrupted, not as finished once more.

    Args:
        folder: The folder of the trial.
        name: The name of its claim.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End all ranks as at a SIGTERM if the claim holds no more.

        Raises:
            SIGTERMException: Another process has taken the trial over.
        """
        is_lost = trainer.is_global_zero and is_taken_over(self._folder, self._name)
        if trainer.strategy.broadcast(is_lost):
            raise class_beside(trainer, "utilities.exceptions.SIGTERMException")


class Pruning(Callback):
    """Report the value of each epoch to the study, and stop the trial when its pruner says so.

    A value that validation logs is reported after it, another one at the end of the epoch. Rank zero decides for all:
    its value counts, and the other ranks may lack it, as with ``log(..., rank_zero_only=True)``.

    Args:
        trial: The trial.
        pruning: The name of the value, and the pruner; ``None`` if trials are not pruned.

    Attributes:
        pruned_epoch: The epoch in which it was pruned.
    """

    def __init__(self, trial: Trial, pruning: Mapping[str, Any] | None) -> None:
        self._trial = trial
        self._pruning = pruning
        self._last: object = None
        self._study: Any = None
        self.pruned_epoch: int | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Prune as rank zero does: another command may have changed that before the other ranks looked."""
        self._pruning = trainer.strategy.broadcast(self._pruning)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report a value that the validation logged."""
        self._report(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report a value that the epoch logged."""
        self._report(trainer)

    def _report(self, trainer: Trainer) -> None:
        if trainer.sanity_checking or self._pruning is None:
            return
        value = trainer.callback_metrics.get(self._pruning["name"])  # all ranks compute it together
        is_pruned = False
        if trainer.is_global_zero and value is not None and value is not self._last:  # else it is of an earlier epoch
            self._last = value
            step = trainer.current_epoch if trainer.val_check_interval == 1.0 else trainer.global_step
            is_pruned = self._is_pruned(self._pruning, step, float(value))
        if trainer.strategy.broadcast(is_pruned):  # every rank comes here each time: else the others would wait
            self.pruned_epoch = trainer.current_epoch
            trainer.should_stop = True

    def _is_pruned(self, pruning: Mapping[str, Any], step: int, value: float) -> bool:
        if self._study is None:
            from lighter_cli.sweeps.reports import Reports  # imports Optuna

            trial, pruner, epochs = self._trial, pruning["pruner"], pruning["max_epochs"]
            self._study = Reports(trial.sweep_folder, trial.number, pruner, epochs)
        return bool(self._study.report(step, value))
