"""Lay out a table: exact text in a pipe; on a terminal, headings on several lines and columns left out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lighter_cli.terminal.output import HEADING, Line, Part, cell_text, escaped_part

_GAP = "   "
_PIECE = re.compile(r".+?(?:::|/)(?=.)|.+$", re.DOTALL)
_MAX_CELL = 40


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
) -> tuple[list[Line], list[str]]:
    """Return the lines of a table, and the headings of the columns that were left out.

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
    headings = [[_piece(column, index, num_lines) for column in laid_out] for index in range(num_lines)]
    lines = [_line(line, laid_out) for line in headings]
    lines += [_line(cells, laid_out) for cells in zip(*(column.cells for column in laid_out), strict=True)]
    return lines, left_out


def stacked_lines(first: Column, columns: Sequence[Column], *, width: int | None) -> list[Line]:
    """Return the lines of as many tables as a terminal needs for all columns, one below the other.

    Args:
        first: The column that each table begins with.
        columns: The other columns; a table has at least one of them.
        width: The columns of the terminal; ``None`` for exact text, in one table.
    """
    if width is None:
        return table_lines([first, *columns], width=None)[0]
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
        lines += [[""]] * bool(lines) + table_lines([first, *block], width=width)[0]
    return lines


class _LaidOut:
    def __init__(self, column: Column, *, is_fitted: bool) -> None:
        self.heading = column.heading
        heading = cell_text(escaped_part(column.heading))
        self.pieces = _PIECE.findall(heading) if is_fitted else [heading]
        cells = map(escaped_part, column.cells)
        self.cells = list(map(_cut, cells) if is_fitted else cells)
        self.is_number = column.is_number
        self.width = max(map(len, [*self.pieces, *map(cell_text, self.cells)]), default=0)


def _piece(column: _LaidOut, index: int, num_lines: int) -> Part:
    at = index - (num_lines - len(column.pieces))
    return (column.pieces[at], HEADING) if at >= 0 else ""


def _line(cells: Sequence[Part], columns: Sequence[_LaidOut]) -> Line:
    line: list[Part] = []
    for index, (cell, column) in enumerate(zip(cells, columns, strict=True)):
        padding = " " * (column.width - len(cell_text(cell)))
        is_last = index == len(columns) - 1
        line += [padding, cell] if column.is_number else [cell] if is_last else [cell, padding]
        line += [] if is_last else [_GAP]
    while line and not cell_text(line[-1]).strip():
        line.pop()
    return line


def _cut(cell: Part) -> Part:
    text = cell_text(cell)
    if len(text) <= _MAX_CELL:
        return cell
    short = f"{text[: _MAX_CELL - 1]}…"
    return short if isinstance(cell, str) else (short, cell[1])
