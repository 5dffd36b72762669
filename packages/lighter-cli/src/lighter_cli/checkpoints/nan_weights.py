"""Know which saved checkpoints hold nan weights, so that none of them is the best one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule, Trainer

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class NanWeights:
    """At which global steps of a fit the weights were nan, and which checkpoints hold such weights."""

    def __init__(self) -> None:
        self._steps: dict[int, bool] = {}
        self._files: dict[Path, tuple[int, bool]] = {}

    def look(self, trainer: Trainer) -> bool:
        """Return whether the weights are nan now, when a checkpoint is saved; remember it for this step."""
        self._steps[trainer.global_step] = _has_nan(trainer.lightning_module)
        return self._steps[trainer.global_step]

    def note(self, saved: Mapping[Path, tuple[int, int]], newest: int) -> None:
        """Note the checkpoints that were written since the last call, and forget those that are gone.

        Args:
            saved: All checkpoints, each with its global step, or -1, and its modification time.
            newest: The step of the newest one; all that were written since the last call are of one step.
        """
        for file, (step, time) in saved.items():
            if self._files.get(file, (None,))[0] != time:
                self._files[file] = time, self._steps.get(newest if step < 0 else step, False)
        self._files = {file: known for file, known in self._files.items() if file in saved}
        self._steps = {step: is_nan for step, is_nan in self._steps.items() if step >= newest}

    def hold(self, file: Path, *, is_nan: bool = False) -> bool:
        """Return whether a checkpoint holds nan weights.

        Args:
            file: An absolute path.
            is_nan: Whether the weights are nan now, for a file that is being saved.
        """
        return self._files[file][1] if file in self._files else is_nan


def _has_nan(module: LightningModule) -> bool:
    """Return whether a weight of a module is nan; of sharded weights, only this rank's part is looked at.

    It waits for the device, as a checkpoint that copies the weights does.
    """
    found: dict[torch.device, list[torch.Tensor]] = {}
    for parameter in module.parameters():
        own = parameter.to_local() if hasattr(parameter, "to_local") else parameter  # the whole would wait for ranks
        if own.dtype in _DTYPES and not own.is_meta:
            found.setdefault(own.device, []).append(own.detach().isnan().any())
    return any(bool(torch.stack(flags).any()) for flags in found.values())
