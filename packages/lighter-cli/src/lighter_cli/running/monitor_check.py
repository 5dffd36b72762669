"""Name the place in the config of a monitor that nothing logs, as soon as a fit shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lighter_cli.errors import MonitorError
from lighter_cli.lightning_internals import computed_metrics, error_without_monitor, is_save_due
from lighter_cli.lightning_package import derived, is_a, is_model_checkpoint
from lighter_cli.terminal.findings_log import log_findings
from lighter_config import Config, Finding, Severity, resolved
from lighter_config.checks.monitors import nearest_logged
from lighter_config.sections import VARS
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule, Trainer
else:
    LightningModule = Any

_SCHEDULER = "ReduceLROnPlateau"


@contextmanager
def checking_monitors(trainer: Trainer, config: Config) -> Iterator[None]:
    """Report what the fit inside monitors and does not log.

    Lightning's callbacks fail when they first look for the value, with a message that does not name the config. A
    ``ModelCheckpoint`` without validation never fails, and saves nothing.

    Args:
        trainer: The trainer of the fit.
        config: The whole config, whose places an error names.

    Raises:
        MonitorError: A callback or scheduler looked for a value that nothing had logged.
    """
    check = derived(MonitorCheck, trainer, "Callback")(config)
    trainer.callbacks.append(check)  # type: ignore[attr-defined]
    try:
        yield
    except Exception as error:
        for owner, name in monitors_of(trainer):
            if error_without_monitor(error, owner, name):
                logged = list(computed_metrics(trainer))
                raise MonitorError(unlogged_monitor(config, trainer, owner, name, logged)) from error
        raise
    finally:
        # Lightning has made another list
        trainer.callbacks = [callback for callback in trainer.callbacks if callback is not check]  # type: ignore[attr-defined]


class MonitorCheck:
    """Looks for the monitors where Lightning's callbacks do not, or only later.

    Args:
        config: The whole config.
    """

    # Lightning calls and profiles every hook of a callback in each step, unless it is not callable
    on_train_batch_start = on_train_batch_end = on_before_zero_grad = None
    on_before_backward = on_after_backward = on_before_optimizer_step = None
    on_validation_batch_start = on_validation_batch_end = None

    def __init__(self, config: Config) -> None:
        self._config = config

    def on_sanity_check_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Warn of a monitor that is nearly a name that validation has just logged."""
        logged = list(trainer.callback_metrics)
        for owner, name in monitors_of(trainer):
            if name not in logged and (nearest := nearest_logged(name, logged)) and _begin_alike(name, nearest[0]):
                log_findings([_finding(self._config, owner, name, logged, severity=Severity.WARNING)])

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge the epoch before: all its hooks have logged now."""
        if trainer.current_epoch > 0:
            self._look_for_checkpoints(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge the last epoch."""
        self._look_for_checkpoints(trainer)

    def _look_for_checkpoints(self, trainer: Trainer) -> None:
        """Raise where a checkpoint was due and its monitor is missing; with validation Lightning itself does."""
        if trainer.enable_validation or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        logged = trainer.callback_metrics
        for owner, name in monitors_of(trainer):
            if is_model_checkpoint(owner) and name not in logged and is_save_due(owner, trainer):
                raise MonitorError(unlogged_monitor(self._config, trainer, owner, name, list(logged)))


def monitors_of(trainer: Trainer) -> Iterator[tuple[object, str]]:
    """Yield each callback and scheduler that monitors a name, with the name."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        is_known = is_model_checkpoint(callback) or is_a(callback, "callbacks.EarlyStopping")
        if is_known and isinstance(callback.monitor, str):
            yield callback, callback.monitor
    for config in trainer.lr_scheduler_configs:
        if config.reduce_on_plateau and isinstance(config.monitor, str):
            yield config.scheduler, config.monitor


def unlogged_monitor(config: Config, trainer: Trainer, owner: object, name: str, logged: list[str]) -> Finding:
    """Return the finding of a monitor that a fit did not log, also with the reason why it may be missing."""
    finding = _finding(config, owner, name, logged)
    if trainer.limit_val_batches != 0:
        return finding
    return replace(finding, fix=f"{finding.fix}; limit_val_batches is 0, which switches validation off")


def _begin_alike(name: str, other: str) -> bool:
    first, second = (re.split(r"[/_.\- ]", text)[0] for text in (name, other))
    return first == second


def _finding(
    config: Config, owner: object, name: str, logged: list[str], *, severity: Severity = Severity.ERROR
) -> Finding:
    whole = resolved(config)
    path = _path_of(whole, owner, name)
    nearest = nearest_logged(name, logged)
    log_it = f"log it: `self.log({name!r}, ...)`"
    who = f"{path} is {name!r}" if path else f"{type(owner).__name__} monitors {name!r}"
    what = "the sanity check did not log" if severity is Severity.WARNING else "nothing logged"
    return Finding(
        message=f"{who}, but {what} that name",
        severity=severity,
        path=path,
        place=whole.place(path) if path else None,
        excerpt=whole.excerpt(path) if path else "",
        expected=tuple(sorted(logged)),
        nearest=nearest,
        fix=f"write {nearest[0]}, or {log_it}" if nearest else log_it,
    )


def _path_of(config: Config, owner: object, name: str) -> str:
    """Return the path that gives the monitor; empty if the config does not, as when the model made the callback."""
    named = [path for path, value in config.walk() if type(value) is str and value == name]
    is_scheduler = type(owner).__name__ == _SCHEDULER

    def unlikeness(path: Segments) -> tuple[bool, bool, bool]:
        return path[0] == VARS, path[-1] != "monitor", is_scheduler is ("callbacks" in path)

    return format_path(min(named, key=unlikeness)) if named else ""
