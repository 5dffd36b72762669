"""Evaluate expressions on literals: a closed set of operations, each of bounded size, without ``eval``."""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from lighter_config.tree.expressions import Expression

_MAX_SIZE = 10_000  # of a value, with all that is in it
_LENGTH_OF_ONE = 64  # this much text counts as one value
_MAX_BITS = 1_024
_MAX_DEPTH = 100
_MAX_DIGITS_OF_FORMAT = 2  # `{x:>1000000000}` would fill the memory

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, items: operator.contains(items, item),
    ast.NotIn: lambda item, items: not operator.contains(items, item),
}
_NAMED: tuple[Any, ...] = (len, min, max, round, int, float, str, sum, abs)
_FUNCTIONS: dict[str, Callable[..., Any]] = {function.__name__: function for function in _NAMED}
_OF_MATH = frozenset(
    (  # noqa: SIM905
        "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh degrees dist e erf exp exp2 expm1 fabs "
        "floor fmod fsum gcd hypot inf isclose isfinite isinf isnan isqrt lcm log log10 log1p log2 nan pi pow prod "
        "radians sin sinh sqrt tan tanh tau trunc"
    ).split()
)
_CONVERSIONS: dict[int, Callable[[Any], Any]] = {
    -1: lambda value: value,
    ord("s"): str,
    ord("r"): repr,
    ord("a"): ascii,
}


class NotLiteralError(Exception):
    """An expression that does more than the closed set, that fails, or whose result is too large."""


def evaluate(expression: Expression, values: Mapping[str, Any], *, has_math: bool = True) -> Any:
    """Evaluate an expression on plain values.

    Args:
        expression: The expression.
        values: The plain value of each of its references, by the name that stands for it.
        has_math: Whether ``math`` is the module of Python.

    Raises:
        NotLiteralError: It is not known what the expression gives.

    >>> from lighter_config.tree.expressions import parse_expression
    >>> evaluate(parse_expression('$f"{round(math.pi * 2 ** 3, 1)} of {[1, 2]}"'), {})
    '25.1 of [1, 2]'
    """
    try:
        return _Evaluation(values, has_math).value(expression.tree.body, 0)
    except NotLiteralError:
        raise
    except Exception as error:  # whatever an operation raises for these values; running the config reports it
        raise NotLiteralError from error


class _Evaluation:
    def __init__(self, values: Mapping[str, Any], has_math: bool) -> None:
        self._values = values
        self._has_math = has_math

    def value(self, node: ast.AST, depth: int) -> Any:
        """Return the value of one node of the syntax tree."""
        method = _METHODS.get(type(node))
        if method is None or depth > _MAX_DEPTH:
            raise NotLiteralError
        return _bounded(method(self, node, depth + 1))

    def _constant(self, node: ast.Constant, _: int) -> Any:
        return node.value

    def _name(self, node: ast.Name, _: int) -> Any:
        if node.id not in self._values:
            raise NotLiteralError
        return self._values[node.id]

    def _attribute(self, node: ast.Attribute, _: int) -> Any:
        value = self._of_math(node)
        if not isinstance(value, float):
            raise NotLiteralError
        return value

    def _of_math(self, node: ast.Attribute) -> Any:
        is_module = isinstance(node.value, ast.Name) and node.value.id == "math" and "math" not in self._values
        if not (is_module and self._has_math and node.attr in _OF_MATH and hasattr(math, node.attr)):
            raise NotLiteralError
        return getattr(math, node.attr)

    def _call(self, node: ast.Call, depth: int) -> Any:
        function: Any
        if isinstance(node.func, ast.Name) and node.func.id not in self._values:
            function = _FUNCTIONS.get(node.func.id)
        else:
            function = self._of_math(node.func) if isinstance(node.func, ast.Attribute) else None
        if not callable(function) or node.keywords:
            raise NotLiteralError
        arguments = [self.value(argument, depth) for argument in node.args]
        if function is round and len(arguments) > 1 and abs(arguments[1]) > _MAX_DEPTH:
            raise NotLiteralError
        return function(*arguments)

    def _binary(self, node: ast.BinOp, depth: int) -> Any:
        left, right = self.value(node.left, depth), self.value(node.right, depth)
        kind = type(node.op)
        if kind not in _OPERATORS or not _is_small(kind, left, right):
            raise NotLiteralError
        return _OPERATORS[kind](left, right)

    def _unary(self, node: ast.UnaryOp, depth: int) -> Any:
        return _OPERATORS[type(node.op)](self.value(node.operand, depth))

    def _both_or_either(self, node: ast.BoolOp, depth: int) -> Any:
        value: Any = None
        for part in node.values:
            value = self.value(part, depth)
            if bool(value) is isinstance(node.op, ast.Or):
                break
        return value

    def _comparison(self, node: ast.Compare, depth: int) -> bool:
        left = self.value(node.left, depth)
        for kind, part in zip(node.ops, node.comparators, strict=True):
            right = self.value(part, depth)
            if not _OPERATORS[type(kind)](left, right):
                return False
            left = right
        return True

    def _choice(self, node: ast.IfExp, depth: int) -> Any:
        return self.value(node.body if self.value(node.test, depth) else node.orelse, depth)

    def _list(self, node: ast.List, depth: int) -> list[Any]:
        return [self.value(item, depth) for item in node.elts]

    def _tuple(self, node: ast.Tuple, depth: int) -> tuple[Any, ...]:
        return tuple(self.value(item, depth) for item in node.elts)

    def _mapping(self, node: ast.Dict, depth: int) -> dict[Any, Any]:
        if None in node.keys:
            raise NotLiteralError
        pairs = zip(node.keys, node.values, strict=True)
        return {self.value(key, depth): self.value(value, depth) for key, value in pairs if key is not None}

    def _text(self, node: ast.JoinedStr, depth: int) -> str:
        return "".join(str(self.value(part, depth)) for part in node.values)

    def _field(self, node: ast.FormattedValue, depth: int) -> str:
        value = _CONVERSIONS[node.conversion](self.value(node.value, depth))
        form = "" if node.format_spec is None else str(self.value(node.format_spec, depth))
        if re.search(rf"\d{{{_MAX_DIGITS_OF_FORMAT + 1}}}", form):
            raise NotLiteralError
        return format(value, form)


_METHODS: dict[type[ast.AST], Callable[[_Evaluation, Any, int], Any]] = {
    ast.Constant: _Evaluation._constant,
    ast.Name: _Evaluation._name,
    ast.Attribute: _Evaluation._attribute,
    ast.Call: _Evaluation._call,
    ast.BinOp: _Evaluation._binary,
    ast.UnaryOp: _Evaluation._unary,
    ast.BoolOp: _Evaluation._both_or_either,
    ast.Compare: _Evaluation._comparison,
    ast.IfExp: _Evaluation._choice,
    ast.List: _Evaluation._list,
    ast.Tuple: _Evaluation._tuple,
    ast.Dict: _Evaluation._mapping,
    ast.JoinedStr: _Evaluation._text,
    ast.FormattedValue: _Evaluation._field,
}


def _is_small(kind: type[ast.AST], left: Any, right: Any) -> bool:
    """Return whether an operation gives a value of bounded size, before it is computed."""
    if kind is ast.Pow:
        return not (isinstance(left, int) and isinstance(right, int)) or left.bit_length() * abs(right) <= _MAX_BITS
    if kind is ast.LShift:
        return isinstance(right, int) and right <= _MAX_BITS
    if kind is ast.Mod:
        return not isinstance(left, str | bytes)  # '%1000000000d' % 1 would fill the memory
    if kind is ast.Mult:
        for items, count in ((left, right), (right, left)):
            if isinstance(items, str | list | tuple) and isinstance(count, int):
                return len(items) * count <= _MAX_SIZE
    return True


def _bounded(value: Any) -> Any:
    """Return a plain value that is not too large.

    Raises:
        NotLiteralError: It is too large, or not plain.
    """
    size = 0
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            size += len(item) // _LENGTH_OF_ONE
        elif isinstance(item, dict):
            pending += [*item, *item.values()]
        elif isinstance(item, list | tuple):
            pending += item
        elif not isinstance(item, int | float | None) or (isinstance(item, int) and item.bit_length() > _MAX_BITS):
            raise NotLiteralError
        size += 1
        if size + len(pending) > _MAX_SIZE:
            raise NotLiteralError
    return value
