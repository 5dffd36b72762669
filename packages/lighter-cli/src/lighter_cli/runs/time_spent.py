"""Measure where the time of a fit goes: waiting for data, validation, checkpoints, the sanity check, training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import torch

from lighter_cli.lightning_internals import time_train_fetches, train_loaders, wrap_validations

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

_DATA, _SANITY_CHECK, _VALIDATION, _CHECKPOINTS = "data", "sanity_check", "validation", "checkpoints"


class TimeSpent:
    """The time that a fit spends in its parts.

    It reads the clock twice a batch. On a CUDA device, which works while the loader does, a fetch counts only if the
    device has nothing left to do when the batch arrives; asking it does not wait.
    """

    def __init__(self) -> None:
        self._parts = dict.fromkeys((_DATA, _SANITY_CHECK, _VALIDATION, _CHECKPOINTS), 0.0)
        self._fetch_start = 0.0
        self._start: float | None = None
        self._training_start: float | None = None
        self._training_end: float | None = None
        self._in_training = 0.0
        self._is_idle: Callable[[], bool] | None = None

    def start(self, trainer: Trainer) -> None:
        """Start to measure a fit."""
        self._start = time.perf_counter()
        wrap_validations(trainer, lambda: self._spent_on(_SANITY_CHECK if trainer.sanity_checking else _VALIDATION))

    def start_training(self, trainer: Trainer) -> None:
        """Measure the first epoch and all that follow."""
        if (device := trainer.strategy.root_device).type == "cuda":
            self._is_idle = torch.cuda.current_stream(device).query
        time_train_fetches(trainer, self._start_fetch, self._end_fetch)
        self._training_start = time.perf_counter()
        self._in_training = -sum(self._parts.values())

    def end_training(self) -> None:
        """Measure the end of the run; the epochs are over."""
        if self._training_start is not None and self._training_end is None:
            self._training_end = time.perf_counter()
            self._in_training += sum(self._parts.values())

    def saving(self) -> AbstractContextManager[None]:
        """Return the context in which a checkpoint is saved."""
        return self._spent_on(_CHECKPOINTS)

    def measured(self) -> dict[str, float] | None:
        """Return the seconds of each part and of all. ``rest_s`` is before and after the epochs."""
        if self._start is None:
            return None
        self.end_training()
        total = time.perf_counter() - self._start
        seconds = {**self._parts, "training": 0.0}
        if self._training_start is not None and self._training_end is not None:
            seconds["training"] = self._training_end - self._training_start - self._in_training
        seconds["rest"] = max(0.0, total - sum(seconds.values()))
        return {"total_s": round(total, 3), **{f"{name}_s": round(value, 3) for name, value in seconds.items()}}

    def train_loader(self, trainer: Trainer) -> dict[str, Any] | None:
        """Return the seconds ``waited`` of those of training, and the ``num_workers`` of each loader that has them."""
        if self._training_start is None:
            return None
        end = self._training_end or time.perf_counter()
        training = end - self._training_start - self._parts[_VALIDATION]
        workers = [loader.num_workers for loader in train_loaders(trainer) if hasattr(loader, "num_workers")]
        return {
            "waited_s": round(self._parts[_DATA], 3),
            "training_s": round(training, 3),
            "num_workers": workers,
        }

    def _spent_on(self, part: str) -> AbstractContextManager[None]:
        return _spending(self._parts, part)

    def _start_fetch(self) -> None:
        self._fetch_start = time.perf_counter()

    def _end_fetch(self) -> None:
        if self._is_idle is None or self._is_idle():
            self._parts[_DATA] += time.perf_counter() - self._fetch_start


@contextmanager
def _spending(parts: dict[str, float], part: str) -> Iterator[None]:
    """Add the time inside to a part, without that of parts inside: validation saves checkpoints."""
    start, before = time.perf_counter(), sum(parts.values())
    try:
        yield
    finally:
        inside = sum(parts.values()) - before
        parts[part] += time.perf_counter() - start - inside
