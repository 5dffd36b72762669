"""Exchange values between the processes of a run."""

from typing import Any

import torch
from pytorch_lightning import Trainer


def gather(trainer: Trainer, value: Any) -> list[Any]:
    """Collect a value of plain types from all ranks, in rank order."""
    if trainer.world_size == 1 or not torch.distributed.is_initialized():
        return [value]
    ranks: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(ranks, value)
    return ranks
