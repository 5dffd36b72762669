"""Stretches of a text, in the units that an editor counts in."""

from pathlib import Path

import pytest

pytest.importorskip("pygls")

from open_files import edit

from lighter_cli.editor.code_actions import code_actions
from lighter_cli.editor.diagnostics import diagnostics_of
from lighter_cli.editor.entries import entries_of, entry_at
from lighter_cli.editor.references import rename
from lighter_cli.editor.spans import Span, Units, open_brackets, token_at
from lighter_cli.editor.workspace import Workspace
from lighter_config.sources.edited_texts import EditedTexts

ROCKET = "\N{ROCKET}"
ACCENTED = "e\N{COMBINING ACUTE ACCENT}"
FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}"
UNITS = {"utf-16": 2 + 2 + 5, "utf-8": 4 + 3 + 11, "utf-32": 1 + 2 + 3}
"""How many units the rocket, the accented letter and the family take together."""


@pytest.mark.parametrize("encoding", UNITS)
def test_characters_before_a_column_are_counted_in_its_units(encoding: str) -> None:
    before = ROCKET + ACCENTED + FAMILY
    line, units = f"{before}: 1", Units(encoding)
    assert units.count(line, len(before)) == UNITS[encoding]
    assert units.column(line, UNITS[encoding]) == len(before)
    assert units.column(line, 10**6) == len(line)
    for column in range(len(line) + 1):
        assert units.column(line, units.count(line, column)) == column


@pytest.mark.parametrize("encoding", UNITS)
def test_a_diagnostic_behind_an_emoji_has_its_range(encoding: str, tmp_path: Path) -> None:
    text = f'trainer: {{_target_: dict}}\nvars: {{a: "{ROCKET}{ACCENTED}{FAMILY}", b: "%vars::c"}}\n'
    workspace = Workspace()
    workspace.units = Units(encoding)
    edit(workspace, tmp_path / "c.yaml", text)
    (found,) = [one for one in diagnostics_of(workspace, tmp_path / "c.yaml") if "%vars::c" in one.message]
    assert found.range.start.character == len('vars: {a: "') + UNITS[encoding] + len('", b: ')
    assert found.range.end.character == found.range.start.character + len('"%vars::c"')


@pytest.mark.parametrize("encoding", UNITS)
def test_a_name_behind_an_emoji_is_renamed(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    text = f'trainer: {{_target_: dict}}\nvars: {{{ACCENTED}: "{ROCKET}", b: 1}}\nseed: "$\'{FAMILY}\' and @vars::b"\n'
    workspace = Workspace()
    workspace.units = Units(encoding)
    edit(workspace, file, text)
    changes = rename(workspace, file, 1, text.split("\n")[1].index("b:"), "width").changes or {}
    ((_, edits),) = changes.items()
    lines = text.split("\n")
    for one in sorted(edits, key=lambda one: (one.range.start.line, one.range.start.character), reverse=True):
        line = lines[one.range.start.line]
        start, end = (workspace.units.column(line, at.character) for at in (one.range.start, one.range.end))
        lines[one.range.start.line] = line[:start] + one.new_text + line[end:]
    assert "\n".join(lines) == text.replace("b: 1", "width: 1").replace("vars::b", "vars::width")


@pytest.mark.parametrize(
    ("line", "token"),
    [
        ("lr: [0.1] # rate", "0.1"),
        ("lr: [1, 2", "1"),
        ("a: ['it''s'] # b", "'it''s'"),
        ('a: [say "x"]', 'say "x"'),
        (r'a: ["x\"y", z]', r'"x\"y"'),
        ("- {a: [[1, 2]], b: 3}", "[1, 2]"),
        ("a: [&name text]", "text"),
        ("a: [!!int 3]", "3"),
        ("a: [x#y]", "x#y"),
    ],
)
def test_a_token_ends_where_its_value_ends(line: str, token: str) -> None:
    column = line.index("[") + 1
    start, end = token_at(line, column)
    assert line[start:end] == token


@pytest.mark.parametrize(
    ("text", "brackets"),
    [("a: [{b: 1", "[{"), ("a: '[' ", ""), ("a: it's [", "["), ("a: x[0]", ""), ("a: [1] # [", ""), ('"{": [', "[")],
)
def test_brackets_in_quotes_and_comments_do_not_count(text: str, brackets: str) -> None:
    assert "".join(open_brackets(text)) == brackets


TEXT = """\
a: &one {b: 1, "c": [2, x]}
d: *one
e::f: |
  several
  lines
=g:
  - h: null
  -
    i: "j"
k:
l: 3
"""


def test_entries_are_in_the_order_of_the_text_with_their_stretches() -> None:
    texts = EditedTexts()
    texts.edit(Path("c.yaml"), TEXT)
    lines = TEXT.split("\n")
    found = {}
    for entry in entries_of(texts.file(Path("c.yaml"), "c.yaml")):
        key, value = (lines[at.line][at.start : at.end] if at is not None else None for at in (entry.key, entry.value))
        found[entry.path] = (key, value)
    assert list(found) == sorted(found, key=list(found).index)
    assert found["a",] == ("a", '{b: 1, "c": [2, x]}')
    assert found["a", "c"] == ('"c"', "[2, x]")
    assert found["a", "c", 1] == (None, "x")
    assert ("d", "b") not in found  # written at the anchor
    assert found["e::f",] == ("e::f", "|")
    assert found["=g", 0, "h"] == ("h", "null")
    assert found["=g", 1, "i"] == ("i", '"j"')
    assert found["k",] == ("k", "")
    assert found["l",] == ("l", "3")


def test_at_a_position_the_innermost_entry_is_found() -> None:
    texts = EditedTexts()
    texts.edit(Path("c.yaml"), TEXT)
    entries = entries_of(texts.file(Path("c.yaml"), "c.yaml"))

    def at(line: int, column: int) -> tuple[object, str] | None:
        found = entry_at(entries, line, column)
        return None if found is None else (found[0].path, found[1])

    assert at(0, 9) == (("a", "b"), "key")
    assert at(0, 12) == (("a", "b"), "value")
    assert at(0, 24) == (("a", "c", 1), "value")
    assert at(0, 8) is None
    assert at(8, 4) == (("=g", 1, "i"), "key")
    assert at(100, 0) is None


def test_a_span_has_its_end_but_not_the_next_line() -> None:
    span = Span(3, 2, 5)
    assert span.has(3, 2)
    assert span.has(3, 5)
    assert not span.has(3, 6)
    assert not span.has(4, 3)


@pytest.mark.parametrize("key", ["a::: 1", "::a: 1", "a::::b: 1"])
def test_a_key_that_is_no_path_is_shown(key: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    workspace = Workspace()
    for text in ("trainer:\n  _target_: dict\n", f"trainer:\n  _target_: dict\n  {key}\n"):
        edit(workspace, file, text)
    found = diagnostics_of(workspace, file)
    assert any("has an empty segment" in one.message for one in found)
    code_actions(workspace, file, found)
