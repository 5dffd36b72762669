"""Values that know where they came from: the node of the config tree and the chain of places behind it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from lighter_config.places import Place
from lighter_config.tree.scalars import scalar

Key: TypeAlias = Any  # what YAML allows as the key of a mapping: text, numbers, true, null
Segments: TypeAlias = tuple[Any, ...]

MAX_DEPTH = 200
"""Levels a config may be nested. Deeper input is refused with an error before it can exhaust Python's stack."""

MAX_VALUES = 100_000
"""Values that one file may hold, its aliases expanded, and that all copies of ``%`` may add up to."""


class Mark(Protocol):
    """A position in a text, as the YAML parser gives it: line and column from 0."""

    @property
    def line(self) -> int:
        """The line."""

    @property
    def column(self) -> int:
        """The column."""


class Origin:
    """Something that sets values; one object for all of them, so that a node needs only a mark."""

    __slots__ = ("folder", "legacy", "suspects")

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        """The folder that file names in this origin are relative to, when it has one."""
        self.suspects: list[tuple[Node, Literal["word", "placeholder"]]] = []
        """Values that may not be what was meant: ``yes``, ``None``, ``...`` without quotes."""
        self.legacy: tuple[Mark | None, str] | None = None
        """The first key of this origin that is written with the old ``#`` separator."""

    def place(self, mark: Mark | None, via: str = "") -> Place:
        """Say where ``mark`` is, in words of the user."""
        raise NotImplementedError

    def excerpt(self, mark: Mark | None) -> str:
        """Return what the user wrote at ``mark``, one line."""
        raise NotImplementedError


class Document(Origin):
    """A YAML file, by the name that the user gave it."""

    __slots__ = ("_lines", "name", "text")

    def __init__(self, name: str, text: str, folder: Path | None = None) -> None:
        super().__init__(folder)
        self.name = name
        self.text = text
        self._lines: list[str] | None = None

    def place(self, mark: Mark | None, via: str = "") -> Place:
        """Return file, line and column, from 1."""
        if mark is None:
            return Place(self.name, via=via)
        return Place(self.name, mark.line + 1, mark.column + 1, via=via)

    def excerpt(self, mark: Mark | None) -> str:
        """Return the line, without its indentation."""
        if mark is None:
            return ""
        if self._lines is None:
            self._lines = self.text.split("\n")
        return self._lines[mark.line].strip() if mark.line < len(self._lines) else ""


class Word(Origin):
    """An override among the words of the command line."""

    __slots__ = ("number", "text")

    def __init__(self, text: str, number: int) -> None:
        super().__init__()
        self.text = text
        self.number = number

    def place(self, mark: Mark | None = None, via: str = "") -> Place:
        """Return the number of the word, from 1."""
        return Place("command line", word=self.number, via=via)

    def excerpt(self, mark: Mark | None = None) -> str:
        """Return the whole word."""
        return self.text


class Caller(Origin):
    """Python code that gave a mapping."""

    __slots__ = ("line", "name")

    def __init__(self, name: str, line: int | None) -> None:
        super().__init__()
        self.name = name
        self.line = line

    def place(self, mark: Mark | None = None, via: str = "") -> Place:
        """Return the line of the call."""
        return Place(self.name, self.line, via=via)

    def excerpt(self, mark: Mark | None = None) -> str:
        """Return nothing: a call spans lines, and its file is the caller's."""
        return ""


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
        """Where the value stands."""
        return self.origin.place(self.mark, self.via)

    @property
    def key_place(self) -> Place:
        """Where its key stands; the value's own place for an item of a list."""
        if self.key_mark is None:
            return self.place
        return self.key_origin.place(self.key_mark, self.via)

    @property
    def excerpt(self) -> str:
        """What the user wrote where the value stands; with its key, when that is not beside a reference to it."""
        return self.origin.excerpt(self.mark) if self.via else self.key_excerpt

    @property
    def key_excerpt(self) -> str:
        """What the user wrote where the key stands."""
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

    def set_again_by(self, other: Trace) -> None:
        """Remember that ``other`` is the newest to have set this path."""
        self.previous = self.trace
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


def child_at(node: Node, segment: Any) -> Node | None:
    """Find the item of a mapping or list that one segment of a path names."""
    key = key_at(node, segment)
    return None if key is None else node.value[key.key]


class _Found:
    """A key that was found; wraps it because ``None`` is a key that YAML allows."""

    __slots__ = ("key",)

    def __init__(self, key: Key) -> None:
        self.key = key


def key_at(node: Node, segment: Any) -> _Found | None:
    """Find the key of a mapping or the index of a list that one segment of a path names.

    In a mapping ``0`` finds the key ``0``, then ``'0'``, and ``true`` finds ``'true'``, then ``True``. An index of a
    list may be negative; the found one never is.
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
    return None


def _same_key(mapping: dict[Key, Node], key: Key) -> Key:
    """Return the key of the mapping that equals ``key``: ``True`` and ``1`` are equal in Python, not in YAML."""
    if type(key) is str:
        return key
    return next(other for other in mapping if other == key)
