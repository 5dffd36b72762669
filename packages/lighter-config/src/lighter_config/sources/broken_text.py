"""Read as much as possible of a text that is not valid YAML, as one has it between two strokes of the keyboard."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher

from lighter_config.errors import YamlError
from lighter_config.tree.node import Node

_HAS_COLON = re.compile(r":(\s|$)")
_IS_COMPLETE = re.compile(r":(\s|$)|^\s*(-\s|#)|[\]}\"',]\s*$")
_MAX_REPAIRS = 12
_MAX_COMPARED = 400  # lines; to compare more takes longer than to read the file

Read = Callable[[str], Node]
"""Reads a text as a tree, or raises `YamlError`."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What could be read of a broken text.

    Attributes:
        tree: The tree; its places are those of the broken text.
        text: The text that it was read from: the broken one with some lines put back, or left out.
        lines: The numbers of those lines, from 0.
    """

    tree: Node
    text: str
    lines: frozenset[int]


def mended(text: str, error: YamlError, read: Read, before: str | None = None) -> Mended | None:
    r"""Read a broken text by putting back lines as they were, and leaving out those that were not there.

    Args:
        text: The broken text.
        error: Why it cannot be read.
        read: Reads a text.
        before: The last text of the same file that could be read; without one, broken lines are left out.

    Returns:
        What was read; ``None`` if too many lines are broken.

    >>> from lighter_config.sources.yaml_reader import read_mapping
    >>> from lighter_config.tree.origins import Document
    >>> read = lambda text: read_mapping(text, Document("exp.yaml", text))
    >>> broken = "a: 1\nb 2\nc: 4"
    >>> try:
    ...     read(broken)
    ... except YamlError as found:
    ...     error = found
    >>> mended(broken, error, read, before="a: 1\nb: 2\nc: 3").tree.plain()
    {'a': 1, 'b': 2, 'c': 4}
    """
    lines = text.split("\n")
    put_back = _Changes(lines, [] if before is None else before.split("\n"))
    touched: set[int] = set()
    for _ in range(_MAX_REPAIRS):
        line = _line_of(error, lines)
        change = put_back.nearest(line)
        if change is not None:
            start, stop, earlier = change
            lines[start:stop] = earlier
            touched |= set(range(start, stop))
        else:
            left_out = _broken_line(lines, line)
            if left_out is None:
                return None
            lines[left_out] = ""
            touched.add(left_out)
        repaired = "\n".join(lines)
        try:
            return Mended(read(repaired), repaired, frozenset(touched))
        except YamlError as again:
            error = again
    return None


class _Changes:
    """Where two lists of lines differ, and what to put back: as many lines as are there now."""

    def __init__(self, now: list[str], before: list[str]) -> None:
        self._changes: list[tuple[int, int, list[str]]] = []
        if not before:
            return
        start = 0
        while start < min(len(now), len(before)) and now[start] == before[start]:
            start += 1
        end = 0
        while end < min(len(now), len(before)) - start and now[-1 - end] == before[-1 - end]:
            end += 1
        new, old = now[start : len(now) - end], before[start : len(before) - end]
        if max(len(new), len(old)) > _MAX_COMPARED:
            return
        for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind == "equal" or k == m or m - k < j - i:
                continue
            earlier = old[i:j] + [""] * (m - k - (j - i))
            if m - k == j - i:  # each line for itself: the line above the broken one may be new and well
                self._changes += [(start + at, start + at + 1, [line]) for at, line in enumerate(earlier, k)]
            else:
                self._changes.append((start + k, start + m, earlier))

    def nearest(self, line: int) -> tuple[int, int, list[str]] | None:
        """Take the change at a line, or the last one above it: a parser notices late that something is missing."""
        above = [change for change in self._changes if change[0] <= line]
        if not above:
            return None
        self._changes.remove(above[-1])
        return above[-1]


def _broken_line(lines: list[str], noticed: int) -> int | None:
    """Return the line to leave out: where the parser stopped, or the one above if that has no colon and no dash."""
    above = [at for at in range(noticed, -1, -1) if lines[at].strip()][:2]
    if len(above) > 1 and _HAS_COLON.search(lines[above[0]]) and not _IS_COMPLETE.search(lines[above[1]]):
        return above[1]
    return above[0] if above else None


def _line_of(error: YamlError, lines: list[str]) -> int:
    place = error.findings[0].place
    line = len(lines) if place is None or place.line is None else place.line
    return min(max(line, 1), len(lines)) - 1
