"""Read how much memory a run needed at most."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psutil
import torch

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

_MIB = 2**20


def peak_memory(trainer: Trainer) -> dict[str, float]:
    """Return the most memory that this process has needed so far, in MiB.

    Returns:
        ``resident_mib`` of the process without its workers; on a CUDA device also ``cuda_allocated_mib``, what tensors
        took up on it.
    """
    peak = {"resident_mib": round(_resident() / _MIB, 1)}
    if (device := trainer.strategy.root_device).type == "cuda":
        peak["cuda_allocated_mib"] = round(torch.cuda.max_memory_allocated(device) / _MIB, 1)
    return peak


def _resident() -> int:
    """Return the largest resident set of this process in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # Windows has none

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
