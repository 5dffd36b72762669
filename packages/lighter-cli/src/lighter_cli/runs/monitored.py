"""Send the best and the last value of the monitor to where loggers keep the result of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from torch.optim.lr_scheduler import ReduceLROnPlateau

from lighter_cli.lightning_internals import computed_metrics, has_hp_metric
from lighter_cli.lightning_package import is_a, is_model_checkpoint

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

HP_METRIC = "hp_metric"
"""The metric that TensorBoard shows beside the hyperparameters of a run."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """What decides which state of a fit is the best.

    Attributes:
        name: The name of the metric.
        mode: ``min`` or ``max``; empty if it is not known.
        best: The best value that its callback knows, also from before a resume.
    """

    name: str
    mode: str
    best: float | None

    def better(self, *values: float | None) -> float | None:
        """Return the best of some values, which may be missing; ``None`` if there is none."""
        numbers = [value for value in values if value is not None and math.isfinite(value)]
        if not numbers or self.mode not in ("min", "max"):
            return None
        return min(numbers) if self.mode == "min" else max(numbers)


def monitor_of(trainer: Trainer) -> Monitor | None:
    """Return the monitor of a ``ModelCheckpoint``, else of an ``EarlyStopping``, else of a scheduler."""
    for callback in trainer.checkpoint_callbacks:
        if is_model_checkpoint(callback) and callback.monitor is not None:
            return Monitor(callback.monitor, callback.mode, _number(callback.best_model_score))
    for stopping in trainer.early_stopping_callbacks:
        return Monitor(stopping.monitor, stopping.mode, _number(stopping.best_score))
    for config in trainer.lr_scheduler_configs:
        if config.monitor is not None and isinstance(config.scheduler, ReduceLROnPlateau):
            return Monitor(config.monitor, config.scheduler.mode, _number(config.scheduler.best))
    return None


class MonitoredValues:
    """Keeps the best and last value of the monitor, and sends them to the loggers when they change."""

    def __init__(self) -> None:
        self._best: float | None = None
        self._sent: tuple[float | None, float] | None = None

    def send(self, trainer: Trainer) -> None:
        """Send the values to the loggers if they have changed; compute nothing, which would wait for other ranks."""
        monitor, metrics = monitor_of(trainer), computed_metrics(trainer)
        if monitor is None or monitor.name not in metrics:
            return
        last = float(metrics[monitor.name])
        self._best = monitor.better(self._best, monitor.best, last)
        if self._sent == (self._best, last):
            return
        self._sent = self._best, last
        for logger in trainer.loggers:
            if _is_tensorboard(logger) and has_hp_metric(logger) and HP_METRIC not in metrics:
                values = {HP_METRIC: last if self._best is None else self._best, f"{HP_METRIC}/last": last}
                logger.log_metrics(values, trainer.global_step)
            elif _is_wandb(logger):
                best = {} if self._best is None else {f"{monitor.name}/best": self._best}
                logger.experiment.summary.update({**best, f"{monitor.name}/last": last})


def log_hyperparameters(logger: Logger, parameters: dict[str, Any], *, has_monitor: bool) -> None:
    """Send hyperparameters to a logger; TensorBoard also learns which metrics belong to them."""
    if _is_tensorboard(logger) and has_hp_metric(logger) and has_monitor:
        # -1 until there is a value, as in Lightning
        logger.log_hyperparams(parameters, metrics={HP_METRIC: -1, f"{HP_METRIC}/last": -1})
    else:
        logger.log_hyperparams(parameters)


def _is_tensorboard(logger: Logger) -> TypeGuard[TensorBoardLogger]:
    return is_a(logger, "loggers.TensorBoardLogger")


def _is_wandb(logger: Logger) -> TypeGuard[WandbLogger]:
    return is_a(logger, "loggers.WandbLogger")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
