"""Conditions that the text alone decides."""

import ast
import os
import sys


def static_truth(test: ast.expr, *, is_stub: bool = False) -> bool | None:
    """Whether a condition holds in this interpreter, as far as its text alone says.

    >>> static_truth(ast.parse("sys.version_info >= (3, 8) and sys.platform != 'none'", mode="eval").body)
    True
    >>> static_truth(ast.parse("torch.cuda.is_available()", mode="eval").body) is None
    True
    """
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            truth = static_truth(operand, is_stub=is_stub)
            return None if truth is None else not truth
        case ast.BoolOp(op=operator, values=values):
            truths = [static_truth(value, is_stub=is_stub) for value in values]
            decisive = isinstance(operator, ast.Or)
            if decisive in truths:
                return decisive
            return None if None in truths else not decisive
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _compare(ast.unparse(left), operator, right)
        case _ if is_for_type_checkers(test):
            return is_stub
        case _:
            return None


def _compare(left: str, operator: ast.cmpop, right: ast.expr) -> bool | None:
    known = {
        "sys.version_info": tuple(sys.version_info),
        "sys.version_info[0]": sys.version_info[0],
        "sys.version_info.major": sys.version_info.major,
        "sys.version_info[1]": sys.version_info[1],
        "sys.version_info.minor": sys.version_info.minor,
        "sys.version_info[:2]": tuple(sys.version_info[:2]),
        "sys.platform": sys.platform,
        "os.name": os.name,
        "__name__": "a module that is imported",
    }
    if left not in known:
        return None
    try:
        value = ast.literal_eval(right)
    except ValueError:
        return None
    this = known[left]
    try:
        match operator:
            case ast.Eq():
                return bool(this == value)
            case ast.NotEq():
                return bool(this != value)
            case ast.Lt():
                return bool(this < value)
            case ast.LtE():
                return bool(this <= value)
            case ast.Gt():
                return bool(this > value)
            case ast.GtE():
                return bool(this >= value)
            case ast.In():
                return this in value
            case ast.NotIn():
                return this not in value
            case _:
                return None
    except TypeError:
        return None


def is_for_type_checkers(test: ast.expr) -> bool:
    """Whether the condition is ``TYPE_CHECKING``, which holds in no program that runs."""
    return last_name(test) == "TYPE_CHECKING"


def last_name(node: ast.expr) -> str:
    """The last part of ``a.b.c`` or ``c``; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
