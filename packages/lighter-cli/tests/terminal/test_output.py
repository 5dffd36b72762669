"""What commands print, on a terminal and elsewhere."""

import pytest

from lighter_cli.terminal import output

ROWS = [(("a path", output.PATH), "text", "place"), ("b", "", "")]


def test_rows_are_aligned_and_end_with_their_last_cell() -> None:
    assert [_text(line) for line in output.rows(ROWS)] == ["  a path   text   place", "  b"]


def test_a_row_too_wide_for_the_terminal_is_stacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "width", lambda: 20)
    lines = output.rows([*ROWS, ("c", "short", "")])
    assert [_text(line) for line in lines] == ["  a path", "    text", "    place", "  b", "  c        short"]


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (None, ["null"]),
        ("1e-3", ["'1e-3'"]),
        ({}, ["{}"]),
        ([], ["[]"]),
        ([[1, 2], {"a": "b: c"}], ["- [1, 2]", "- a: 'b: c'"]),
        ({"a": {"b": 1}}, ["a:", "  b: 1"]),
    ],
)
def test_a_value_is_written_as_yaml(value: object, lines: list[str]) -> None:
    assert output.yaml_lines(value) == lines


def _text(line: output.Line) -> str:
    return "".join(part if isinstance(part, str) else part[0] for part in line)
