"""Sum a value over an epoch on its device, weighted by sample counts."""

import torch
from torch import Tensor


class RunningSum:
    """Sum values weighted by sample counts, without waiting for the device.

    The sum is float64: a Python float for values on the CPU, a tensor for those on another device. MPS has no float64:
    there it is float32 with Kahan's compensation, which carries the rounding error of each addition.
    """

    __slots__ = ("_lost", "_on_device", "_total", "count")

    def __init__(self, total: float = 0.0, count: int = 0) -> None:
        self._total = total
        self._on_device: Tensor | None = None
        self._lost: Tensor | None = None
        self.count = count

    def add(self, value: Tensor, count: int) -> None:
        """Add the mean of ``count`` samples, a scalar tensor."""
        self.count += count
        if value.is_cpu:  # there is nothing to wait for, and adding tensors takes several times as long
            self._total += value.item() * count
        else:
            self._add_on_device(value, count)

    def total(self) -> float:
        """Return the weighted sum; this waits for the device."""
        return self._total if self._on_device is None else self._total + float(self._on_device)

    def on_device(self) -> Tensor:
        """Return the weighted sum where it is; nan if any value was."""
        return torch.tensor(self._total, dtype=torch.float64) if self._on_device is None else self._on_device

    def _add_on_device(self, value: Tensor, count: int) -> None:
        value = value.detach()
        if self._on_device is None:
            self._on_device = self._start_on(value.device)
        if self._lost is None:
            self._on_device.add_(value, alpha=count)
        else:
            addend = value.float() * count - self._lost
            raised = self._on_device + addend
            self._lost = (raised - self._on_device) - addend
            self._on_device = raised

    def _start_on(self, device: torch.device) -> Tensor:
        has_float64 = device.type != "mps"
        start, self._total = self._total, 0.0
        self._lost = None if has_float64 else torch.zeros((), device=device)
        return torch.full((), start, dtype=torch.float64 if has_float64 else torch.float32, device=device)
