"""The two ways through a config tree: over everything in it, and along one path."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from lighter_config.tree.node import Key, Node, Segments, key_at


def walk(
    root: Node, at: Segments = (), *, skip: Callable[[Segments, Node], bool] | None = None
) -> Iterator[tuple[Segments, Node]]:
    """Yield the path and node of the root and of everything below it, parents first, in the order of the file.

    The children of a node are read after the node was yielded, so the caller may change the node it got.

    Args:
        root: Where to start.
        at: The path of ``root``.
        skip: Returns whether to leave out a node, given its path and itself, with everything below it.

    >>> from lighter_config.sources.mapping_reader import node_of
    >>> from lighter_config.tree.origins import Caller
    >>> from lighter_config.tree.paths import format_path
    >>> root = node_of({"a": {"b": [1, 2]}, "c": 3}, Caller("experiment.py", 1))
    >>> [format_path(path) for path, node in walk(root)]
    ['', 'a', 'a::b', 'a::b::0', 'a::b::1', 'c']
    """
    # a list instead of recursion: ten thousand leaves cost ten thousand steps of one generator, at any depth
    pending: list[tuple[Segments, Node]] = [(at, root)]
    while pending:
        item = pending.pop()
        if skip is not None and skip(*item):
            continue
        yield item
        path, node = item
        value = node.value
        # adding tuples takes a third less than unpacking one, and this is most of a walk
        if type(value) is dict:
            pending += [(path + (key,), child) for key, child in reversed(value.items())]  # noqa: RUF005
        elif type(value) is list:
            pending += [(path + (index,), value[index]) for index in range(len(value) - 1, -1, -1)]  # noqa: RUF005


def holds_mappings(node: Node) -> bool:
    """Return whether a mapping is below a node: lists of mappings grow by merging, other lists are replaced."""
    below = walk(node)
    next(below)
    return any(child.is_mapping for _, child in below)


class Reached(NamedTuple):
    """The part of a path that exists.

    Attributes:
        node: The last node on the way that exists.
        path: Its path, each segment as the key or the index that was found: ``-1`` has become the index of the item.
        rest: The segments that are left; empty when the path leads to ``node``. When some are left, ``node`` is a
            leaf, or a mapping or list without ``rest[0]``.
    """

    node: Node
    path: Segments
    rest: Segments


def follow(root: Node, path: Segments) -> Reached:
    """Follow a path from ``root`` as far as it leads.

    References and copies are leaves; the caller decides whether to open them.

    >>> from lighter_config.sources.mapping_reader import node_of
    >>> from lighter_config.tree.origins import Caller
    >>> root = node_of({"model": {"layers": [3, 4]}}, Caller("experiment.py", 1))
    >>> reached = follow(root, ("model", "layers", -1, "width"))
    >>> reached.node.value, reached.path, reached.rest
    (4, ('model', 'layers', 1), ('width',))
    """
    node = root
    keys: list[Key] = []
    for segment in path:
        value = node.value
        if type(value) is dict and type(segment) is str and segment in value:  # most are; a third of key_at's time
            keys.append(segment)
            node = value[segment]
            continue
        found = key_at(node, segment)
        if found is None:
            return Reached(node, tuple(keys), path[len(keys) :])
        keys.append(found.key)
        node = value[found.key]
    return Reached(node, tuple(keys), ())
