"""Names of choices: short, different within a dimension, and the same whenever the config is read."""

from collections.abc import Sequence
from typing import Any

from lighter_config.building.resolving import TARGET
from lighter_config.places import Place
from lighter_config.space.range_text import is_range
from lighter_config.writing.yaml_writer import write_yaml


def labels_of(values: Sequence[Any]) -> list[str]:
    """Return the label of each value; equal values have equal labels.

    A range inside a choice is not in its label unless nothing else tells the choices apart, so that the label stays
    when the range is widened.

    >>> labels_of([32, "32", None, True])
    ['32', "'32'", 'null', 'true']
    >>> labels_of([{"lr": "1e-4..1e-2:log", "eps": 0.1}, {"_target_": "torch.optim.SGD", "lr": 0.1}])
    ['lr, eps=0.1', 'SGD']
    >>> labels_of([{"_target_": "torch.optim.SGD", "lr": 0.1}, {"_target_": "torch.optim.SGD", "lr": 0.2}])
    ['SGD(lr=0.1)', 'SGD(lr=0.2)']
    >>> labels_of([{"lr": "0.1..1"}, {"lr": "2..3"}])
    ['lr=0.1..1', 'lr=2..3']
    """
    labels = [""] * len(values)
    for form in (_short, _long, _whole):
        tried = [form(value) for value in values]
        labels = [
            label or (new if tried.count(new) == 1 or form is _whole else "")
            for label, new in zip(labels, tried, strict=True)
        ]
    return labels


def _short(value: Any) -> str:
    target = _target(value)
    return target.rpartition(".")[2] if target else _long(value)


def _long(value: Any) -> str:
    return _entries(value, with_ranges=False)


def _whole(value: Any) -> str:
    return _entries(value, with_ranges=True)


def _entries(value: Any, *, with_ranges: bool) -> str:
    if not isinstance(value, dict) or not value:
        return one_line(value)
    entries = ", ".join(
        str(key) if is_range(item) and not with_ranges else f"{key}={one_line(item)}"
        for key, item in value.items()
        if key != TARGET
    )
    target = _target(value)
    return f"{target.rpartition('.')[2]}({entries})" if target else entries


def _target(value: Any) -> str:
    target = value.get(TARGET) if isinstance(value, dict) else None
    return target if isinstance(target, str) else ""


def one_line(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {one_line(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(one_line, value)) + "]"
    return write_yaml({"value": value}, _no_place).removeprefix("value:").strip()


def _no_place(_path: str) -> Place | None:
    return None
