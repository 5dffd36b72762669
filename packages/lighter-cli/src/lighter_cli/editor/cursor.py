"""What is being typed at a position: a key or a value, in which mapping, also in a line that is no YAML yet."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lighter_cli.editor.entries import Part
from lighter_cli.editor.spans import open_brackets
from lighter_config import YamlError
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.walking import walk

_CURSOR = "cursor_7f3a91"
_INDENT = re.compile(r"\s*(?:-\s+)*")
_COLON = re.compile(r":(?=\s|$)")
_IN_COMMENT = re.compile(r"(?:^|\s)#")
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is being typed.

    Attributes:
        part: A key, or a value; a plain word behind a dash may become either, and counts as a key.
        holder: The path, in the file as it is written, of the mapping or list that holds it.
        key: Of a value the key, or the index in a list.
        typed: The text of the key or value up to the position, without its quote.
        quote: The quote that it begins with; empty for plain text.
        start: The column of the first character behind the quote.
        end: The column behind the last character of the key or value.
        beside: The mapping or list that holds it, as plain values, without it.
        is_item: Whether it is an item of a list.
        is_in_flow: Whether it is inside brackets or braces.
        has_colon: Whether a colon follows the key.
        surplus: How many columns of indentation a key has too many: editors indent behind a value, too.
    """

    part: Part
    holder: Segments
    key: Any
    typed: str
    quote: str
    start: int
    end: int
    beside: Any
    is_item: bool
    is_in_flow: bool
    has_colon: bool
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class _Piece:
    """The piece of a line that the position is in.

    Attributes:
        part: A key or a value.
        begin: The column where the piece begins, behind indentation and dashes, or behind the last comma or bracket.
        start: The column where the text begins, with its quote.
        end: The column where it ends.
        brackets: The brackets that are open there.
    """

    part: Part
    begin: int
    start: int
    end: int
    brackets: tuple[str, ...]


def cursor_at(lines: Sequence[str], line: int, column: int, read: Callable[[str], Node]) -> Cursor | None:
    """Find what is being typed at a position; ``None`` in a comment, and where the text around is no YAML.

    Args:
        lines: The text, with the line that is being typed.
        line: The line, from 0.
        column: The column, in characters from 0.
        read: Reads a text as a tree, or raises `YamlError`.
    """
    written = lines[line] if line < len(lines) else ""
    piece = _piece(written, column)
    if piece is None:
        return None
    found = _tried(lines, line, column, read, written, piece)
    indent = _indent_of_key_above(lines, line)
    if found is None and piece.part == "key" and not piece.brackets and piece.begin > indent:
        surplus = piece.begin - indent
        less = [*lines[:line], written[surplus:], *lines[line + 1 :]]
        moved = cursor_at(less, line, column - surplus, read)
        if moved is not None:
            start, end = moved.start + surplus, moved.end + surplus
            found = replace(moved, start=start, end=end, surplus=surplus)
    return found


def _indent_of_key_above(lines: Sequence[str], line: int) -> int:
    """Return the column of the key in the next line above that is not empty, behind its dashes."""
    above = next((lines[at] for at in range(line - 1, -1, -1) if lines[at].strip()), "")
    return _INDENT.match(above).end()  # type: ignore[union-attr]


def _tried(
    lines: Sequence[str], line: int, column: int, read: Callable[[str], Node], written: str, piece: _Piece
) -> Cursor | None:
    for attempt in _attempts(written, piece):
        for following in (lines[line + 1 :], ()):
            try:
                tree = read("\n".join([*lines[:line], attempt, *following]))
            except YamlError:
                continue
            found = _found(tree)
            if found is not None:
                return _cursor(written, column, piece, *found)
    return None


def _piece(written: str, column: int) -> _Piece | None:
    before = written[:column]
    if _is_in_comment(before):
        return None
    brackets = open_brackets(before)
    begin = _begin_in_flow(before) if brackets else _INDENT.match(before).end()  # type: ignore[union-attr]
    colon = _colon(before, begin)
    if colon is None:
        part: Part = "value" if brackets and brackets[-1] == "[" else "key"
        start = begin
    elif colon + 1 == column:  # right behind the colon, where YAML wants a space first
        return None
    else:
        part, start = "value", colon + 1 + len(written[colon + 1 : column]) - len(written[colon + 1 : column].lstrip())
    return _Piece(part, begin, start, _end(written, column, start, part, bool(brackets)), tuple(brackets))


def _is_in_comment(before: str) -> bool:
    quote = ""
    for at, char in enumerate(before):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and (at == 0 or before[at - 1] in " ,[{:"):
            quote = char
        elif char == "#" and (at == 0 or before[at - 1].isspace()):
            return True
    return False


def _begin_in_flow(before: str) -> int:
    """Return where the piece after the last bracket or comma that counts begins."""
    depth = len(open_brackets(before))
    for at in range(len(before), 0, -1):
        inner = open_brackets(before[:at])
        if before[at - 1] in "[{" and len(inner) == depth and len(open_brackets(before[: at - 1])) < depth:
            break
        if before[at - 1] == "," and len(inner) == depth and not _is_quoted(before, at - 1):
            break
    else:
        at = 0
    return at + len(before[at:]) - len(before[at:].lstrip())


def _is_quoted(text: str, column: int) -> bool:
    return text[:column].count('"') % 2 == 1


def _colon(before: str, begin: int) -> int | None:
    """Return the column of the colon behind the key of a piece, outside quotes."""
    at = begin
    if before[begin : begin + 1] in ("'", '"'):
        closing = before.find(before[begin], begin + 1)
        if closing < 0:
            return None
        at = closing + 1
    match = _COLON.search(before, at)
    return None if match is None else match.start()


def _end(written: str, column: int, start: int, part: Part, is_in_flow: bool) -> int:
    quote = written[start : start + 1]
    if quote in ("'", '"'):
        closing = written.find(quote, max(column, start + 1))
        return len(written.rstrip()) if closing < 0 else closing + 1
    stop = r"\s*:(?=\s|$)|\s+#|\s*$" if part == "key" else r"\s+#|\s*$"
    if is_in_flow:
        stop += r"|\s*[,\]}]"
    match = re.compile(stop).search(written, column)
    return column if match is None else match.start()


def _attempts(written: str, piece: _Piece) -> Iterator[str]:
    """Yield the line with a word in the place of what is typed: with what follows it, and without."""
    head, rest = written[: piece.start], written[piece.end :]
    closing = "".join(_CLOSING[bracket] for bracket in reversed(piece.brackets))
    if piece.part == "value":
        yield f"{head}{_CURSOR}{rest}"
        yield f"{head}{_CURSOR}{closing}"
        return
    if rest.lstrip().startswith(":"):
        yield f"{head}{_CURSOR}{rest}"
    if piece.brackets:
        yield f"{head}{_CURSOR}: null{rest}"
        yield f"{head}{_CURSOR}: null{closing}"
    else:
        yield f"{head}{_CURSOR}:"
        yield f"{head}{_CURSOR}: null"
        yield f"{head}{_CURSOR}"


def _found(tree: Node) -> tuple[Segments, Node] | None:
    for path, node in walk(tree):
        if (path and path[-1] == _CURSOR) or node.value == _CURSOR:
            holder = tree
            for segment in path[:-1]:
                holder = holder.value[segment]
            return path, holder
    return None


def _cursor(written: str, column: int, piece: _Piece, path: Segments, holder: Node) -> Cursor:
    first = written[piece.start : piece.start + 1]
    quote = first if first in ("'", '"') and piece.start < column else ""
    start = piece.start + len(quote)
    beside = holder.plain()
    if isinstance(beside, dict):
        beside.pop(_CURSOR, None)
        beside = {key: value for key, value in beside.items() if value != _CURSOR}
    end = (
        piece.end - 1 if quote and written[piece.end - 1 : piece.end] == quote and piece.end - 1 >= start else piece.end
    )
    return Cursor(
        part="key" if path[-1] == _CURSOR else "value" if piece.part == "value" else "key",
        holder=path[:-1],
        key=None if path[-1] == _CURSOR else path[-1],
        typed=written[start:column],
        quote=quote,
        start=start,
        end=max(end, column),
        beside=beside,
        is_item=isinstance(beside, list) or bool(_INDENT.match(written).group().strip()),  # type: ignore[union-attr]
        is_in_flow=bool(piece.brackets),
        has_colon=written[piece.end :].lstrip().startswith(":"),
    )
