"""A table has exact text in a pipe, and fits the width of a terminal."""

import pytest

from lighter_cli.terminal.output import HEADING, PATH, Line, cell_text
from lighter_cli.terminal.table import Column, table_lines

COLUMNS = [
    Column("id", [("a", PATH), ("b\tc", PATH)]),
    Column("val/loss", ["0.5", "0.25"], is_number=True),
    Column("tags", ["", "x,y"]),
]


def texts(lines: list[Line]) -> list[str]:
    return ["".join(map(cell_text, line)) for line in lines]


def test_columns_are_aligned_and_lines_have_no_blank_end() -> None:
    lines, left_out = table_lines(COLUMNS, width=None)
    assert texts(list(lines)) == ["id     val/loss   tags", "a           0.5", r"b\tc       0.25   x,y"]
    assert left_out == []


def test_cells_and_headings_keep_their_styles() -> None:
    lines, _ = table_lines(COLUMNS, width=None)
    heading, first, _ = lines
    assert heading[0] == ("id  ", HEADING)
    assert first[0] == ("a   ", PATH)


def test_a_narrow_table_has_headings_on_several_lines_and_fewer_columns() -> None:
    lines, left_out = table_lines(COLUMNS, width=14, droppable=["unknown", "tags", "id"])
    assert texts(list(lines)) == ["       val/", "id     loss", "a       0.5", r"b\tc   0.25"]
    assert left_out == ["tags"]


@pytest.mark.parametrize("width", [None, 80])
def test_only_a_terminal_shortens_long_cells(width: int | None) -> None:
    lines, _ = table_lines([Column("words", [("w" * 50, PATH)])], width=width)
    shown = texts(list(lines))[1]
    assert shown == ("w" * 50 if width is None else "w" * 39 + "…")


def test_spaces_at_the_end_of_a_last_cell_are_exact() -> None:
    lines, _ = table_lines([Column("note", ["as it is  "])], width=None)
    assert texts(list(lines)) == ["note", "as it is  "]
