"""Lay out a table: exact text in a pipe; on a terminal, headings on several lines and columns left out."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lighter_cli.terminal.output import HEADING, Line, Part, cell_text, escaped_part

_GAP = "   "
_PIECE = re.compile(r".+?(?:::|/)(?=.)|.+$", re.DOTALL)
MAX_CELL = 40


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        heading: Its heading.
        cells: Its cells, one a row.
        is_number: Whether the cells are aligned at the right.
    """

    heading: str
    cells: Sequence[Part]
    is_number: bool = False


def table_lines(
    columns: Sequence[Column], *, width: int | None, droppable: Iterable[str] = ()
) -> tuple[Iterator[Line], list[str]]:
    """Return the lines of a table, each made when it is asked for, and the headings of the columns that were left out.

    Args:
        columns: The columns; all have the same number of cells.
        width: The columns of the terminal; ``None`` for exact text, in which each heading is one line.
        droppable: The headings of columns that may be left out to fit the width, the first one first.
    """
    laid_out = [_LaidOut(column, is_fitted=width is not None) for column in columns]
    left_out: list[str] = []
    for heading in droppable:
        if width is None or sum(column.width for column in laid_out) + len(_GAP) * (len(laid_out) - 1) <= width:
            break
        if any(column.heading == heading for column in laid_out):
            laid_out = [column for column in laid_out if column.heading != heading]
            left_out.append(heading)
    num_lines = max((len(column.pieces) for column in laid_out), default=0)
    columns_of_parts = [column.parts(num_lines, is_last=column is laid_out[-1]) for column in laid_out]
    return map(_line, zip(*columns_of_parts, strict=True)), left_out


def stacked_lines(first: Column, columns: Sequence[Column], *, width: int | None) -> list[Line]:
    """Return the lines of as many tables as a terminal needs for all columns, one below the other.

    Args:
        first: The column that each table begins with.
        columns: The other columns; a table has at least one of them.
        width: The columns of the terminal; ``None`` for exact text, in one table.
    """
    if width is None:
        return [*table_lines([first, *columns], width=None)[0]]
    begin = _LaidOut(first, is_fitted=True).width
    blocks: list[list[Column]] = []
    used = width
    for column in columns:
        needed = len(_GAP) + _LaidOut(column, is_fitted=True).width
        if not blocks or used + needed > width:
            blocks.append([])
            used = begin
        blocks[-1].append(column)
        used += needed
    lines: list[Line] = []
    for block in blocks:
        lines += [[""]] * bool(lines)
        lines += table_lines([first, *block], width=width)[0]
    return lines


class _LaidOut:
    def __init__(self, column: Column, *, is_fitted: bool) -> None:
        self.heading = column.heading
        heading = cell_text(escaped_part(column.heading))
        self.pieces = _PIECE.findall(heading) if is_fitted else [heading]
        cells = column.cells
        if not "".join(map(cell_text, cells)).isprintable():  # much faster than cell by cell
            cells = list(map(escaped_part, cells))
        self.cells = list(map(_cut, cells)) if is_fitted else cells
        self.is_number = column.is_number
        self.width = max(map(len, [*self.pieces, *map(cell_text, self.cells)]), default=0)

    def parts(self, num_lines: int, *, is_last: bool) -> list[Part]:
        """Return the heading, at the bottom of so many lines, and the cells, all as wide as the column."""
        above = [""] * (num_lines - len(self.pieces))
        parts: list[Part] = [*above, *((piece, HEADING) for piece in self.pieces), *self.cells]
        if is_last and not self.is_number:
            return parts
        pad, width = (str.rjust if self.is_number else str.ljust), self.width
        return [pad(part, width) if isinstance(part, str) else (pad(part[0], width), part[1]) for part in parts]


def _line(parts: Sequence[Part]) -> Line:
    """Return the parts of a line with gaps; blank parts at its end are left out."""
    end = len(parts)
    while end and not cell_text(parts[end - 1]).strip():
        end -= 1
    line: list[Part] = [_GAP] * max(0, 2 * end - 1)
    line[::2] = parts[:end]
    if 0 < end < len(parts):
        line[-1] = _with_text(line[-1], cell_text(line[-1]).rstrip(" "))
    return line


def _cut(cell: Part) -> Part:
    text = cell_text(cell)
    return cell if len(text) <= MAX_CELL else _with_text(cell, f"{text[: MAX_CELL - 1]}…")


def _with_text(part: Part, text: str) -> Part:
    return text if isinstance(part, str) else (text, part[1])
