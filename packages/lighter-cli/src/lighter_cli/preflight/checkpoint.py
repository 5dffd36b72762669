"""The checkpoint of a rehearsed fit: saved in any case, as the callbacks of the experiment save theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lighter_cli.checkpoints.saved_by_callbacks import saved_checkpoints
from lighter_cli.lightning_internals import num_saves, save_checkpoint
from lighter_cli.lightning_package import is_model_checkpoint

if TYPE_CHECKING:
    from pytorch_lightning import Trainer


def save_in_any_case(trainer: Trainer, folder: Path) -> Path:
    """Return the newest checkpoint of a fit that ends; save one first if no callback has.

    A ``ModelCheckpoint`` whose turn did not come in so few batches saves now, under its own name and with its own
    settings; without such a callback the trainer saves. Both use the experiment's ``CheckpointIO``.

    Args:
        trainer: The trainer, at the end of the fit.
        folder: Where the trainer saves.
    """
    saved = saved_checkpoints(trainer, {}, is_failing=False)
    if not saved:
        _save_by_callbacks(trainer)
        saved = saved_checkpoints(trainer, {}, is_failing=False)
    if saved:
        return max(saved, key=lambda file: saved[file])
    file = folder / "rehearsal.ckpt"
    trainer.save_checkpoint(file)
    return file


def _save_by_callbacks(trainer: Trainer) -> None:
    values = {name: torch.as_tensor(value) for name, value in trainer.callback_metrics.items()}
    values |= {"epoch": torch.tensor(trainer.current_epoch), "step": torch.tensor(trainer.global_step)}
    for callback in trainer.checkpoint_callbacks:
        if is_model_checkpoint(callback) and callback.save_top_k != 0:
            save_checkpoint(callback, trainer, Path(callback.format_checkpoint_name(values)))


def kept_checkpoints(trainer: Trainer, epochs: int | None, batches: int | None) -> int | None:
    """Return how many checkpoints a whole fit leaves; ``None`` if that is not known.

    Args:
        trainer: The trainer.
        epochs: The epochs of the fit; ``None`` if they have no limit.
        batches: The batches of an epoch; ``None`` if a loader has no length.
    """
    counts = list(_counts(trainer, epochs, batches))
    known = [count for count in counts if count is not None]
    return None if len(known) < len(counts) else sum(known)


def _counts(trainer: Trainer, epochs: int | None, batches: int | None) -> Iterator[int | None]:
    for callback in trainer.checkpoint_callbacks:
        if is_model_checkpoint(callback):
            yield 1 if callback.save_last is True else 0
            yield callback.save_top_k if callback.save_top_k >= 0 else num_saves(callback, epochs, batches)
