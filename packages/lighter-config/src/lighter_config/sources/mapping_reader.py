"""Turn Python mappings into the tree that YAML files give; their place is the caller's line."""

import os
from collections.abc import Mapping
from typing import Any

from lighter_config.errors import PathError, SourceError
from lighter_config.findings import Finding
from lighter_config.tree.keys import special_key
from lighter_config.tree.node import MAX_DEPTH, NAME, Key, Node
from lighter_config.tree.origins import Origin


class _Spot:
    """Identifies one value of a mapping, because Python gives no line and column for each."""

    __slots__ = ()
    line = 0
    column = 0


def node_of(value: Any, origin: Origin) -> Node:
    """Turn Python values into nodes: mappings and lists (tuples too) recursively, anything else is a leaf.

    The name of a file (``pathlib.Path``) becomes text, as in YAML.

    Raises:
        SourceError: A mapping is nested too deep (or inside itself), or a key is not text, a number or null.
    """
    return _node_of(value, origin, 0)


def _node_of(value: Any, origin: Origin, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise _error(f"a config can be {MAX_DEPTH} levels deep; this mapping is deeper, or contains itself", origin)
    if isinstance(value, Mapping):
        node = Node({}, origin)
        for key, item in value.items():
            child = _node_of(item, origin, depth + 1)
            node.value[key] = child
            if not child.settled or _is_special(key, origin):
                node.settled = False
        return node
    if isinstance(value, list | tuple):
        children = [_node_of(item, origin, depth + 1) for item in value]
        node = Node(children, origin)
        node.settled = all(child.settled for child in children)
        return node
    leaf = os.fspath(value) if isinstance(value, os.PathLike) else value
    return Node(leaf, origin, _Spot())


def _is_special(key: Key, origin: Origin) -> bool:
    if key == NAME:
        origin.names_items = True
    if key is not None and not isinstance(key, str | int | float | bool):
        raise _error(f"a key must be text or a number, {key!r} is a {type(key).__name__}", origin)
    try:
        special = special_key(key)
    except PathError as error:
        raise _error(error.findings[0].message, origin) from error
    if special is not None and special.legacy and origin.legacy is None:
        origin.legacy = (None, str(key))
    return special is not None


def _error(message: str, origin: Origin) -> SourceError:
    return SourceError(Finding(message=message, place=origin.place(None)))
