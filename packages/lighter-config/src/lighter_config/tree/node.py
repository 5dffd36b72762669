"""Values that know where they came from: the node of the config tree and the chain of places behind it."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from lighter_config.places import Place
from lighter_config.tree.origins import Mark, Origin
from lighter_config.tree.scalars import scalar

Key: TypeAlias = Any  # what YAML allows as the key of a mapping: text, numbers, true, null
Segments: TypeAlias = tuple[Any, ...]

NAME = "_name_"
"""The key by which an item of a list has a name, so that a path may say ``callbacks::ema`` for ``callbacks::2``."""

MAX_DEPTH = 200
"""Levels a config may be nested. Deeper input is refused with an error before it can exhaust Python's stack."""

MAX_VALUES = 100_000
"""Values that one file may hold, its aliases expanded, and that all copies of ``%`` may add up to."""


class Trace:
    """One setting of a path: where it happened, and the setting before it.

    Positions stay in the parser's form until somebody asks, so that a value costs one small object.
    """

    __slots__ = ("key_mark", "key_origin", "mark", "origin", "previous", "via")

    def __init__(
        self,
        origin: Origin,
        mark: Mark | None = None,
        key_mark: Mark | None = None,
        via: str = "",
        previous: "Trace | None" = None,
    ) -> None:
        self.origin = self.key_origin = origin
        self.mark = mark
        self.key_mark = key_mark
        self.via = via
        self.previous = previous

    @property
    def place(self) -> Place:
        """The place of the value."""
        return self.origin.place(self.mark, self.via)

    @property
    def key_place(self) -> Place:
        """The place of its key; for an item of a list, the place of the value."""
        if self.key_mark is None:
            return self.place
        return self.key_origin.place(self.key_mark, self.via)

    @property
    def excerpt(self) -> str:
        """What the user wrote at the place of the value; with its key, unless the value is a copy from elsewhere."""
        return self.origin.excerpt(self.mark) if self.via else self.key_excerpt

    @property
    def key_excerpt(self) -> str:
        """What the user wrote at the place of the key."""
        if self.key_mark is None:
            return self.origin.excerpt(self.mark)
        return self.key_origin.excerpt(self.key_mark)

    def chain(self) -> Iterator[Place]:
        """Yield every place that set this path, newest first."""
        return (trace.place for trace in self.traces())

    def traces(self) -> "Iterator[Trace]":
        """Yield every setting of this path, newest first."""
        trace: Trace | None = self
        while trace is not None:
            yield trace
            trace = trace.previous


class BeforeAppending(Trace):
    """The setting of a list before another source appended items to it.

    Attributes:
        num_appended: How many items the next newer setting appended.
    """

    __slots__ = ("num_appended",)

    def __init__(self, node: "Node", num_appended: int) -> None:
        super().__init__(node.origin, node.mark, node.key_mark, node.via, node.previous)
        self.key_origin = node.key_origin
        self.num_appended = num_appended


class Node(Trace):
    """One value of the tree: a mapping or list of nodes, or a leaf.

    Attributes:
        value: ``dict`` of key to node, ``list`` of nodes, or the leaf itself.
        settled: No key at or below this node is an operator or a path, so it can be taken over as it is.
        patches: Changes to wait until the ``%`` reference in ``value`` is copied.
        for_reference: Kept in a pruned config only because something refers into it; not built with its parent.
    """

    __slots__ = ("for_reference", "lineage", "patches", "settled", "value")

    def __init__(
        self,
        value: Any,
        origin: Origin,
        mark: Mark | None = None,
        key_mark: Mark | None = None,
        via: str = "",
        previous: Trace | None = None,
    ) -> None:
        self.value = value
        self.origin = self.key_origin = origin
        self.mark = mark
        self.key_mark = key_mark
        self.via = via
        self.previous = previous
        self.settled = True
        self.patches: tuple[Any, ...] = ()
        self.lineage: tuple[Any, ...] = ()
        self.for_reference = False

    @property
    def is_mapping(self) -> bool:
        """Whether the value is a ``dict`` of key to node."""
        return type(self.value) is dict

    @property
    def is_list(self) -> bool:
        """Whether the value is a ``list`` of nodes."""
        return type(self.value) is list

    @property
    def is_leaf(self) -> bool:
        """Whether the value is neither a mapping nor a list: text, a number, a truth value, null, an object."""
        return type(self.value) not in (dict, list)

    @property
    def is_suspect(self) -> bool:
        """Whether the value is text without quotes that may not be what was meant: ``yes``, ``None``, ``...``."""
        return id(self.mark) in self.origin.suspects

    def children(self) -> "Iterable[tuple[Key, Node]]":
        """Return the key or index of each child with the child, in order; a leaf has none."""
        value = self.value
        if type(value) is dict:
            return value.items()
        return enumerate(value) if type(value) is list else ()

    @property
    def trace(self) -> Trace:
        """The places of this node, without its value."""
        trace = Trace(self.origin, self.mark, self.key_mark, self.via, self.previous)
        trace.key_origin = self.key_origin
        return trace

    def like(self, value: Any) -> "Node":
        """Return a node at the same place with another value."""
        node = Node(value, self.origin, self.mark, self.key_mark, self.via, self.previous)
        node.key_origin = self.key_origin
        node.settled = self.settled
        node.patches = self.patches
        node.lineage = self.lineage
        node.for_reference = self.for_reference
        return node

    def copied(self) -> "Node":
        """Return a copy of the node and of all below, at the same places; other leaves than text stay the objects."""
        value = self.value
        if type(value) is dict:
            value = {key: child.copied() for key, child in value.items()}
        elif type(value) is list:
            value = [child.copied() for child in value]
        return self.like(value)

    def set_again_by(self, other: Trace) -> None:
        """Remember that ``other`` is the newest to have set this path."""
        self._set_again_by(other, self.trace)

    def append(self, items: "list[Node]", other: Trace) -> None:
        """Append items to a list, and remember that ``other`` did."""
        self._set_again_by(other, BeforeAppending(self, len(items)))
        self.value.extend(items)

    def _set_again_by(self, other: Trace, before: Trace) -> None:
        self.previous = before
        self.origin, self.mark, self.via = other.origin, other.mark, other.via
        self.key_mark, self.key_origin = other.key_mark, other.key_origin

    def plain(self) -> Any:
        """Return the plain value: dicts, lists and leaves."""
        value = self.value
        if type(value) is dict:
            return {key: child.plain() for key, child in value.items()}
        if type(value) is list:
            return [child.plain() for child in value]
        return value


class _Found:
    """A key that was found; wraps it because ``None`` is a key that YAML allows."""

    __slots__ = ("key",)

    def __init__(self, key: Key) -> None:
        self.key = key


def child_at(node: Node, segment: Any) -> Node | None:
    """Find the item of a mapping or list that one segment of a path names."""
    found = key_at(node, segment)
    return None if found is None else node.value[found.key]


def key_at(node: Node, segment: Any) -> _Found | None:
    """Find the key of a mapping or the index of a list that one segment of a path names.

    In a mapping ``0`` finds the key ``0``, then ``'0'``, and ``true`` finds ``'true'``, then ``True``. An index of a
    list may be negative; the found one never is. Text finds the item of a list whose ``_name_`` it is.
    """
    value = node.value
    if type(value) is dict:
        if segment in value and isinstance(segment, bool) is isinstance(_same_key(value, segment), bool):
            return _Found(segment)
        if type(segment) is int:
            return _Found(str(segment)) if str(segment) in value else None
        if type(segment) is str:
            typed = scalar(segment)
            if type(typed) is not str and typed in value:
                return _Found(typed)
        return None
    if type(value) is list and type(segment) is int:
        index = segment + len(value) if segment < 0 else segment
        return _Found(index) if 0 <= index < len(value) else None
    if type(value) is list and type(segment) is str:
        return next((_Found(index) for index, name in item_names(node) if name.value == segment), None)
    return None


def item_names(node: Node) -> "Iterator[tuple[int, Node]]":
    """Yield the index of each item of a list that has a ``_name_``, with the node of the name."""
    for index, item in enumerate(node.value):
        if type(item.value) is dict and (name := item.value.get(NAME)) is not None:
            yield index, name


def _same_key(mapping: dict[Key, Node], key: Key) -> Key:
    """Return the key of the mapping that equals ``key``: ``True`` and ``1`` are equal in Python, not in YAML."""
    if type(key) is str:
        return key
    return next(other for other in mapping if other == key)
