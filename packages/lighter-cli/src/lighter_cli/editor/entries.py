"""The keys and values of one file, each with the stretch of the text where it is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lighter_cli.editor.spans import Span, token_at
from lighter_config.sources.edited_texts import EditedFile
from lighter_config.tree.keys import special_key
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.walking import walk

Part = Literal["key", "value"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value, or an item of a list.

    Attributes:
        path: Where it is in its file, as written: a key ``a::b`` or ``=a`` is one segment.
        node: What it holds.
        key: The key; ``None`` for an item, and for what an alias or ``<<`` brings.
        value: The value, or its first line; ``None`` where it is written elsewhere.
    """

    path: Segments
    node: Node
    key: Span | None
    value: Span | None

    @property
    def start(self) -> tuple[int, int]:
        """Where it begins: line and column."""
        span = self.key or self.value
        return (-1, -1) if span is None else (span.line, span.start)

    @property
    def config_path(self) -> Segments:
        """The path with the operators of its keys taken off, as far as the file alone tells it."""
        segments: list[object] = []
        for segment in self.path:
            special = special_key(segment)
            segments += [segment] if special is None else special.path
        return tuple(segments)


def entries_of(file: EditedFile) -> tuple[Entry, ...]:
    """Return everything that is written in a file, in the order of its text."""
    lines = file.text.split("\n")
    found = sorted(_entries(file.tree, lines), key=lambda entry: (entry.start, len(entry.path)))
    return tuple(found)


def _entries(tree: Node, lines: Sequence[str]) -> Iterator[Entry]:
    nodes = walk(tree)
    next(nodes)
    for path, node in nodes:
        if node.via:  # an alias, whose value is written at its anchor
            continue
        key = _span(lines, node.key_mark.line, node.key_mark.column) if node.key_mark is not None else None
        value = _span(lines, node.mark.line, node.mark.column) if node.mark is not None else None
        if value is not None and node.value is None and (key is None or value.line != key.line):
            value = None  # `key:` without a value, whose place is that of what follows
        yield Entry(path, node, key, value)


def _span(lines: Sequence[str], line: int, column: int) -> Span | None:
    if line >= len(lines):
        return None
    return Span(line, *token_at(lines[line], column))


def entry_at(entries: Sequence[Entry], line: int, column: int) -> tuple[Entry, Part] | None:
    """Find the key or the value at a position, the innermost; ``None`` between them."""
    found: tuple[Entry, Part] | None = None
    for entry in entries:
        if entry.key is not None and entry.key.has(line, column):
            found = (entry, "key")
        elif entry.value is not None and entry.value.has(line, column) and entry.node.is_leaf:
            found = (entry, "value")
    return found
