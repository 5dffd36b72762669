"""Measure how long a fit waits for its train loader."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from lighter_cli.lightning_internals import time_train_fetches, train_loaders

if TYPE_CHECKING:
    from pytorch_lightning import Trainer


class LoaderWait:
    """The time that a fit spends in its train loader, and in all of training without validation.

    It reads the clock twice a batch. On a CUDA device, which works while the loader does, a fetch counts only if the
    device has nothing left to do when the batch arrives; asking it does not wait.
    """

    def __init__(self) -> None:
        self._waited = 0.0
        self._fetch_start = 0.0
        self._start: float | None = None
        self._validation_start: float | None = None
        self._validated = 0.0
        self._is_idle: Callable[[], bool] | None = None

    def start(self, trainer: Trainer) -> None:
        """Start to measure; the training starts now."""
        if (device := trainer.strategy.root_device).type == "cuda":
            self._is_idle = torch.cuda.current_stream(device).query
        time_train_fetches(trainer, self._start_fetch, self._end_fetch)
        self._start = time.perf_counter()

    def start_validation(self) -> None:
        """Leave out what follows."""
        self._validation_start = time.perf_counter()

    def end_validation(self) -> None:
        """Measure again."""
        if self._start is not None and self._validation_start is not None:
            self._validated += time.perf_counter() - self._validation_start
        self._validation_start = None

    def measured(self, trainer: Trainer) -> dict[str, Any] | None:
        """Return the seconds ``waited`` of those of training, and the ``num_workers`` of each loader that has them."""
        if self._start is None:
            return None
        total = time.perf_counter() - self._start - self._validated
        workers = [loader.num_workers for loader in train_loaders(trainer) if hasattr(loader, "num_workers")]
        return {"waited_s": round(self._waited, 3), "training_s": round(total, 3), "num_workers": workers}

    def _start_fetch(self) -> None:
        self._fetch_start = time.perf_counter()

    def _end_fetch(self) -> None:
        if self._is_idle is None or self._is_idle():
            self._waited += time.perf_counter() - self._fetch_start
