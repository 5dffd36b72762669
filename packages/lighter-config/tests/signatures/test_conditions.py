"""Conditions that the text alone decides: each is also evaluated by Python."""

import ast
import os
import sys
from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, Signature, Unknown
from lighter_config.signatures.text.conditions import static_truth

Read = Callable[..., Answer]


def said_of(text: str) -> bool | None:
    return static_truth(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    "text",
    [
        "True",
        "0",
        "not 'text'",
        "sys.version_info >= (3, 11)",
        "sys.version_info > (4,)",
        "sys.version_info < (3, 0)",
        "sys.version_info <= (3, 999)",
        "sys.version_info[0] == 3",
        "sys.version_info.major != 3",
        "sys.version_info[1] in (11, 12, 13, 14)",
        "sys.version_info.minor not in (1, 2)",
        "sys.version_info[:2] == (3, 0)",
        "sys.platform == 'win32'",
        "os.name != 'nt' or unknown()",
        "sys.platform == 'none' and unknown()",
        "not (sys.platform == 'none' or os.name == 'none')",
    ],
)
def test_what_this_interpreter_is_decides(text: str) -> None:
    assert said_of(text) is bool(eval(text, {"sys": sys, "os": os}))


def test_a_module_that_is_read_is_imported_and_not_run() -> None:
    assert said_of("__name__ == '__main__'") is False


@pytest.mark.parametrize(
    "text",
    [
        "torch.cuda.is_available()",
        "not torch.cuda.is_available()",
        "available or False",
        "available and True",
        "sys.version_info >= minimum",
        "sys.platform is 'linux'",
        "sys.version_info >= 3",
        "sys.platform in 3",
        "__version__ >= '2'",
        "0 < len(sys.argv) < 3",
    ],
)
def test_anything_else_may_go_either_way(text: str) -> None:
    assert said_of(text) is None


def test_type_checking_holds_in_stubs_alone() -> None:
    test = ast.parse("not typing.TYPE_CHECKING", mode="eval").body
    assert static_truth(test) is True
    assert static_truth(test, is_stub=True) is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(a): ...\ndef g(b): ...\nthing = f if sys.version_info >= (3,) else g", ("a",)),
        ("def f(a): ...\ndef g(b): ...\nthing = f if sys.platform == 'none' else g", ("b",)),
        ("def f(a): ...\nthing = f if os.name else None", ("a",)),
        ("def f(a): ...\nthing = None or f", ("a",)),
    ],
)
def test_a_choice_in_one_expression_is_made_where_its_test_is_known(
    read: Read, text: str, expected: tuple[str, ...]
) -> None:
    answer = read(f"import os, sys\n{text}")
    assert isinstance(answer, Signature)
    assert answer.keywords == expected


def test_a_choice_between_different_signatures_is_unknown(read: Read) -> None:
    answer = read("import os\ndef f(a): ...\ndef g(b): ...\nthing = f if os.environ.get('X') else g")
    assert isinstance(answer, Unknown)
