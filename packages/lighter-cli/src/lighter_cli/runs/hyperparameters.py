"""What loggers get as hyperparameters: the values of a config as far as they are known, in one flat mapping."""

from collections.abc import Iterator
from typing import Any

from lighter_config import Config, resolved
from lighter_config.sections import SEED, VARS
from lighter_config.tree.references import literal_text

_FIRST = (VARS, SEED)  # what an experiment varies


def hyperparameters(config: Config) -> dict[str, Any]:
    """Return the values of a config by their paths, numbers as numbers, ``vars`` first.

    Copies are written out, and references and expressions replaced by their values, if nothing has to be built for
    that. A list is one value unless there are mappings in it. The separator is that of Lightning: `/`.

    >>> from lighter_config import load
    >>> hyperparameters(load([{"system": {"lr": "$@vars::lr * 2", "betas": [0.9, 0.99]}, "vars": {"lr": 0.1}}]))
    {'vars/lr': 0.1, 'system/lr': 0.2, 'system/betas': [0.9, 0.99]}
    """
    tree = resolved(config).tree
    ordered = {name: tree[name] for name in _FIRST if name in tree} | tree
    return dict(_flattened(ordered, ()))


def _flattened(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _flattened(child, (*path, str(key)))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for index, child in enumerate(value):
            yield from _flattened(child, (*path, str(index)))
    else:
        yield "/".join(path), _as_it_arrives(value)


def _as_it_arrives(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_it_arrives(item) for item in value]
    return literal_text(value) if isinstance(value, str) else value
