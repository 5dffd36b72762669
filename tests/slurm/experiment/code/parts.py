"""Data that takes no time, and a callback that takes some."""

import time
from typing import Any

import torch
from pytorch_lightning import Callback


class Samples(torch.utils.data.Dataset):
    """Points of three classes."""

    def __init__(self, size: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._targets = torch.randint(3, (size,), generator=generator)
        self._inputs = torch.randn(size, 16, generator=generator) + self._targets[:, None]

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._inputs[index], self._targets[index]


class Slow(Callback):
    """Makes each training batch last."""

    def __init__(self, batch_s: float) -> None:
        self._batch_s = batch_s

    def on_train_batch_start(self, *args: Any) -> None:
        time.sleep(self._batch_s)
