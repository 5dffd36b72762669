"""Say why a fit ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from lighter_cli.lightning_internals import computed_metrics
from lighter_cli.lightning_package import is_a, is_sigterm
from lighter_cli.runs.epochs import as_json_number
from lighter_cli.runs.metric_values import numbers
from lighter_cli.runs.recorder_errors import was_interrupted

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from pytorch_lightning.callbacks import EarlyStopping, Timer

Stop = tuple[int, str | None]
"""The epoch in which an ``EarlyStopping`` stopped, and its reason."""


@dataclass(frozen=True, slots=True)
class End:
    """Why a fit ended.

    Attributes:
        by: ``max_epochs``, ``max_steps``, ``max_time``, ``early_stopping``, ``nan``, ``pruned`` or ``should_stop``.
        text: The reason as a text.
        facts: What the reason depends on: the limit, or the monitor and its values, as JSON values.
    """

    by: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def recorded(self) -> dict[str, Any]:
        """Return the fields of the record."""
        return {"by": self.by, **self.facts}


def earlier_stops(trainer: Trainer) -> list[Stop]:
    """Return why and when each ``EarlyStopping`` stopped so far: a resumed fit restores that."""
    return [(callback.stopped_epoch, callback.stopping_reason_message) for callback in _early_stopping(trainer)]


def why_ended(trainer: Trainer, earlier: list[Stop]) -> End | None:
    """Return what ended a fit, after it: a callback, a limit, or a nan loss; ``None`` if it is not known.

    Args:
        trainer: The trainer.
        earlier: What ``earlier_stops`` returned when the training started.
    """
    reasons: list[Callable[[Trainer], End | None]] = [
        _nan,
        _pruned,
        lambda trainer: _early_stop(trainer, earlier),
        _max_time,
        _limit,
        _should_stop,
    ]
    return next((reason for find in reasons if (reason := find(trainer))), None)


def end_fields(trainer: Trainer, error: BaseException | None, earlier: list[Stop]) -> dict[str, Any]:
    """Return the fields of the record that say what ended a fit; none after most failures, whose error says it.

    Args:
        trainer: The trainer.
        error: What ended the fit; ``None`` if it finished.
        earlier: What ``earlier_stops`` returned when the training started.
    """
    if error is None:
        end = why_ended(trainer, earlier)
        return {"ended_by": None if end is None else end.text, "ended": None if end is None else end.recorded()}
    if is_sigterm(error) or was_interrupted(error):
        return {"ended": {"by": "interrupted", "signal": "SIGTERM" if is_sigterm(error) else "SIGINT"}}
    is_nan = getattr(trainer.lightning_module, "on_nan", None) == "raise" and nan_losses(trainer)
    return {"ended": {"by": "nan"}} if is_nan else {}


def nan_losses(trainer: Trainer) -> Mapping[str, str]:
    """Return where the loss of a ``LighterModule`` was nan first, by mode."""
    return dict(sorted(getattr(trainer.lightning_module, "nan_losses", {}).items()))


def _nan(trainer: Trainer) -> End | None:
    is_wanted = trainer.should_stop and getattr(trainer.lightning_module, "on_nan", None) == "stop"
    return End("nan", "on_nan=stop, as a loss is nan") if is_wanted and nan_losses(trainer) else None


def _pruned(trainer: Trainer) -> End | None:
    epochs = (getattr(callback, "pruned_epoch", None) for callback in trainer.callbacks)  # type: ignore[attr-defined]
    epoch = next((epoch for epoch in epochs if epoch is not None), None)
    return None if epoch is None else End("pruned", f"pruned at epoch {epoch}", {"epoch": epoch})


def _early_stop(trainer: Trainer, earlier: list[Stop]) -> End | None:
    if not trainer.should_stop:
        return None
    for callback, stop in zip(_early_stopping(trainer), earlier_stops(trainer), strict=True):
        if stop[1] and stop not in earlier:
            text = f"EarlyStopping: {stop[1].removesuffix(' Signaling Trainer to stop.')}"
            return End("early_stopping", text, _monitored(trainer, callback))
    return None


def _monitored(trainer: Trainer, callback: EarlyStopping) -> dict[str, Any]:
    values = {"value": computed_metrics(trainer).get(callback.monitor), "best": callback.best_score}
    read = {name: as_json_number(value) for name, value in numbers(values).items()}
    return {"monitor": callback.monitor, **read, "epoch": callback.stopped_epoch}


def _max_time(trainer: Trainer) -> End | None:
    for timer in (callback for callback in trainer.callbacks if _is_timer(callback)):  # type: ignore[attr-defined]
        left = timer.time_remaining()
        if left is not None and left <= 0:
            elapsed = timer.time_elapsed()
            return End("max_time", f"max_time, after {elapsed:.1f} s of training", {"elapsed_s": round(elapsed, 3)})
    return None


def _limit(trainer: Trainer) -> End | None:
    if trainer.max_steps not in (None, -1) and trainer.global_step >= trainer.max_steps:
        return End("max_steps", f"max_steps={trainer.max_steps}", {"limit": trainer.max_steps})
    if trainer.max_epochs not in (None, -1) and trainer.current_epoch >= trainer.max_epochs:
        return End("max_epochs", f"max_epochs={trainer.max_epochs}", {"limit": trainer.max_epochs})
    return None


def _should_stop(trainer: Trainer) -> End | None:
    text = "trainer.should_stop, which a callback or the module set"
    return End("should_stop", text) if trainer.should_stop else None


def _early_stopping(trainer: Trainer) -> list[EarlyStopping]:
    return list(trainer.early_stopping_callbacks)


def _is_timer(callback: object) -> TypeGuard[Timer]:
    return is_a(callback, "callbacks.Timer")
