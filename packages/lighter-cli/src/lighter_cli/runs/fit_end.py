"""Say why a fit ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeGuard

from lighter_cli.lightning_package import is_a

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from pytorch_lightning.callbacks import EarlyStopping, Timer

Stop = tuple[int, str | None]
"""The epoch in which an ``EarlyStopping`` stopped, and its reason."""


def earlier_stops(trainer: Trainer) -> list[Stop]:
    """Return why and when each ``EarlyStopping`` stopped so far: a resumed fit restores that."""
    return [(callback.stopped_epoch, callback.stopping_reason_message) for callback in _early_stopping(trainer)]


def why_ended(trainer: Trainer, earlier: list[Stop]) -> str | None:
    """Return what ended a fit, after it: a callback, a limit, or a nan loss; ``None`` if it is not known.

    Args:
        trainer: The trainer.
        earlier: What ``earlier_stops`` returned when the training started.
    """
    reasons: list[Callable[[Trainer], str | None]] = [
        _nan,
        lambda trainer: _early_stop(trainer, earlier),
        _max_time,
        _limit,
        _should_stop,
    ]
    return next((reason for find in reasons if (reason := find(trainer))), None)


def nan_losses(trainer: Trainer) -> Mapping[str, str]:
    """Return where the loss of a ``LighterModule`` was nan first, by mode."""
    return dict(sorted(getattr(trainer.lightning_module, "nan_losses", {}).items()))


def _nan(trainer: Trainer) -> str | None:
    is_wanted = trainer.should_stop and getattr(trainer.lightning_module, "on_nan", None) == "stop"
    return "on_nan=stop, as a loss is nan" if is_wanted and nan_losses(trainer) else None


def _early_stop(trainer: Trainer, earlier: list[Stop]) -> str | None:
    if not trainer.should_stop:
        return None
    now = earlier_stops(trainer)
    reason = next((text for stop in now if (text := stop[1]) and stop not in earlier), None)
    return None if reason is None else f"EarlyStopping: {reason.removesuffix(' Signaling Trainer to stop.')}"


def _max_time(trainer: Trainer) -> str | None:
    for timer in (callback for callback in trainer.callbacks if _is_timer(callback)):  # type: ignore[attr-defined]
        left = timer.time_remaining()
        if left is not None and left <= 0:
            return f"max_time, after {timer.time_elapsed():.1f} s of training"
    return None


def _limit(trainer: Trainer) -> str | None:
    if trainer.max_steps not in (None, -1) and trainer.global_step >= trainer.max_steps:
        return f"max_steps={trainer.max_steps}"
    if trainer.max_epochs not in (None, -1) and trainer.current_epoch >= trainer.max_epochs:
        return f"max_epochs={trainer.max_epochs}"
    return None


def _should_stop(trainer: Trainer) -> str | None:
    return "trainer.should_stop, which a callback or the module set" if trainer.should_stop else None


def _early_stopping(trainer: Trainer) -> list[EarlyStopping]:
    return list(trainer.early_stopping_callbacks)


def _is_timer(callback: object) -> TypeGuard[Timer]:
    return is_a(callback, "callbacks.Timer")
