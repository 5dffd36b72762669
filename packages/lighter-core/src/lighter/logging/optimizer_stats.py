"""The logged values of optimizers."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from lighter.optimizers.combined_optimizer import flat


def optimizer_stats(optimizers: Iterable[Optimizer]) -> dict[str, Tensor]:
    """Return rates, momenta and weight decay of all parameter groups.

    Returns:
        Scalars by name: ``SGD/lr``, ``SGD/momentum``, ``Adam/beta1``, ``Adam/beta2``, ``Adam/weight_decay``. Several
        groups add the suffix ``/{name}``, or ``/group{N}`` where groups have no ``name`` of their own. A second
        optimizer of a class is ``Adam-1``.

    >>> list(optimizer_stats([torch.optim.SGD([torch.ones(1)], lr=0.5)]))
    ['SGD/lr', 'SGD/momentum', 'SGD/weight_decay']
    """
    stats: dict[str, Tensor] = {}
    seen: dict[str, int] = {}
    for optimizer in flat(optimizers):
        name = type(optimizer).__name__
        same = seen[name] = seen.get(name, -1) + 1
        prefix = f"{name}-{same}" if same else name
        groups = optimizer.param_groups
        names = [str(group.get("name", f"group{index}")) for index, group in enumerate(groups)]
        if len(set(names)) < len(names):
            names = [f"group{index}" for index in range(len(groups))]
        for group_name, group in zip(names, groups, strict=True):
            suffix = f"/{group_name}" if len(groups) > 1 else ""
            betas = group.get("betas") or ()
            values: dict[str, Any] = {key: group[key] for key in ("lr", "momentum", "weight_decay") if key in group}
            values |= {f"beta{i}": beta for i, beta in enumerate(betas, start=1)}
            stats |= {f"{prefix}/{key}{suffix}": _scalar(value) for key, value in values.items()}
    return stats


def rates(optimizers: Iterable[Optimizer]) -> dict[str, Tensor]:
    """Return the learning rates alone, by the same names."""
    return {name: value for name, value in optimizer_stats(optimizers).items() if name.split("/")[1] == "lr"}


def _scalar(value: float | Tensor) -> Tensor:
    # cloned, as a schedule changes a tensor rate in place
    return value.detach().clone() if isinstance(value, Tensor) else torch.tensor(float(value), dtype=torch.float64)
