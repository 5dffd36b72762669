"""Sum a value over an epoch on its device, weighted by sample counts."""

import torch
from torch import Tensor


class RunningSum:
    """Sum values weighted by sample counts, without waiting for the device.

    The sum is float64. MPS has no float64: there it is float32 with Kahan's compensation, which carries the rounding
    error of each addition.
    """

    __slots__ = ("_lost", "_total", "count")

    def __init__(self, total: float = 0.0, count: int = 0) -> None:
        self._total: Tensor | float = total
        self._lost: Tensor | None = None
        self.count = count

    def add(self, value: Tensor, count: int) -> None:
        """Add the mean of ``count`` samples, a scalar tensor."""
        value = value.detach()
        if not isinstance(self._total, Tensor):
            self._start_on(value.device)
        total = self._total
        assert isinstance(total, Tensor)
        if self._lost is None:
            total.add_(value, alpha=count)
        else:
            addend = value.float() * count - self._lost
            raised = total + addend
            self._lost = (raised - total) - addend
            self._total = raised
        self.count += count

    def total(self) -> float:
        """Return the weighted sum; this waits for the device."""
        return float(self._total)

    def on_device(self) -> Tensor:
        """Return the weighted sum where it is; nan if any value was."""
        return torch.as_tensor(self._total)

    def _start_on(self, device: torch.device) -> None:
        has_float64 = device.type != "mps"
        self._total = torch.full(
            (), float(self._total), dtype=torch.float64 if has_float64 else torch.float32, device=device
        )
        self._lost = None if has_float64 else torch.zeros((), device=device)
