"""The values of a config by their paths, to compare runs without loading their configs."""

from collections.abc import Iterator, Mapping
from typing import Any

from lighter_config import Config, format_path

_MAX_VALUES = 1000


def config_values(config: Config) -> dict[str, Any]:
    """Return the values of a config by their paths, as written; a list is one value unless it holds mappings or lists.

    >>> from lighter_config import load
    >>> config_values(load([{"vars": {"lr": 0.1}, "layers": [{"size": 3}], "betas": [0.9, 0.99], "lr": "@vars::lr"}]))
    {'vars::lr': 0.1, 'layers::0::size': 3, 'betas': [0.9, 0.99], 'lr': '@vars::lr'}
    """
    return dict(_flat(config.tree, ()))


def values_to_record(config: Config) -> dict[str, Any] | None:
    """Return the values that a record keeps; ``None`` if there are so many that readers shall load the config."""
    values = config_values(config)
    return values if len(values) <= _MAX_VALUES else None


def _flat(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and (value or not path):
        for key, child in value.items():
            yield from _flat(child, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for index, child in enumerate(value):
            yield from _flat(child, (*path, index))
    else:
        yield format_path(path), value
