"""Find the metrics that may share their states: those whose updates are certain to do the same.

torchmetrics groups the metrics whose states are equal after the first batch. This is wrong for metrics that differ
later, such as one with an ``ignore_index`` if the first batch has no such target: it then gets the other's values.
"""

import dis
import inspect
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from lighter.lightning.metric_states import (
    default_states,
    groups_by_first_batch,
    members_by_key,
    num_updates,
    set_compute_groups,
    was_taken_apart,
)

_DYNAMIC = {"getattr", "setattr", "vars", "__dict__", "__class__"}
"""Names in a method that may hide which attributes it reads."""

_ABSENT = object()


class Groups:
    """The compute groups of the metrics of a mode; torchmetrics looks for none.

    Metrics share their states once the whole collection is updated. A module may also update them one by one, and then
    they have states of their own.

    Args:
        metrics: The metrics of the mode.
    """

    def __init__(self, metrics: Metric | MetricCollection) -> None:
        self._metrics = metrics
        self._found: list[tuple[MetricCollection, list[list[str]]]] = []
        for module in metrics.modules():
            if isinstance(module, MetricCollection) and groups_by_first_batch(module):
                self._found.append((module, compute_groups(members_by_key(module))))
                set_compute_groups(module, [])

    def share(self) -> None:
        """Let the metrics of a group share their states, as all are updated from now on."""
        for collection, groups in self._found:
            members = members_by_key(collection)
            alike = [names for names in groups if len({num_updates(members[name]) for name in names}) == 1]
            set_compute_groups(collection, alike)
        self._found = []

    def end_if_taken_apart(self) -> None:
        """Give each metric its own states for good, if somebody got one of them and may have updated it alone."""
        if isinstance(self._metrics, MetricCollection) and was_taken_apart(self._metrics):
            set_compute_groups(self._metrics, [])


def compute_groups(members: Mapping[str, Metric]) -> list[list[str]]:
    """Return the names of metrics that may share their states, in groups of two and more.

    Metrics may share them if they have the same ``update`` and states, and if every attribute that this ``update``
    and the methods it calls read is equal.

    >>> from torchmetrics.classification import BinaryF1Score, BinaryPrecision
    >>> compute_groups({"f1": BinaryF1Score(), "precision": BinaryPrecision()})
    [['f1', 'precision']]
    >>> compute_groups({"f1": BinaryF1Score(), "strict": BinaryPrecision(threshold=0.9)})
    []
    """
    groups: list[tuple[dict[str, Any], list[str]]] = []
    for name, metric in members.items():
        read = _read_by_update(metric)
        if read is None:
            continue
        for first, names in groups:
            if _are_equal(first, read):
                names.append(name)
                break
        else:
            groups.append((read, [name]))
    return [names for _, names in groups if len(names) > 1]


def _read_by_update(metric: Metric) -> dict[str, Any] | None:
    """Return everything that decides what an update does; None if the source does not show it."""
    states = default_states(metric)
    if not states:
        return None
    read: dict[str, Any] = {"update": type(metric).update, **{f"{name} at first": s for name, s in states.items()}}
    for code in _code_of(type(metric), "update", set()):
        if _DYNAMIC & {*code.co_names}:
            return None
        if any(name not in states for name in _attributes_set(code, metric)):
            return None  # the update of one metric does not set the attribute of another
        for name in code.co_names:
            value = getattr(metric, name, _ABSENT)
            if name not in states and value is not _ABSENT and not inspect.ismethod(value):
                read[name] = value
    return read


def _attributes_set(code: CodeType, metric: Metric) -> Iterator[str]:
    """Iterate over the attributes that a method sets, where they do not have to exist already, or do."""
    loaded = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_ATTR":
            loaded.add(instruction.argval)
        # `self.confmat += state` is not reached by a metric that has no such state
        elif instruction.opname == "STORE_ATTR" and not (
            instruction.argval in loaded and not hasattr(metric, instruction.argval)
        ):
            yield instruction.argval


def _code_of(cls: type, name: str, seen: set[str]) -> Iterator[CodeType]:
    """Iterate over the code of a method in all classes that define it, and of the methods that it names."""
    if name in seen:
        return
    seen.add(name)
    for base in cls.__mro__:
        if base in Metric.__mro__:
            continue
        method = vars(base).get(name)
        function = getattr(method, "fget", None) or getattr(method, "__func__", method)
        if isinstance(function, FunctionType):
            for code in _with_nested(inspect.unwrap(function).__code__):
                yield code
                for other in code.co_names:
                    yield from _code_of(cls, other, seen)


def _with_nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_nested(constant)


def _are_equal(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    return first.keys() == second.keys() and all(_is_equal(first[key], second[key]) for key in first)


def _is_equal(first: object, second: object) -> bool:
    if type(first) is not type(second):
        return False
    if isinstance(first, Tensor):
        assert isinstance(second, Tensor)
        return first.shape == second.shape and first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, list | tuple):
        assert isinstance(second, list | tuple)
        return len(first) == len(second) and all(map(_is_equal, first, second))
    return first is second or (isinstance(first, bool | int | float | str) and first == second)
