"""Whether the conditions of a function's branches hold when its arguments are known."""

import ast

from lighter_config.signatures.text.conditions import static_truth
from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.value import ClassValue, ConstantValue, FunctionValue, Scope


def known_truth(test: ast.expr, scope: Scope, library: Library) -> bool | None:
    """Return whether a test holds, for arguments whose kind is known; ``None`` when it may go either way."""
    match test:
        case ast.Compare(left=left, ops=[(ast.Is() | ast.IsNot()) as operator], comparators=[ast.Constant(value=None)]):
            value = library.evaluate(left, scope)
            if value == ConstantValue(None):
                return isinstance(operator, ast.Is)
            if isinstance(value, (FunctionValue, ClassValue, ConstantValue)):
                return isinstance(operator, ast.IsNot)
            return None
        case ast.Call(func=ast.Name(id="callable"), args=[argument]):
            return _is_callable(argument, scope, library)
        case ast.Call(func=ast.Name(id="isinstance"), args=[argument, ast.Name(id="type")]):
            value = library.evaluate(argument, scope)
            return isinstance(value, ClassValue) if isinstance(value, (ClassValue, FunctionValue)) else None
        case ast.Call(func=func, args=[argument]) if ast.unparse(func) in ("inspect.isclass", "isclass"):
            value = library.evaluate(argument, scope)
            return isinstance(value, ClassValue) if isinstance(value, (ClassValue, FunctionValue)) else None
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            truth = known_truth(operand, scope, library)
            return None if truth is None else not truth
        case ast.Name():
            value = library.evaluate(test, scope)
            if isinstance(value, ConstantValue):
                return bool(value.value)
            return True if isinstance(value, (FunctionValue, ClassValue)) else None
        case _:
            return static_truth(test)


def _is_callable(argument: ast.expr, scope: Scope, library: Library) -> bool | None:
    value = library.evaluate(argument, scope)
    if isinstance(value, (FunctionValue, ClassValue)):
        return True
    return False if isinstance(value, ConstantValue) else None
