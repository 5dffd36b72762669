"""Names that a module gets from a call with a table: ``register_deprecated(__name__, {"old": "new"})``."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lighter_config.signatures.text.function_bodies import bound_names, own_nodes, sets_deciding_names
from lighter_config.signatures.values.value import ExpressionValue, FunctionValue, Scope


@dataclass(frozen=True, slots=True)
class TableName:
    """What a call binds to one key of its table.

    Attributes:
        value: The value, as a call that is still to be followed.
        is_exported: Whether the name is put into the module's ``__all__``.
    """

    value: ExpressionValue
    is_exported: bool


def table_name(call: ast.Call, callee: FunctionValue, name: str) -> TableName | None:
    """What a call of ``callee`` binds to a name of the calling module; ``None`` when its text does not settle that.

    Understood is a function with two parameters, a module's name and a mapping, that sets an attribute of that module
    for every key of the mapping::

        def register_deprecated(module_name, table):
            module = sys.modules[module_name]
            for old, new in table.items():
                setattr(module, old, shim(old, new))
    """
    function = callee.node
    match call:
        case ast.Call(args=[ast.Name(id="__name__"), ast.Dict() as table], keywords=[]):
            pass
        case _:
            return None
    if not isinstance(function, ast.FunctionDef) or function.decorator_list or sets_deciding_names(function):
        return None
    match function.args:
        case ast.arguments(posonlyargs=[], args=[module_name, items], vararg=None, kwonlyargs=[], kwarg=None):
            pass
        case _:
            return None
    key = next((one for one in table.keys if isinstance(one, ast.Constant) and one.value == name), None)
    if key is None or not all(isinstance(one, ast.Constant) for one in table.keys):
        return None
    module = _module_variable(function, module_name.arg)
    position = _loop_over(function, items.arg)
    if module is None or position is None:
        return None
    loop = function.body[position]
    assert isinstance(loop, ast.For)
    found = _setting(loop, module)
    if found is None:
        return None
    index, value = found
    # one turn of the loop, written as a function of its key and value
    turn = ast.FunctionDef(
        name=function.name,
        args=ast.arguments([], [ast.arg(one) for one in _loop_names(loop)], None, [], [], None, []),
        body=[*function.body[:position], *loop.body[:index], ast.Return(value)],
        decorator_list=[],
    )
    ast.copy_location(turn, function)
    made = replace(callee, node=ast.fix_missing_locations(turn))
    entry = table.values[table.keys.index(key)]
    one_turn = ast.Call(ast.Name(function.name, ast.Load()), [key, entry], [])
    ast.fix_missing_locations(ast.copy_location(one_turn, key))
    is_exported = any(_exports(statement, module, _loop_names(loop)[0]) for statement in loop.body)
    return TableName(ExpressionValue(one_turn, Scope(callee.module, None, {function.name: made})), is_exported)


def _module_variable(function: ast.FunctionDef, module_name: str) -> str | None:
    """The variable that holds the module: ``module = sys.modules[module_name]`` in the first statement that binds."""
    for statement in function.body:
        match statement:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Assign(
                targets=[ast.Name(id=variable)],
                value=ast.Subscript(
                    value=ast.Attribute(value=ast.Name(id="sys"), attr="modules"), slice=ast.Name(id=of)
                ),
            ) if of == module_name:
                is_bound_once = sum(variable in bound_names(other) for other in function.body) == 1
                return variable if is_bound_once else None
            case _:
                return None
    return None


def _loop_over(function: ast.FunctionDef, items: str) -> int | None:
    """Where the loop over the table stands; nothing may end it early, or keep it from being reached."""
    for position, statement in enumerate(function.body):
        match statement:
            case ast.For(
                target=ast.Tuple(elts=[ast.Name(), ast.Name()]),
                iter=ast.Call(func=ast.Attribute(value=ast.Name(id=of), attr="items"), args=[]),
                orelse=[],
            ) if of == items:
                ends = (ast.Break, ast.Continue, ast.Return, ast.Try)
                if any(isinstance(node, ends) for node in own_nodes(statement)):
                    return None
                return position
            case _ if items in bound_names(statement) or any(
                isinstance(one, ast.Return) for one in own_nodes(statement)
            ):
                return None
    return None


def _loop_names(loop: ast.For) -> Sequence[str]:
    assert isinstance(loop.target, ast.Tuple)
    return [element.id for element in loop.target.elts if isinstance(element, ast.Name)]


def _setting(loop: ast.For, module: str) -> tuple[int, ast.expr] | None:
    """The statement ``setattr(module, key, value)`` of a loop, by its position, and the value."""
    key = _loop_names(loop)[0]
    if sum(isinstance(node, ast.Name) and node.id in ("setattr", "delattr") for node in own_nodes(loop)) != 1:
        return None
    for index, statement in enumerate(loop.body):
        match statement:
            case ast.Expr(
                value=ast.Call(
                    func=ast.Name(id="setattr"), args=[ast.Name(id=target), ast.Name(id=attribute), value], keywords=[]
                )
            ) if target == module and attribute == key:
                return index, value
            case _ if key in bound_names(statement):
                return None
    return None


def _exports(statement: ast.stmt, module: str, key: str) -> bool:
    """Whether a statement adds the key to ``__all__`` of the module, if that has one and lacks it."""
    match statement:
        case ast.If(test=test, body=[inner], orelse=[]):
            allowed = {f"hasattr({module}, '__all__')", f"{key} not in {module}.__all__"}
            tests = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
            return {ast.unparse(one) for one in tests} <= allowed and _exports(inner, module, key)
        case _:
            return ast.unparse(statement) == f"{module}.__all__.append({key})"
