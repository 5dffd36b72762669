"""Read metrics as numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics that are single real numbers, in order.

    Values on a device are moved together: one transfer for each device and type of number.
    """
    found: dict[str, float] = {}
    on_device: defaultdict[tuple[torch.device, torch.dtype], dict[str, Tensor]] = defaultdict(dict)
    for name, value in metrics.items():
        if not isinstance(value, Tensor):
            if isinstance(value, int | float):
                found[name] = float(value)
        elif value.numel() == 1 and not value.is_complex():
            if value.is_cpu:
                found[name] = float(value.item())
            else:
                found[name] = 0.0  # keeps the order
                on_device[value.device, value.dtype][name] = value.detach().reshape(())
    for tensors in on_device.values():
        found.update(zip(tensors, map(float, torch.stack(list(tensors.values())).tolist()), strict=True))
    return found
