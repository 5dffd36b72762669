"""The logged values of optimizers."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


def optimizer_stats(optimizers: Iterable[Optimizer]) -> dict[str, Tensor]:
    """Return rates, momenta and weight decay of all parameter groups.

    Returns:
        Scalars by name: ``SGD/lr``, ``SGD/momentum``, ``Adam/beta1``, ``Adam/beta2``, ``Adam/weight_decay``, with
        the suffix ``/group{N}`` for several groups; a second optimizer of a class is ``Adam-1``.

    >>> list(optimizer_stats([torch.optim.SGD([torch.ones(1)], lr=0.5)]))
    ['SGD/lr', 'SGD/momentum', 'SGD/weight_decay']
    """
    stats: dict[str, Tensor] = {}
    seen: dict[str, int] = {}
    for optimizer in optimizers:
        name = type(optimizer).__name__
        same = seen[name] = seen.get(name, -1) + 1
        prefix = f"{name}-{same}" if same else name
        for index, group in enumerate(optimizer.param_groups):
            suffix = f"/group{index}" if len(optimizer.param_groups) > 1 else ""
            betas = group.get("betas") or ()
            values: dict[str, Any] = {key: group[key] for key in ("lr", "momentum", "weight_decay") if key in group}
            values |= {f"beta{i}": beta for i, beta in enumerate(betas, start=1)}
            stats |= {f"{prefix}/{key}{suffix}": _scalar(value) for key, value in values.items()}
    return stats


def _scalar(value: float | Tensor) -> Tensor:
    # cloned, as a schedule changes a tensor rate in place
    return value.detach().clone() if isinstance(value, Tensor) else torch.tensor(float(value), dtype=torch.float64)
