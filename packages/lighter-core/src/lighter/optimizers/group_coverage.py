"""Describe what the parameter groups of optimizers train, and compare them with those of a checkpoint."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytorch_lightning import Trainer
from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from lighter.errors import OptimizerError, nearest_names
from lighter.optimizers.combined_optimizer import flat

logger = logging.getLogger(__name__)

UNGROUPED = "in no group"

_SET_BY_SCHEDULES = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "swa_lr", "lr_scale"}


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """What a parameter group trains.

    Attributes:
        optimizer: The class of its optimizer; empty for trainable parameters that no optimizer has.
        name: Its name, or its number; after its optimizer, as ``SGD/head`` or ``SGD-1/head``, where names repeat.
        num_tensors: The number of its parameters, as tensors.
        num_parameters: The number of their elements.
        num_frozen: The number of its tensors that are frozen.
        lr: Its learning rate.
        weight_decay: Its weight decay; None if the optimizer has none.
    """

    optimizer: str
    name: str
    num_tensors: int
    num_parameters: int
    num_frozen: int
    lr: float | None
    weight_decay: float | None


def check_options(optimizer: Optimizer) -> None:
    """Check the options of named groups: torch keeps a mistyped one and never reads it.

    Raises:
        OptimizerError: An option is no option of the optimizer, and has nearly the name of one.
    """
    for group in optimizer.param_groups:
        for key in group if "name" in group else ():
            if key in optimizer.defaults or key in ("params", "name", "param_names") or key in _SET_BY_SCHEDULES:
                continue
            if near := nearest_names(key, optimizer.defaults):
                raise OptimizerError(
                    f"unknown option {key!r} in the group {group['name']!r} of {type(optimizer).__name__}",
                    expected=", ".join(optimizer.defaults),
                    nearest=near,
                )


def log_groups(trainer: Trainer, network: nn.Module) -> tuple[ParameterGroup, ...]:
    """Describe the groups of a trainer's optimizers and log them; nothing if each optimizer has one."""
    if all(len(optimizer.param_groups) == 1 for optimizer in trainer.optimizers):
        return ()
    described = describe(trainer.optimizers, network)
    if trainer.is_global_zero:
        logger.info("parameter groups\n%s", table(described))
    return described


def describe(optimizers: Iterable[Optimizer], network: nn.Module) -> tuple[ParameterGroup, ...]:
    """Describe the groups of all optimizers, and the trainable parameters of the network that are in none of them."""
    described = []
    owners = []
    seen: Counter[str] = Counter()
    grouped: set[nn.Parameter] = set()
    for optimizer in flat(optimizers):
        kind = type(optimizer).__name__
        owner = f"{kind}-{seen[kind]}" if seen[kind] else kind  # as in the log
        seen[kind] += 1
        for index, group in enumerate(optimizer.param_groups):
            owners.append(owner)
            grouped.update(group["params"])
            decay = group.get("weight_decay")
            described.append(
                _described(
                    kind,
                    str(group.get("name", f"group{index}")),
                    group["params"],
                    float(group["lr"]) if group.get("lr") is not None else None,
                    float(decay) if decay is not None else None,
                )
            )
    if len({group.name for group in described}) < len(described):
        described = [replace(one, name=f"{owner}/{one.name}") for owner, one in zip(owners, described, strict=True)]
    if left := [one for one in network.parameters() if one.requires_grad and one not in grouped]:
        described.append(_described("", UNGROUPED, left, None, None))
    return tuple(described)


def _described(
    optimizer: str, name: str, parameters: Sequence[nn.Parameter], lr: float | None, weight_decay: float | None
) -> ParameterGroup:
    return ParameterGroup(
        optimizer,
        name,
        num_tensors=len(parameters),
        num_parameters=sum(0 if is_lazy(one) else one.numel() for one in parameters),
        num_frozen=sum(not one.requires_grad for one in parameters),
        lr=lr,
        weight_decay=weight_decay,
    )


def table(described: Sequence[ParameterGroup]) -> str:
    """Return the groups as a table, a line each.

    >>> print(table([ParameterGroup("SGD", "head", 2, 1024, 1, 0.1, None)]))
    group  tensors  parameters   lr  weight_decay
    head         2       1,024  0.1             -  1 frozen
    """
    rows: list[tuple[str, ...]] = [("group", "tensors", "parameters", "lr", "weight_decay", "")]
    for group in described:
        numbers = (f"{group.num_tensors}", f"{group.num_parameters:,}", _shown(group.lr), _shown(group.weight_decay))
        rows.append((group.name, *numbers, f"{group.num_frozen} frozen" if group.num_frozen else ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [number.rjust(width) for number, width in zip(row[1:-1], widths[1:-1], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells, row[-1]]).rstrip())
    return "\n".join(lines)


def _shown(number: float | None) -> str:
    return "-" if number is None else f"{number:.4g}"


def check_saved_groups(optimizer: Optimizer, saved: Sequence[Mapping[str, Any]] | None) -> None:
    """Check that a checkpoint has the optimizer's groups: torch matches them by their order alone.

    Raises:
        OptimizerError: Their number, names or sizes differ.
    """
    if saved is None:
        return
    own, others = _sizes(optimizer.param_groups), _sizes(saved)
    is_same = len(own) == len(others) and all(
        len(one) == len(other) and (name == other_name or not (name and other_name))
        for (name, one), (other_name, other) in zip(own, others, strict=True)
    )
    if not is_same:
        raise OptimizerError(
            f"the checkpoint has other parameter groups than this {type(optimizer).__name__}",
            expected=f"{_listed(others)}, as in the checkpoint; this run has {_listed(own)}",
            fix="make the groups of the checkpoint, in its order; or start a new fit from its weights, with"
            " lighter.weights.load_weights",
        )


def _sizes(groups: Sequence[Mapping[str, Any]]) -> list[tuple[str, Sequence[object]]]:
    return [(str(group.get("name", "")), group["params"]) for group in groups]


def _listed(sizes: Sequence[tuple[str, Sequence[object]]]) -> str:
    return ", ".join(f"{name or 'a group'} of {len(parameters)}" for name, parameters in sizes)
