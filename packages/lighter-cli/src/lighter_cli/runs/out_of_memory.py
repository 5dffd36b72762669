"""Add a note to an error about memory: which value of the config sets the batch size, and overrides to try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from lighter_config import Config, resolved

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

# torch has a class for CUDA and others alone; a spawned rank sends its error as text
_TEXTS = (
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "MPS backend out of memory",
    "OutOfMemoryError:",
)


def note_out_of_memory(error: BaseException, trainer: Trainer, config: Config) -> None:
    """Add the note if the error is about memory; the trainer's loop must still be running."""
    if not isinstance(error, torch.OutOfMemoryError) and not any(text in str(error) for text in _TEXTS):
        return
    overrides = list(_overrides(trainer, config))
    if overrides:
        error.add_note("\n".join(["out of memory; overrides to try, alone or together:", *overrides]))


def _overrides(trainer: Trainer, config: Config) -> Iterator[str]:
    """Name overrides that need less memory, each on a line of its own."""
    values = resolved(config)
    is_training = trainer.training
    size = _batch_size(values, config, _mode_of(trainer))
    if size is not None:
        path, number = size
        place = f" ({config.expanded().place(path)} sets {number})"
        if number > 1:
            yield f"  {path}={number // 2}{place}"
        if is_training and trainer.lightning_module.automatic_optimization:
            num_batches = 2 * trainer.accumulate_grad_batches
            yield f"  trainer::accumulate_grad_batches={num_batches} (with half the batch size: as many samples a step)"
    if "16" not in str(trainer.precision):
        yield "  trainer::precision=bf16-mixed"


def _mode_of(trainer: Trainer) -> str | None:
    """Return the mode of the loop that runs, as Lightning names it: ``lightning`` may be installed alone."""
    stage = trainer.state.stage
    return None if stage is None else stage.dataloader_prefix


def _batch_size(values: Config, config: Config, mode: str | None) -> tuple[str, int] | None:
    """Return the path that sets the batch size of a mode, and the size; ``None`` if the config has none.

    Args:
        values: The config with the values of its references.
        config: The config.
        mode: The mode whose loop is running.
    """
    paths = [path for path in values.leaf_paths() if path.rpartition("::")[2] == "batch_size" and _size(values, path)]
    sections = (f"system::dataloaders::{mode}::", f"data::{mode}_dataloader::", "data::", "model::")
    found = next((path for section in sections for path in paths if path.startswith(section)), None)
    if found is None:
        return None
    expanded = config.expanded()
    reference: Any = expanded.get(found)
    while isinstance(reference, str) and values.has(target := reference.removeprefix("@")) and _size(values, target):
        found, reference = target, expanded.get(target)  # `batch_size: "@vars::batch_size"`
    return found, values.get(found)


def _size(values: Config, path: str) -> bool:
    value = values.get(path)
    return isinstance(value, int) and not isinstance(value, bool)
