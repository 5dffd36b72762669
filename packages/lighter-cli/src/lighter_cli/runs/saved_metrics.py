"""Know the metrics at each checkpoint of a fit: the last ones are not those of the best."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lighter_cli.lightning_internals import computed_metrics
from lighter_cli.runs.metric_values import numbers
from lighter_cli.runs.record_fields import is_at_checkpoint

if TYPE_CHECKING:
    from pytorch_lightning import Trainer


class SavedMetrics:
    """Epoch, step and metrics when each checkpoint was saved, by its file."""

    def __init__(self) -> None:
        self._saved: dict[Path, dict[str, Any]] = {}

    def watch(self, trainer: Trainer, measuring: Callable[[], AbstractContextManager[None]]) -> None:
        """Note the metrics before each save of a trainer, and measure the save."""
        save = trainer.save_checkpoint

        def save_checkpoint(filepath: str | Path, *args: Any, **options: Any) -> None:
            with measuring():
                # as they are: computing them would wait for other ranks
                self._saved[Path(filepath).absolute()] = {
                    "epoch": trainer.current_epoch,
                    "step": trainer.global_step,
                    "metrics": numbers(computed_metrics(trainer)),
                }
                save(filepath, *args, **options)

        trainer.save_checkpoint = save_checkpoint  # type: ignore[method-assign]

    def restore(self, content: Mapping[str, Any]) -> None:
        """Take what the record in a checkpoint has of the best one so far."""
        checkpoints, at_best = content.get("checkpoints"), content.get("at_best")
        best = checkpoints.get("best") if isinstance(checkpoints, dict) else None
        if isinstance(best, str) and at_best is not None and is_at_checkpoint(at_best):
            self._saved.setdefault(Path(best), at_best)

    def at(self, checkpoint: str | None) -> dict[str, Any] | None:
        """Return ``epoch``, ``step`` and ``metrics`` when a checkpoint was saved; ``None`` if they are not known."""
        return None if checkpoint is None else self._saved.get(Path(checkpoint))

    def forget_others(self, existing: Container[Path]) -> None:
        """Forget checkpoints that were removed."""
        self._saved = {file: at for file, at in self._saved.items() if file in existing}
