"""Stretches of one line of a text, and the units that the protocol counts in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lsprotocol import types

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")
_PLAIN_END = re.compile(r"\s*:(?=\s|$)|\s+#|\s*$")
_PLAIN_END_IN_FLOW = re.compile(r"\s*:(?=[\s,\]}]|$)|\s+#|\s*[,\]}\[{]|\s*$")
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one line, in characters from 0; ``end`` is behind the last one."""

    line: int
    start: int
    end: int

    def has(self, line: int, column: int) -> bool:
        """Return whether a position is in it, or at its end."""
        return self.line == line and self.start <= column <= self.end


def token_at(line: str, column: int) -> tuple[int, int]:
    """Return where the key or value that begins at a column of a line of YAML begins and ends, without its anchor.

    A value of several lines ends with its first.

    >>> token_at("lr: 0.1 # rate", 4), token_at("- {a: [1, 2], b: 3}", 6), token_at("a: 'it''s' # b", 3)
    ((4, 7), (6, 12), (3, 10))
    """
    if match := _PROPERTIES.match(line, column):
        column = match.end()
    first = line[column : column + 1]
    if first in ("'", '"'):
        return column, _end_of_quoted(line, column, first)
    if first in _CLOSING:
        return column, _end_of_flow(line, column)
    pattern = _PLAIN_END_IN_FLOW if is_in_flow(line, column) else _PLAIN_END
    match = pattern.search(line, column)
    end = match.start() if match is not None else len(line)
    return column, max(end, min(column + 1, len(line)))


def is_in_flow(line: str, column: int) -> bool:
    """Return whether a column of a line is inside brackets or braces that the line opens."""
    return bool(open_brackets(line[:column]))


def open_brackets(text: str) -> list[str]:
    """Return the brackets that are open at the end of a piece of YAML, outermost first, without those in quotes."""
    opened: list[str] = []
    quote = ""
    previous = " "
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and previous in " ,[{:":
            quote = char
        elif char == "#" and previous == " ":
            break
        elif char in "[{" and (opened or previous in " -:" or not previous.strip()):
            opened.append(char)
        elif char in "]}" and opened:
            opened.pop()
        previous = char
    return opened


def _end_of_quoted(line: str, start: int, quote: str) -> int:
    at = start + 1
    while at < len(line):
        if line[at] == "\\" and quote == '"':
            at += 2
        elif line[at] == quote:
            if quote == "'" and line[at + 1 : at + 2] == "'":
                at += 2
                continue
            return at + 1
        else:
            at += 1
    return len(line)


def _end_of_flow(line: str, start: int) -> int:
    for end in range(start + 1, len(line) + 1):
        if line[end - 1] in "]}" and not open_brackets(f" {line[start:end]}"):
            return end
    return len(line.rstrip())


@dataclass(frozen=True, slots=True)
class Units:
    """What positions are counted in: UTF-16 code units, unless the editor prefers bytes of UTF-8, or characters.

    >>> Units().count("a\N{ROCKET}b", 2), Units().column("a\N{ROCKET}b", 3), Units("utf-8").count("a\N{ROCKET}b", 2)
    (3, 2, 5)
    """

    encoding: str = "utf-16"

    def count(self, line: str, column: int) -> int:
        """Return how many units the characters before a column take."""
        before = line[:column]
        return len(before) if before.isascii() else sum(map(self._size, before))

    def column(self, line: str, count: int) -> int:
        """Return the column after a count of units; the end of the line if it has fewer."""
        if line.isascii() or self.encoding == "utf-32":
            return min(count, len(line))
        taken = 0
        for column, char in enumerate(line):
            if taken >= count:
                return column
            taken += self._size(char)
        return len(line)

    def range_of(self, lines: Sequence[str], span: Span) -> types.Range:
        """Return a stretch of some lines as the protocol has it."""
        line = lines[span.line] if span.line < len(lines) else ""
        start, end = self.count(line, span.start), self.count(line, span.end)
        return types.Range(types.Position(span.line, start), types.Position(span.line, end))

    def _size(self, char: str) -> int:
        if self.encoding == "utf-16":
            return 2 if ord(char) > _LAST_OF_ONE_UNIT else 1
        return len(char.encode("utf-8", "surrogatepass")) if self.encoding == "utf-8" else 1


_LAST_OF_ONE_UNIT = 0xFFFF
