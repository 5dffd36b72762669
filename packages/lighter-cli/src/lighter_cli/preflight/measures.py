"""What a rehearsed stage shows: batches, times, memory, values, names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from lighter_config import Finding


@dataclass(slots=True)
class LoopMeasures:
    """One loop over the loaders of a mode.

    Attributes:
        times_s: The seconds of each batch, with its loading; the first one also starts the workers.
        lengths: The number of batches of each loader; ``None`` for one without a length.
        datasets: The number of samples of each loader; ``None`` for one that does not tell.
        batch_sizes: The batch size of each loader; ``None`` for one that does not tell.
        limit: The user's own limit: a number of batches, or a part of them.
        is_parallel: Whether the loaders give their batches side by side, as in training.
    """

    times_s: list[float] = field(default_factory=list)
    lengths: list[int | None] = field(default_factory=list)
    datasets: list[int | None] = field(default_factory=list)
    batch_sizes: list[int | None] = field(default_factory=list)
    limit: float | int | None = None
    is_parallel: bool = False

    @property
    def batches(self) -> int | None:
        """The number of batches of a whole pass; ``None`` if a loader has no length."""
        limited = [_limited(length, self.limit) for length in self.lengths]
        known = [length for length in limited if length is not None]
        if not known or len(known) < len(limited):
            return None
        return max(known) if self.is_parallel else sum(known)

    @property
    def first_s(self) -> float | None:
        """The seconds of the first batch."""
        return self.times_s[0] if self.times_s else None

    @property
    def then_s(self) -> float | None:
        """The seconds of a later batch."""
        return median(self.times_s[1:]) if len(self.times_s) > 1 else None

    @property
    def pass_s(self) -> float | None:
        """The seconds of a whole pass, as far as they are known."""
        if self.batches is None or self.first_s is None:
            return None
        return self.first_s + max(0, self.batches - 1) * (self.then_s if self.then_s is not None else self.first_s)

    @property
    def scale(self) -> float | None:
        """How many times the samples of the rehearsal a whole pass has."""
        if not self.times_s or self.batches is None:
            return None
        num_run = len(self.times_s)
        size, num = (self.batch_sizes[0], self.datasets[0]) if len(self.lengths) == 1 else (None, None)
        if size is None or num is None:
            return max(1.0, self.batches / num_run)
        return max(1.0, min(num, self.batches * size) / max(1, min(num, num_run * size)))


def _limited(length: int | None, limit: float | None) -> int | None:
    if isinstance(limit, bool) or limit is None or length is None:
        return length
    return min(limit, length) if isinstance(limit, int) else int(length * limit)


@dataclass(slots=True)
class StageMeasures:
    """What a stage shows while it is rehearsed.

    Attributes:
        is_set_up: Whether the trainer got as far as the setup of the callbacks.
        is_started: Whether the loop began: a checkpoint is loaded by then.
        loops: The loops by their modes.
        metrics: The values that callbacks see at the end.
        batches: The tensors of the first batch of each mode.
        findings: What they show.
        monitors: The monitors of callbacks and schedulers, and whether an epoch logged them.
        memory: The most memory so far, in MiB.
        checkpoint: The newest checkpoint that the fit has left.
        kept_files: How many checkpoints a whole fit keeps; ``None`` if that is not known.
        epochs: The epochs of a whole fit; ``None`` without a limit.
        interruption: Why the trainer stopped early.
    """

    is_set_up: bool = False
    is_started: bool = False
    loops: dict[str, LoopMeasures] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    batches: dict[str, Sequence[dict[str, Any]]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    monitors: dict[str, bool] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    checkpoint: Path | None = None
    kept_files: int | None = None
    epochs: int | None = None
    interruption: BaseException | None = None

    @property
    def epoch_s(self) -> float | None:
        """The seconds of an epoch of a fit, with its validation; ``None`` if they are not known."""
        passes = [self.loops[mode].pass_s for mode in ("train", "val") if mode in self.loops]
        known = [one for one in passes if one is not None]
        return sum(known) if known and len(known) == len(passes) else None
