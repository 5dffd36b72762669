"""The value of a parameter's default, as far as its text tells."""

import ast
import operator
from typing import Any

from lighter_config.signatures.answers.mismatch import UNWRITTEN
from lighter_config.signatures.text.parameters import Parameter
from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.value import BuiltinValue, ConstantValue, ExpressionValue, Scope

_TYPES = {"builtins.float": 0.0, "builtins.int": 0, "builtins.str": "", "builtins.bool": False, "builtins.dict": {}}
_EMPTY = {**_TYPES, "builtins.list": [], "builtins.tuple": [], "builtins.set": []}
_OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


def default_value(library: Library, parameter: Parameter) -> Any:
    """Return a default as YAML would give it, or another value of its type; ``UNWRITTEN`` if its text does not tell.

    >>> from lighter_config.signatures.text.modules import ModuleFinder
    >>> from lighter_config.signatures.text.parameters import ParameterKind
    >>> def of(text): return default_value(Library(ModuleFinder([])), Parameter("p", ParameterKind.KEYWORD_ONLY, text))
    >>> of("(1, -2)"), of("1 / 255 < 1"), of("2 * 0.5")
    ([1, -2], UNWRITTEN, 1.0)
    """
    try:
        node = ast.parse(parameter.default or "", mode="eval").body
    except (SyntaxError, ValueError):
        return UNWRITTEN
    return _value(library, node, Scope(parameter.module))


def _value(library: Library, node: ast.expr, scope: Scope) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as constant):
            return constant
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return [_value(library, item, scope) for item in items]
        case ast.Dict():
            return {}
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            number = _value(library, operand, scope)
            return -number if type(number) in (int, float) else UNWRITTEN
        case ast.BinOp(left=left, op=op, right=right):
            return _computed(op, _value(library, left, scope), _value(library, right, scope))
        case ast.Call(func=func):
            callee = library.evaluate(func, scope)
            return _EMPTY.get(callee.name, UNWRITTEN) if isinstance(callee, BuiltinValue) else UNWRITTEN
        case ast.Name() | ast.Attribute():
            match library.evaluate(node, scope):
                case ConstantValue(value=bool() | int() | float() | str() as constant):
                    return constant
                case ExpressionValue(node=inner, scope=other) if not isinstance(inner, (ast.Name, ast.Attribute)):
                    return _value(library, inner, other)
    return UNWRITTEN


def _computed(op: ast.operator, left: Any, right: Any) -> Any:
    """The result of simple arithmetic with numbers, which a default like ``1 / 255`` is."""
    operation = _OPERATIONS.get(type(op))
    if operation is None or type(left) not in (int, float) or type(right) not in (int, float):
        return UNWRITTEN
    try:
        return operation(left, right)
    except (ArithmeticError, ValueError):
        return UNWRITTEN
