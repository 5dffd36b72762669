"""Checkpoints that are written whole or not at all."""

from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning import Trainer

from lighter_cli.atomic_files import whole_file


class WholeCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside its place and rename it.

    Lightning 2.6 writes into the system's folder for temporary files. Where that is another disk than the checkpoint's,
    as is usual, the file is then copied over the earlier one: a process that is killed meanwhile, or a disk that gets
    full, leaves neither of them.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Save a checkpoint; one at an address, such as a bucket's, as Lightning does."""
        if "://" in str(path) or storage_options is not None:
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as stream:
            torch.save(checkpoint, stream)


def write_checkpoints_whole(trainer: Trainer) -> None:
    """Let a trainer write its checkpoints whole, unless it was given another way to write them."""
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = WholeCheckpointIO()
