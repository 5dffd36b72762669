"""What an ``__init_subclass__`` makes of the classes that it gets, which may be dataclasses.

transformers does so for its configurations, and puts a wrapper around the constructors that it has generated::

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        has_own = "__init__" in cls.__dict__
        cls = dataclass(cls, kw_only=True)
        if not has_own:
            cls = accept_more(cls)
"""

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from lighter_config.signatures.answers.keeping import MAKERS, NAMES_OF_MAKERS
from lighter_config.signatures.text.conditions import last_name
from lighter_config.signatures.text.function_bodies import DECIDING_NAMES, mentions_deciding_names, own_nodes
from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.rebinding import may_set_attributes
from lighter_config.signatures.values.value import (
    Absent,
    BuiltinValue,
    ChoiceValue,
    ClassValue,
    FunctionValue,
    Unclear,
)


@dataclass(frozen=True, slots=True)
class MakingHook:
    """An ``__init_subclass__`` that makes dataclasses.

    Attributes:
        function: The hook.
        options: The options of ``dataclass``.
        wrappers: The functions that it applies to classes whose constructor it generated.
        changed: The attributes that it sets.
    """

    function: FunctionValue
    options: dict[str, ast.expr]
    wrappers: tuple[ast.expr, ...]
    changed: frozenset[str]


def changes_subclasses(library: Library, hook: FunctionValue) -> bool:
    """Return whether an ``__init_subclass__`` may decide what the classes take that it gets."""
    arguments = hook.node.args
    first = next((one.arg for one in (*arguments.posonlyargs, *arguments.args)), "")
    nodes = own_nodes(hook.node)
    return mentions_deciding_names(hook.node) or any(
        isinstance(node, ast.Call)
        and any(isinstance(one, ast.Name) and one.id == first for one in node.args)
        and _may_decide(library, node, hook, nodes)
        for node in nodes
    )


def _may_decide(library: Library, call: ast.Call, hook: FunctionValue, nodes: list[ast.AST]) -> bool:
    """Return whether a call that gets the class may change what that takes."""
    name = last_name(call.func)
    own = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == name]
    if own and isinstance(call.func, ast.Name):
        return any(mentions_deciding_names(one) or may_set_attributes(one) for one in own)
    callee = library.evaluate(call.func, hook.scope)
    match callee:
        case FunctionValue(name=full_name) if full_name in MAKERS:
            return True
        case FunctionValue(node=inner):
            is_own = callee.module.partition(".")[0] not in sys.stdlib_module_names
            return is_own and mentions_deciding_names(inner)
        case BuiltinValue(name="builtins.setattr"):
            return len(call.args) < 2 or not _is_other_name(call.args[1], nodes)
        case BuiltinValue(name="functools.partial"):
            return True
        case Absent() | Unclear() | ChoiceValue() if isinstance(call.func, ast.Name) or name in NAMES_OF_MAKERS:
            return True  # a local name, or one of several, which may stand for `dataclass`
        case _:
            return name in ("__setattr__", "")


def _is_other_name(node: ast.expr, nodes: list[ast.AST]) -> bool:
    """Return whether a text is written, or starts so that no name which decides can be meant: ``f"set_{method}"``."""
    match node:
        case ast.Name(id=name):
            bound = [one for one in nodes if isinstance(one, ast.Name) and one.id == name and _is_stored(one)]
            values = [one.value for one in nodes if isinstance(one, ast.Assign) and one.targets == bound]
            if len(bound) == 1 and not values:
                return all(_is_other_name(one, []) for one in _looped_over(bound[0], nodes) or [node])
            return len(bound) == len(values) == 1 and _is_other_name(values[0], [])
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]):
            return not any(name.startswith(start) for name in DECIDING_NAMES)
        case _:
            return isinstance(node, ast.Constant) and node.value not in DECIDING_NAMES


def _looped_over(variable: ast.Name, nodes: list[ast.AST]) -> Sequence[ast.expr]:
    """Return what a loop gives to a variable, if that is written: the keys of a mapping, the items of a list."""
    for loop in nodes:
        match loop:
            case ast.For(
                target=ast.Tuple(elts=[first, _]), iter=ast.Call(func=ast.Attribute(value=holder, attr="items"))
            ):
                is_of_it = first is variable
            case ast.For(target=target, iter=holder):
                is_of_it = target is variable
            case _:
                continue
        if is_of_it and isinstance(holder, ast.Name):
            stores = [one for one in nodes if isinstance(one, ast.Name) and one.id == holder.id and _is_stored(one)]
            values = [one.value for one in nodes if isinstance(one, ast.Assign) and one.targets == stores]
            holder = values[0] if len(values) == 1 else holder
        if is_of_it and isinstance(holder, ast.Dict):
            return [key for key in holder.keys if key is not None] if None not in holder.keys else []
        if is_of_it and isinstance(holder, (ast.List, ast.Tuple, ast.Set)):
            return holder.elts
    return []


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def making_hook(library: Library, cls: ClassValue) -> MakingHook | None:
    """Return the hook of the nearest base that has one, if it makes a dataclass of the class."""
    order = library.classes.mro(cls)
    for base in () if isinstance(order, Unclear) else order[1:]:
        hook = library.classes.own_attribute(base, "__init_subclass__") if isinstance(base, ClassValue) else None
        if hook is not None:
            return _read(library, hook) if isinstance(hook, FunctionValue) else None
    return None


def _read(library: Library, hook: FunctionValue) -> MakingHook | None:
    node = hook.node
    if not isinstance(node, ast.FunctionDef) or not node.args.args:
        return None
    cls = node.args.args[0].arg
    makers: list[ast.Call] = []
    wrappers: list[ast.expr] = []
    changed: set[str] = set()
    tests: set[str] = set()
    for statement in node.body:
        call = _call_with(statement, cls)
        if call is not None and _is_dataclass(library, call, hook):
            makers.append(call)
        elif (test := _test_of_init(statement, cls)) is not None:
            tests.add(test)
        elif (wrapper := _wrapper(statement, cls, tests)) is not None:
            wrappers.append(wrapper)
        elif not _is_harmless(statement, cls):
            return None
        changed.update(_attributes_set(statement, cls))
    if len(makers) != 1 or any(keyword.arg in (None, "init") for keyword in makers[0].keywords):
        return None
    options = {str(keyword.arg): keyword.value for keyword in makers[0].keywords}
    return MakingHook(hook, options, tuple(wrappers), frozenset(changed))


def _call_with(statement: ast.stmt, cls: str) -> ast.Call | None:
    """Return the call of ``cls = f(cls)`` or ``f(cls)``."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=target)], value=ast.Call(args=[ast.Name(id=given)]) as call):
            return call if target == given == cls else None
        case ast.Expr(value=ast.Call(args=[ast.Name(id=given)]) as call):
            return call if given == cls else None
        case _:
            return None


def _is_dataclass(library: Library, call: ast.Call, hook: FunctionValue) -> bool:
    callee = library.evaluate(call.func, hook.scope)
    return isinstance(callee, FunctionValue) and callee.name == "dataclasses.dataclass"


def _test_of_init(statement: ast.stmt, cls: str) -> str | None:
    """Return the variable that says whether the class has an ``__init__`` of its own."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name if ast.unparse(value) == f"'__init__' in {cls}.__dict__" else None
        case _:
            return None


def _wrapper(statement: ast.stmt, cls: str, tests: set[str]) -> ast.expr | None:
    """Return the function that is applied to a class without an ``__init__`` of its own."""
    match statement:
        case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=test)), body=[inner], orelse=[]) if (
            test in tests
        ):
            call = _call_with(inner, cls)
            return call.func if call is not None and not call.keywords else None
        case _:
            return None


def _is_harmless(statement: ast.stmt, cls: str) -> bool:
    """Return whether a statement leaves alone what the class takes: it gives the class to nothing but ``super()``."""
    if isinstance(statement, ast.FunctionDef):
        return not mentions_deciding_names(statement)
    for node in [statement, *own_nodes(statement)]:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init_subclass__")):
                continue
            case ast.Call(args=arguments) if any(isinstance(one, ast.Name) and one.id == cls for one in arguments):
                return False
            case ast.Name(id=name, ctx=ast.Store()) if name == cls:
                return False
            case ast.Return() | ast.Raise() | ast.For() | ast.While() | ast.With() | ast.Try() | ast.Delete():
                return False
            case ast.Call(func=func) if last_name(func) in ("setattr", "delattr", "vars", "exec", "__setattr__"):
                return False
            case _:
                pass
    return not mentions_deciding_names(statement)


def _attributes_set(statement: ast.stmt, cls: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(statement)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == cls
    }
