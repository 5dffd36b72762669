"""Read the batch that the section `shapes` of a config describes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lighter_cli.checking.batch_check import mistake_in
from lighter_cli.described_tensors import read_description
from lighter_config import Config, Finding, SourceError, format_path
from lighter_config.sections import SHAPES


def described_batch(config: Config) -> Any:
    """Return the batch with a description in place of each tensor: in mappings and lists as the loader gives them.

    Raises:
        ConfigError: A description cannot be read.
    """
    return _described(config.resolve(SHAPES), (SHAPES,), config)


def _described(value: Any, path: tuple[Any, ...], config: Config) -> Any:
    if isinstance(value, list | tuple) and value and all(type(size) is int for size in value):
        value = ",".join(map(str, value))
    if isinstance(value, dict):
        items = {key: _described(item, (*path, key), config) for key, item in value.items()}
        # `shapes::0=… shapes::1=…` is a batch of two items
        return list(items.values()) if list(items) == list(range(len(items))) else items
    if isinstance(value, list | tuple):
        return [_described(item, (*path, index), config) for index, item in enumerate(value)]
    name = format_path(path)
    mistake = mistake_in(value, name)
    if mistake is not None:
        raise SourceError(replace(mistake, place=config.place(name), excerpt=config.excerpt(name)))
    described = read_description(str(value), has_texts=True)
    assert not isinstance(described, Finding)
    return described
