"""Write Lightning's checkpoints atomically, through `lighter_cli.atomic_files`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lighter_cli.atomic_files import open_atomically
from lighter_cli.lightning_package import class_beside, derived

if TYPE_CHECKING:
    from lightning_fabric.plugins import TorchCheckpointIO
    from pytorch_lightning import Trainer
else:
    TorchCheckpointIO = object

_DEFAULT = "plugins.io.TorchCheckpointIO"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside its final path, then rename it.

    Lightning 2.6 writes to the system's temporary folder. If that folder is on another disk, which is usual, Lightning
    then copies the file over the previous checkpoint: a killed process or a full disk leaves neither of the two.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Save a checkpoint; leave an address, such as that of a bucket, to Lightning."""
        if "://" in str(path) or storage_options is not None:
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with open_atomically(file) as stream:
            torch.save(checkpoint, stream)


def save_atomically(trainer: Trainer) -> None:
    """Make a trainer save its checkpoints atomically, unless the config gave it another checkpoint plugin."""
    if type(trainer.strategy.checkpoint_io) is class_beside(trainer, _DEFAULT):
        trainer.strategy.checkpoint_io = derived(AtomicCheckpointIO, trainer, _DEFAULT)()
