"""Statements of a module or a function followed with plain Python values, as far as they certainly have one."""

import ast
import builtins
import functools
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import BuiltinFunctionType
from typing import Any, Protocol

from lighter_config.signatures.namespaces.namespace import Bound
from lighter_config.signatures.text.conditions import is_for_type_checkers, last_name, static_truth
from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.values.value import FunctionValue

Names = dict[str, Bound]

_IMPORT_ERRORS = {
    "ModuleNotFoundError": ("ModuleNotFoundError", "ImportError", "Exception", "BaseException"),
    "ImportError": ("ImportError", "Exception", "BaseException"),
    "PackageNotFoundError": (
        "PackageNotFoundError",
        "ModuleNotFoundError",
        "ImportError",
        "Exception",
        "BaseException",
    ),
}
_LOGGING = ("logger", "warnings", "logging")


class UndecidedError(Exception):
    """The text does not settle it."""


class RaisedError(Exception):
    """The code that is followed raises an exception of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class ReturnedError(Exception):
    """The function that is followed returns a value."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@dataclass(frozen=True, slots=True)
class Something:
    """An object that is there: true, and not ``None``."""


@functools.total_ordering
class Version:
    """A version of numbers alone: trailing zeros do not count."""

    def __init__(self, numbers: tuple[int, ...]) -> None:
        while numbers and numbers[-1] == 0:
            numbers = numbers[:-1]
        self.numbers = numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.numbers == other.numbers

    def __lt__(self, other: "Version") -> bool:
        return self.numbers < other.numbers

    def __hash__(self) -> int:
        return hash(self.numbers)


class World(Protocol):
    """What code that is followed asks for outside of itself."""

    def global_value(self, module: Module, name: str, before: Names, limit: int | None = None) -> Any:
        """The value of a name of a module."""

    def final_value(self, module: str, name: str) -> Any:
        """The value of a name of a module once that has run."""

    def function(self, node: ast.expr, module: Module, before: Names | None) -> FunctionValue:
        """The function that is called, as a name or an attribute of a module."""

    def called(self, function: FunctionValue, arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
        """What a function of the source returns."""

    def imported(self, statement: ast.Import | ast.ImportFrom, module: Module) -> None:
        """Follow an import."""

    def found(self, name: str) -> bool:
        """Return whether ``find_spec`` finds a module."""

    def version(self, name: str) -> str:
        """The version of an installed distribution."""

    def environment(self, name: str, default: Any = None) -> Any:
        """The value of an environment variable."""

    def module_named(self, name: str, module: Module) -> str:
        """The module that a name of a module stands for."""


class Frame:
    """One function, or a module, whose statements are followed with plain Python values."""

    def __init__(self, world: World, module: Module, before: Names | None, limit: int | None = None) -> None:
        self.world = world
        self.module = module
        self.before = before
        self.limit = limit
        self.local: dict[str, Any] = {}

    def bind(self, syntax: ast.arguments, arguments: Sequence[Any], keywords: dict[str, Any]) -> None:
        """Bind the parameters of a function."""
        names = [argument.arg for argument in (*syntax.posonlyargs, *syntax.args)]
        if syntax.vararg or syntax.kwarg or syntax.kwonlyargs or len(arguments) > len(names):
            raise UndecidedError
        first_default = len(names) - len(syntax.defaults)
        for index, name in enumerate(names):
            if index < len(arguments):
                self.local[name] = arguments[index]
            elif name in keywords:
                self.local[name] = keywords[name]
            elif index >= first_default:
                self.local[name] = self.value(syntax.defaults[index - first_default])
            else:
                raise UndecidedError

    # -- statements

    def run(self, statements: Sequence[ast.stmt]) -> None:
        """Follow statements.

        Raises:
            UndecidedError: What they do is not known.
            RaisedError: They raise an exception.
            ReturnedError: They end with ``return``.
        """
        for statement in statements:
            self._follow(statement)

    def _follow(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import() | ast.ImportFrom():
                self.world.imported(statement, self.module)
                for alias in statement.names:
                    self.local[alias.asname or alias.name.partition(".")[0]] = UndecidedError
            case ast.FunctionDef(decorator_list=[]) | ast.Pass() | ast.Global() | ast.Expr(value=ast.Constant()):
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))) if name in _LOGGING:
                pass
            case ast.ClassDef(decorator_list=[], bases=[], keywords=[]):
                pass
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.local[name] = self.value(value)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=value):
                several = self.value(value)
                if not isinstance(several, tuple) or len(several) != len(targets):
                    raise UndecidedError
                for target, one in zip(targets, several, strict=True):
                    if not isinstance(target, ast.Name):
                        raise UndecidedError
                    self.local[target.id] = one
            case ast.Return(value=value):
                raise ReturnedError(None if value is None else self.value(value))
            case ast.Raise(exc=ast.Call(func=raised) | (ast.Name() | ast.Attribute() as raised)):
                raise RaisedError(last_name(raised))
            case ast.If():
                self._branch(statement)
            case ast.Try():
                self._try(statement)
            case _:
                raise UndecidedError

    def _branch(self, statement: ast.If) -> None:
        try:
            truth = self.truth(statement.test)
        except UndecidedError:
            self._skip(statement)
            return
        self.run(statement.body if truth else statement.orelse)

    def _skip(self, statement: ast.stmt) -> None:
        """Pass over a statement that may run or not, if all that it does is to bind names."""
        for node in ast.walk(statement):
            if isinstance(node, (ast.Return, ast.Raise, ast.Import, ast.ImportFrom, ast.Assert)):
                raise UndecidedError
            if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
                self.local[node.id] = UndecidedError

    def _try(self, statement: ast.Try) -> None:
        try:
            self.run(statement.body)
        except RaisedError as error:
            index = handler_of(statement.handlers, error.name)
            if index is None:
                raise UndecidedError from error
            self.run(statement.handlers[index - 1].body)
        else:
            self.run(statement.orelse)
        self.run(statement.finalbody)

    # -- expressions

    def truth(self, node: ast.expr) -> bool:
        """Return whether an expression is true."""
        value = self.value(node)
        return True if isinstance(value, Something) else bool(value)

    def value(self, node: ast.expr) -> Any:
        """The value of an expression.

        Raises:
            UndecidedError: It may be anything.
        """
        match node:
            case ast.Constant(value=value):
                return value
            case _ if is_for_type_checkers(node):
                return False
            case ast.Name(id=name):
                return self._named(name)
            case ast.Tuple(elts=items):
                return tuple(self.value(item) for item in items)
            case ast.Set(elts=items) | ast.List(elts=items):
                return [self.value(item) for item in items]
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.truth(operand)
            case ast.BoolOp(op=op, values=values):
                return self._combined(isinstance(op, ast.Or), values)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self.truth(test) else orelse)
            case ast.Subscript(value=value, slice=key):
                return self._item(self.value(value), self.value(key))
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                return {self.value(key): self.value(one) for key, one in pairs if key is not None}
            case ast.Compare(left=left, ops=[compared], comparators=[right]):
                truth = static_truth(node)
                return truth if truth is not None else self._compared(left, compared, right)
            case ast.Call():
                return self._called(node)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name not in self.local:
                module = self.world.module_named(name, self.module)
                if module == "operator":
                    return getattr(operator, attribute, None)
                return self.world.final_value(module, attribute)
            case _:
                pass
        raise UndecidedError

    def _combined(self, is_or: bool, values: Sequence[ast.expr]) -> Any:
        """The value of ``or`` or ``and``: one that decides it alone does so even beside others that are not known."""
        is_undecided = False
        result: Any = None
        for node in values:
            try:
                result = self.value(node)
            except UndecidedError:
                is_undecided = True
                continue
            if (True if isinstance(result, Something) else bool(result)) == is_or:
                if is_undecided:
                    return is_or
                return result
        if is_undecided:
            raise UndecidedError
        return result

    def _named(self, name: str) -> Any:
        if name in self.local:
            if self.local[name] is UndecidedError:
                raise UndecidedError
            return self.local[name]
        if self.before is None:
            return self.world.final_value(self.module.name, name)
        return self.world.global_value(self.module, name, self.before, self.limit)

    def _item(self, several: Any, key: Any) -> Any:
        try:
            if isinstance(several, (tuple, dict)):
                return several[key]
        except (LookupError, TypeError) as error:
            raise UndecidedError from error
        raise UndecidedError

    def _compared(self, left: ast.expr, compared: ast.cmpop, right: ast.expr) -> bool:
        one, other = self.value(left), self.value(right)
        match compared:
            case ast.Is() | ast.IsNot() if other is None or isinstance(other, bool):
                return (one is other) == isinstance(compared, ast.Is)
            case ast.Eq() | ast.NotEq() if type(one) is type(other) and not isinstance(one, Something):
                return bool(one == other) == isinstance(compared, ast.Eq)
            case ast.In() | ast.NotIn() if isinstance(other, (tuple, list)) and not isinstance(one, Something):
                return (one in other) == isinstance(compared, ast.In)
            case _:
                raise UndecidedError

    def _called(self, call: ast.Call) -> Any:
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            raise UndecidedError
        known = self._called_on_value(call)
        if known is not None:
            return known
        name = ast.unparse(call.func)
        arguments = [self.value(argument) for argument in call.args]
        match name.rpartition(".")[2], arguments:
            case "bool", [_]:
                return self.truth(call.args[0])
            case "isinstance", _:
                raise UndecidedError
            case "get", [str(variable), *default] if name.endswith("environ.get"):
                return self.world.environment(variable, *default)
            case "getenv", [str(variable), *default]:
                return self.world.environment(variable, *default)
            case "find_spec", [str(wanted)]:
                return Something() if self.world.found(wanted) else None
            case "version", [str(wanted)] if "metadata" in name:
                return self.world.version(wanted)
            case (("parse" | "Version"), [str(version)]) if re.fullmatch(r"\d+(\.\d+)*", version):
                return Version(tuple(map(int, version.split("."))))
            case _:
                pass
        if isinstance(call.func, ast.Name) and call.func.id in self.local:
            function = self.local[call.func.id]
            if isinstance(function, BuiltinFunctionType) and all(isinstance(one, Version) for one in arguments):
                return function(*arguments)
        if name.partition(".")[0] in self.local:
            raise UndecidedError
        function = self.world.function(call.func, self.module, self.before)
        keywords = {str(keyword.arg): self.value(keyword.value) for keyword in call.keywords}
        return self.world.called(function, arguments, keywords)

    def _called_on_value(self, call: ast.Call) -> Any:
        """What a method of a text or a collection gives, or ``isinstance(value, str)``; ``None`` for other calls."""
        match call:
            case ast.Call(func=ast.Name(id="isinstance"), args=[argument, ast.Name(id="str")]):
                value = self.value(argument)
                return isinstance(value, str)
            case ast.Call(func=ast.Attribute(value=inner, attr=method), args=arguments, keywords=[]):
                if method not in ("upper", "lower", "strip", "union", "keys"):
                    return None
                value, given = self.value(inner), [self.value(argument) for argument in arguments]
            case _:
                return None
        match value, method, given:
            case str(), ("upper" | "lower" | "strip"), []:
                return getattr(value, method)()
            case list(), "union", [list(other)]:
                return [*value, *other]
            case dict(), "keys", []:
                return list(value)
            case _:
                raise UndecidedError


def catches_more_than_imports(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler catches errors of the interpreter beside those of imports."""
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = [None if one is None else last_name(one) for one in types]
    return any(name is None or (hasattr(builtins, name) and name not in _IMPORT_ERRORS) for name in names)


def handler_of(handlers: Sequence[ast.ExceptHandler], raised: str) -> int | None:
    """The number of the branch that catches an exception; ``None`` when that is not known."""
    kinds = _IMPORT_ERRORS.get(raised, (raised, "Exception", "BaseException"))
    for index, handler in enumerate(handlers, start=1):
        types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if any(one is None or last_name(one) in kinds for one in types):
            return index
        if raised not in _IMPORT_ERRORS:
            return None  # it may be a base of what is raised
    return None
