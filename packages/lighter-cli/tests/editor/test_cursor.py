"""What is being typed, also where the line is no YAML yet."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls")

from lighter_cli.editor.cursor import Cursor, cursor_at
from lighter_config.sources.yaml_reader import read_mapping
from lighter_config.tree.origins import Document


def at(text: str) -> Cursor | None:
    """Find what is typed where ``|`` is."""
    position = text.index("|")
    text = text.replace("|", "", 1)
    line = text[:position].count("\n")
    column = position - (text.rfind("\n", 0, position) + 1)
    return cursor_at(text.split("\n"), line, column, lambda one: read_mapping(one, Document("c.yaml", one, Path())))


CASES: list[tuple[str, str, tuple[Any, ...], Any, str]] = [
    ("|", "key", (), None, ""),
    ("tra|", "key", (), None, "tra"),
    ("a: 1\nb|\nc: 2", "key", (), None, "b"),
    ("a:\n  |", "key", ("a",), None, ""),
    ("a:\n  b: 1\n  |", "key", ("a",), None, ""),
    ("a:\n  b: 1\n  c|\nd: 2", "key", ("a",), None, "c"),
    ("a: |", "value", (), "a", ""),
    ("a: t|", "value", (), "a", "t"),
    ("a: t|orch # why", "value", (), "a", "t"),
    ("a:\n  b: x|\n  c: 1", "value", ("a",), "b", "x"),
    ('a: "%vars::|"', "value", (), "a", "%vars::"),
    ('a: "%vars::|', "value", (), "a", "%vars::"),
    ("a: '@b|'", "value", (), "a", "@b"),
    ("a: @b|", "value", (), "a", "@b"),
    ("a: {b|", "key", ("a",), None, "b"),
    ("a: {b: 1, |}", "key", ("a",), None, ""),
    ("a: {b: 1, c: |}", "value", ("a",), "c", ""),
    ("a: {b: 1, c: x|", "value", ("a",), "c", "x"),
    ("a: {b: {c: 1}, d: [1, {e|", "key", ("a", "d", 1), None, "e"),
    ("a: [x, y|]", "value", ("a",), 1, "y"),
    ("a: [x, y|, z]", "value", ("a",), 1, "y"),
    ("a:\n  - b: 1\n    |", "key", ("a", 0), None, ""),
    ("a:\n  - b: 1\n  - c|", "key", ("a", 1), None, "c"),
    ("a:\n  - b: x|", "value", ("a", 0), "b", "x"),
    ("=a::b: x|", "value", (), "=a::b", "x"),
    ("a:\n  ~b|", "key", ("a",), None, "~b"),
]


@pytest.mark.parametrize(("text", "part", "holder", "key", "typed"), CASES)
def test_the_place_of_what_is_typed_is_found(text: str, part: str, holder: Any, key: Any, typed: str) -> None:
    cursor = at(text)
    assert cursor is not None
    assert (cursor.part, cursor.holder, cursor.key, cursor.typed) == (part, holder, key, typed)


@pytest.mark.parametrize("text", ["a: 1 # |", "# |", "a: {b: 1} # x|", "a:|"])
def test_nothing_is_typed_in_a_comment_or_right_behind_a_colon(text: str) -> None:
    assert at(text) is None


def test_the_stretch_is_what_a_completion_replaces() -> None:
    cursor = at('a: "%vars::ra|te" # why')
    assert cursor is not None
    assert (cursor.start, cursor.end, cursor.quote) == (4, 15, '"')
    key = at("a:\n  max_ep|ochs: 3")
    assert key is not None
    assert (key.start, key.end, key.has_colon) == (2, 12, True)


def test_what_stands_beside_is_known_without_what_is_typed() -> None:
    cursor = at("a:\n  b: 1\n  c|\n  d: 2\n")
    assert cursor is not None
    assert cursor.beside == {"b": 1, "d": 2}
