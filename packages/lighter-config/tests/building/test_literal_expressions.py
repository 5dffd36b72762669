"""A closed set of operations gives what Python gives; everything else is not evaluated."""

import math
import time
from typing import Any

import pytest

from lighter_config.building.literal_expressions import NotLiteralError, evaluate
from lighter_config.tree.expressions import parse_expression

EVALUATED = [
    *("1 + 2 * 3 - 4 / 5", "7 // 2", "-7 % 3", "2 ** 10", "2 ** -1", "1 << 4", "6 & 3 | 8 ^ 1", "-(+3)", "~5", "not 0"),
    *("1 < 2 <= 2", "3 in [1, 2]", "3 not in (1, 2)", "1 == 1.0", "'a' < 'b'", "None is None", "1 if 0 else 2"),
    *("0 or 'x'", "1 and []", "[1, 'a', (2, None)]", "{'a': [1], 2: True}", "[1] + [2] * 3", "'ab' * 2 + 'c'"),
    *("len([1, 2])", "min(3, 1)", "max([1, 5])", "round(1.256, 2)", "int('12')", "float('1e-3')", "str(1.5)"),
    *("sum([1, 2], 3)", "abs(-2)", "math.pi", "math.sqrt(2) + math.log(math.e)", "math.ceil(1.2)"),
    *("f'{1.5:.2f}-{\"a\":>4}-{[1]!r}'", "f'{3:0{2}d}'", "f'plain'", "int(1e3)", "round(2.5)", "1_000"),
]


@pytest.mark.parametrize("code", EVALUATED)
def test_the_closed_set_gives_what_python_gives(code: str) -> None:
    expected = eval(code, {"math": math})
    result = evaluate(parse_expression(f"${code}"), {})
    assert result == expected
    assert type(result) is type(expected)


REFUSED = [
    *("os.environ['HOME']", "__import__('os')", "open('x')", "print(1)", "lambda: 1", "[x for x in [1]]", "(x := 1)"),
    *(
        "(1).__class__",
        "'a'.upper()",
        "'{0.__class__}'.format(1)",
        "getattr(1, 'real')",
        "eval('1')",
        "torch.tensor(1)",
    ),
    *("math.__dict__", "math.factorial(10)", "math.sqrt", "len", "max([1], key=len)", "[*[1]]", "{**{}}", "b'a'", "1j"),
    *("10 ** 10 ** 10", "2 ** 2000", "1 << 10 ** 9", "'a' * 10 ** 9", "[0] * 10 ** 9", "'%1000000000d' % 1", "1 / 0"),
    *("f'{1:>1000000000}'", "f'{1:.1000000000f}'", "f'{1:>{10**9}}'", "round(5, -10 ** 9)", "int('9' * 4000)", "[][0]"),
    *("{1, 2}", "unknown", "unknown()", "1 @ 2", "...", "'a' + 1", "(-8) ** 0.5", "+".join("1" * 300)),
    "str([[[[0] * 900] * 900] * 900] * 900)",
]


@pytest.mark.parametrize("code", REFUSED)
def test_everything_else_is_not_evaluated(code: str) -> None:
    start = time.perf_counter()
    with pytest.raises(NotLiteralError):
        evaluate(parse_expression(f"${code}"), {})
    assert time.perf_counter() - start < 1


def test_references_give_their_values_and_hide_names() -> None:
    expression = parse_expression("$@vars::lr * len(%vars::sizes)")
    values: dict[str, Any] = dict(zip(expression.names, (0.5, [1, 2]), strict=True))
    assert evaluate(expression, values) == 1.0


def test_math_can_be_something_else() -> None:
    with pytest.raises(NotLiteralError):
        evaluate(parse_expression("$math.pi"), {}, has_math=False)
