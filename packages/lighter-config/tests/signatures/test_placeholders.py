"""Partials that leave positional arguments open with ``functools.Placeholder``, which Python 3.14 has."""

import ast
import sys
from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, Signature
from lighter_config.signatures.text.parameters import partially_applied, read_parameters

Read = Callable[..., Answer]

DRAW = """
import functools
from functools import Placeholder, partial
from functools import Placeholder as _

def draw(box, width, height=3, *, color="red"): ...
"""
needs_placeholders = pytest.mark.skipif(sys.version_info < (3, 14), reason="functools.Placeholder is of Python 3.14")


@pytest.mark.parametrize(
    ("left_open", "expected"),
    [
        ([False, True, False], "b, /, *, d=4"),
        ([True, False], "a, /, c=3, *, d=4"),
        ([True, True], None),
        ([True, False, False, False], None),
    ],
)
def test_an_open_argument_is_by_place_and_required(left_open: list[bool], expected: str | None) -> None:
    def read(text: str) -> tuple[object, ...]:
        (function,) = ast.parse(f"def f({text}): ...").body
        assert isinstance(function, ast.FunctionDef)
        return read_parameters(function.args, "lib")

    found = partially_applied(read("a, b=2, c=3, *, d=4"), left_open, [])  # type: ignore[arg-type]
    assert found == (None if expected is None else read(expected))


@needs_placeholders
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thing = partial(draw, Placeholder, 2)", ["box", "height", "color"]),
        ("thing = functools.partial(draw, functools.Placeholder, 2, color=1)", ["box", "height", "color"]),
        ("thing = partial(draw, _, _, 2)", ["box", "width", "color"]),
        ("thing = partial(partial(draw, _, 2), 1)", ["height", "color"]),
        ("thing = partial(partial(draw, _, _, 4), 1)", ["width", "color"]),
        ("def keep(a, f): return f\n@partial(keep, _)\ndef thing(a): ...", None),
        ("def keep(f, a): return f\n@partial(keep, _, 1)\ndef thing(a): ...", ["a"]),
    ],
)
def test_a_partial_takes_what_it_leaves_open(read: Read, text: str, expected: list[str] | None) -> None:
    if expected is None:  # a placeholder at the end is an error of Python
        assert not isinstance(read(DRAW + text), Signature)
        return
    answer = read(DRAW + text)
    assert isinstance(answer, Signature)
    assert [parameter.name for parameter in answer.parameters] == expected
