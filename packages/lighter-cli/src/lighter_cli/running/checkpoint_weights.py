"""Load the weights of a checkpoint into a module that no trainer runs, as Lightning does for one that it runs."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import torch

from lighter_cli.errors import CheckpointError
from lighter_cli.running.start_checkpoint import cannot_be_loaded
from lighter_config import Finding
from lighter_config.regular_files import is_folder

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule


def load_checkpoint_weights(module: LightningModule, checkpoint: str) -> None:
    """Load the weights of a checkpoint, which must fit those of the module.

    The hook ``on_load_checkpoint`` of the module runs first, and its ``strict_loading`` counts. Nothing in the file is
    executed.

    Args:
        module: The module; its weights are changed in place and stay on their device.
        checkpoint: A file that Lightning wrote.

    Raises:
        CheckpointError: It is a folder or an address, holds more than tensors and plain values, or does not fit.
    """
    if "://" in checkpoint or is_folder(checkpoint):
        kind = "an address" if "://" in checkpoint else "a folder, a sharded checkpoint"
        raise CheckpointError(
            Finding(
                message=f"the weights of {checkpoint!r} cannot be loaded: it is {kind}",
                expected=("a checkpoint in one file",),
                fix="copy it to this machine"
                if "://" in checkpoint
                else f"python -m pytorch_lightning.utilities.consolidate_checkpoint {checkpoint}",
            )
        )
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        fix = "read it with torch.load(..., weights_only=False) if you trust whoever wrote it; use its state_dict"
        raise cannot_be_loaded(checkpoint, error, fix) from error
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise CheckpointError(
            Finding(
                message=f"the checkpoint {checkpoint!r} has no weights",
                expected=("a checkpoint of a LightningModule, with a `state_dict`",),
            )
        )
    try:
        module.on_load_checkpoint(content)
        module.load_state_dict(content["state_dict"], strict=module.strict_loading)
    except RuntimeError as error:  # torch names what is missing, unexpected or of another shape
        raise CheckpointError(
            Finding(
                message=f"the weights of {checkpoint!r} do not fit {type(module).__name__}: {error}",
                expected=("a network as it was trained",),
                fix="leave out overrides that change the network, or rebuild the code as it was",
            )
        ) from error
