"""Names of choices: short, different within a dimension, and the same whenever the config is read."""

from collections.abc import Sequence
from typing import Any

from lighter_config.building.resolving import TARGET
from lighter_config.places import Place
from lighter_config.writing.yaml_writer import write_yaml


def labels_of(values: Sequence[Any]) -> list[str]:
    """Return the label of each value; equal values have equal labels.

    >>> labels_of([32, "32", None, True])
    ['32', "'32'", 'null', 'true']
    >>> labels_of([{"lr": "1e-4..1e-2:log"}, {"_target_": "torch.optim.SGD", "lr": 0.1}])
    ['lr=1e-4..1e-2:log', 'SGD']
    >>> labels_of([{"_target_": "torch.optim.SGD", "lr": 0.1}, {"_target_": "torch.optim.SGD", "lr": 0.2}])
    ['SGD(lr=0.1)', 'SGD(lr=0.2)']
    """
    short = [_short(value) for value in values]
    return [
        label if short.count(label) == 1 else _long(value) for value, label in zip(values, short, strict=True)
    ]  # fmt: skip


def _short(value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get(TARGET), str):
        return str(value[TARGET]).rpartition(".")[2]
    return _long(value)


def _long(value: Any) -> str:
    if not isinstance(value, dict) or not value:
        return one_line(value)
    entries = ", ".join(f"{key}={one_line(item)}" for key, item in value.items() if key != TARGET)
    return f"{_short(value)}({entries})" if isinstance(value.get(TARGET), str) else entries


def one_line(value: Any) -> str:
    """Write a value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {one_line(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(one_line, value)) + "]"
    return write_yaml({"value": value}, _no_place).removeprefix("value:").strip()


def _no_place(_path: str) -> Place | None:
    return None
