"""Which branch of an ``if`` or ``try`` a module takes: whether imports succeed, and what tests for packages say.

Only what certainly holds is decided. Followed are imports, constants, environment variables, and functions of the
source that ask for a package: ``find_spec("torch") is not None``.
"""

import ast
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lighter_config.signatures.namespaces.namespace import (
    Assignment,
    Binding,
    Bound,
    Decided,
    Decision,
    NameImport,
    Namespace,
    Unpacked,
)
from lighter_config.signatures.namespaces.statements import absolute_name
from lighter_config.signatures.text.conditions import is_for_type_checkers, last_name, static_truth
from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.values.imports import Imports
from lighter_config.signatures.values.module_store import ModuleStore
from lighter_config.signatures.values.value import FunctionValue, ModuleValue, Scope, Value

Names = dict[str, Bound]

_MAX_DEPTH = 12
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


class _UndecidedError(Exception):
    """The text does not settle it."""


class _RaisedError(Exception):
    """The code that is followed raises an exception of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _ReturnedError(Exception):
    """The function that is followed returns a value."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@dataclass(frozen=True, slots=True)
class _Something:
    """An object that is there: true, and not ``None``."""

    value: Value | None = None


class Decisions:
    """Follows the statements of modules far enough to know which branches they take.

    Args:
        modules: The modules of the search path.
        evaluate: Says what an expression stands for.
        bound: Says what a binding in a scope stands for, by its name and the class that holds it.
        imports: Says whether importing something succeeds.
    """

    def __init__(
        self,
        modules: ModuleStore,
        evaluate: Callable[[ast.expr, Scope], Value],
        bound: Callable[[Binding, Scope, str, str], Value],
        imports: Imports,
    ) -> None:
        self._modules = modules
        self._value_of = bound
        self._evaluate = evaluate
        self._imports = imports
        self._branches: dict[Decision, int | None] = {}
        self._in_progress: set[object] = set()
        self._depth = 0

    def branch(self, decision: Decision, module: Module) -> int | None:
        """The number of the branch that a module takes; ``None`` when that is not known."""
        if decision not in self._branches:
            if decision in self._in_progress:
                return None
            self._in_progress.add(decision)
            try:
                self._branches[decision] = self._branch(decision, module)
            finally:
                self._in_progress.discard(decision)
        return self._branches[decision]

    def _branch(self, decision: Decision, module: Module) -> int | None:
        frame = _Frame(self, module, decision.before)
        try:
            if isinstance(decision.node, ast.If):
                return 0 if frame.truth(decision.node.test) else 1
            try:
                frame.run(decision.node.body)
            except _RaisedError as error:
                return _handler(decision.node.handlers, error.name)
            return 0
        except (_UndecidedError, _ReturnedError, RecursionError):
            return None

    def global_value(self, module: Module, name: str, before: Names, limit: int | None = None) -> Any:
        """The value of a name of a module, as a plain Python value.

        Args:
            module: The module.
            name: The name.
            before: What its names are bound to.
            limit: How many names had been bound when the value was asked for; ``None`` for all.

        Raises:
            _UndecidedError: It may be anything.
        """
        bound = before.get(name)
        if bound is None or (module.name, name) in self._in_progress or (limit is not None and bound.position > limit):
            raise _UndecidedError
        bindings = self.resolved(bound.candidates, module)
        if len(bindings) != 1:
            raise _UndecidedError
        self._in_progress.add((module.name, name))
        try:
            return self._bound(bindings[0], _Frame(self, module, before, bound.position))
        finally:
            self._in_progress.discard((module.name, name))

    def final_value(self, module: str, name: str) -> Any:
        """The value of a name of a module once that has run."""
        found = self._modules.find(module)
        namespace = self._modules.namespace(found) if found is not None and found.kind == "source" else None
        if found is None or not isinstance(namespace, Namespace) or namespace.additions or namespace.stars:
            raise _UndecidedError
        return self.global_value(found, name, namespace.names)

    def _bound(self, binding: Binding, frame: "_Frame") -> Any:
        match binding:
            case Assignment(value=value):
                return frame.value(value)
            case Unpacked(value=value, index=index):
                several = frame.value(value)
                if isinstance(several, tuple) and index < len(several):
                    return several[index]
                raise _UndecidedError
            case NameImport(module=module, attribute=attribute):
                return self.final_value(module, attribute)
            case _:
                raise _UndecidedError

    def function(self, node: ast.expr, module: Module, before: Names | None) -> FunctionValue:
        """The function that is called, as a name or an attribute of a module."""
        name = node.id if isinstance(node, ast.Name) else ""
        if name and before is not None:
            bound = before.get(name)
            bindings = self.resolved(bound.candidates, module) if bound is not None else ()
            values = [self._value_of(binding, Scope(module.name), name, "") for binding in bindings]
            value = values[0] if len(values) == 1 else None
        else:
            value = self._evaluate(node, Scope(module.name))
        if not isinstance(value, FunctionValue):
            raise _UndecidedError
        return value

    def resolved(self, bindings: Sequence[Binding], module: Module) -> tuple[Binding, ...]:
        """Bindings with those branches alone that the module may take."""
        found: list[Binding] = []
        for binding in bindings:
            if not isinstance(binding, Decided):
                found.append(binding)
                continue
            index = self.branch(binding.decision, module)
            branches = binding.branches if index is None or not binding.branches[index] else [binding.branches[index]]
            for branch in branches:
                found.extend(self.resolved(branch, module))
        return tuple(dict.fromkeys(found))

    def called(self, function: FunctionValue, arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
        """What a function of the source returns."""
        node, module = function.node, self._modules.find(function.module)
        if isinstance(node, ast.AsyncFunctionDef) or module is None or self._depth > _MAX_DEPTH:
            raise _UndecidedError
        keeping = ("lru_cache", "cache")
        if any(last_name(d.func if isinstance(d, ast.Call) else d) not in keeping for d in function.decorators):
            raise _UndecidedError
        frame = _Frame(self, module, None)
        frame.bind(node.args, arguments, keywords)
        self._depth += 1
        try:
            if isinstance(node, ast.Lambda):
                return frame.value(node.body)
            frame.run(node.body)
        except _ReturnedError as returned:
            return returned.value
        finally:
            self._depth -= 1
        return None

    def imported(self, statement: ast.Import | ast.ImportFrom, module: Module) -> None:
        """Follow an import that is tried."""
        if isinstance(statement, ast.Import):
            results = [self._imports.succeeds(alias.name) for alias in statement.names]
        else:
            name = absolute_name(statement, module)
            results = [self._imports.gives(name, alias.name) for alias in statement.names]
        for result in results:
            if result is None:
                raise _UndecidedError
            if result is not True:
                raise _RaisedError(result)

    def found(self, name: str) -> bool:
        """Return whether ``find_spec`` finds a module."""
        if self._modules.find(name) is not None:
            return True
        if self._modules.finder.may_exist(name.partition(".")[0]) or "." in name:
            raise _UndecidedError
        return False

    def version(self, name: str) -> str:
        """The version of an installed distribution."""
        version = self._modules.finder.version(name)
        if version is None:
            raise _RaisedError("PackageNotFoundError")
        return version

    def module_named(self, name: str, module: Module) -> str:
        """The module that a name of a module stands for."""
        value = self._evaluate(ast.Name(name, ast.Load()), Scope(module.name))
        if not isinstance(value, ModuleValue):
            raise _UndecidedError
        return value.name


class _Frame:
    """One function, or a module, whose statements are followed with plain Python values."""

    def __init__(self, decisions: Decisions, module: Module, before: Names | None, limit: int | None = None) -> None:
        self.decisions = decisions
        self.module = module
        self.before = before
        self.limit = limit
        self.local: dict[str, Any] = {}

    def bind(self, syntax: ast.arguments, arguments: Sequence[Any], keywords: dict[str, Any]) -> None:
        names = [argument.arg for argument in (*syntax.posonlyargs, *syntax.args)]
        if syntax.vararg or syntax.kwarg or syntax.kwonlyargs or len(arguments) > len(names):
            raise _UndecidedError
        first_default = len(names) - len(syntax.defaults)
        for index, name in enumerate(names):
            if index < len(arguments):
                self.local[name] = arguments[index]
            elif name in keywords:
                self.local[name] = keywords[name]
            elif index >= first_default:
                self.local[name] = self.value(syntax.defaults[index - first_default])
            else:
                raise _UndecidedError

    # -- statements

    def run(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self._follow(statement)

    def _follow(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import() | ast.ImportFrom():
                self.decisions.imported(statement, self.module)
                for alias in statement.names:
                    self.local[alias.asname or alias.name.partition(".")[0]] = _UndecidedError
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
                    raise _UndecidedError
                for target, one in zip(targets, several, strict=True):
                    if not isinstance(target, ast.Name):
                        raise _UndecidedError
                    self.local[target.id] = one
            case ast.Return(value=value):
                raise _ReturnedError(None if value is None else self.value(value))
            case ast.Raise(exc=ast.Call(func=raised) | (ast.Name() | ast.Attribute() as raised)):
                raise _RaisedError(last_name(raised))
            case ast.If():
                self._branch(statement)
            case ast.Try():
                self._try(statement)
            case _:
                raise _UndecidedError

    def _branch(self, statement: ast.If) -> None:
        try:
            truth = self.truth(statement.test)
        except _UndecidedError:
            self._skip(statement)
            return
        self.run(statement.body if truth else statement.orelse)

    def _skip(self, statement: ast.stmt) -> None:
        """Pass over a statement that may run or not, if all that it does is to bind names."""
        for node in ast.walk(statement):
            if isinstance(node, (ast.Return, ast.Raise, ast.Import, ast.ImportFrom, ast.Assert)):
                raise _UndecidedError
            if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
                self.local[node.id] = _UndecidedError

    def _try(self, statement: ast.Try) -> None:
        try:
            self.run(statement.body)
        except _RaisedError as error:
            index = _handler(statement.handlers, error.name)
            if index is None:
                raise _UndecidedError from error
            self.run(statement.handlers[index - 1].body)
        else:
            self.run(statement.orelse)
        self.run(statement.finalbody)

    # -- expressions

    def truth(self, node: ast.expr) -> bool:
        value = self.value(node)
        return True if isinstance(value, _Something) else bool(value)

    def value(self, node: ast.expr) -> Any:
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
            case ast.Subscript(value=value, slice=ast.Constant(value=int(index))):
                several = self.value(value)
                if isinstance(several, tuple) and -len(several) <= index < len(several):
                    return several[index]
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                truth = static_truth(node)
                return truth if truth is not None else self._compared(left, operator, right)
            case ast.Call():
                return self._called(node)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name not in self.local:
                return self.decisions.final_value(self.decisions.module_named(name, self.module), attribute)
            case _:
                pass
        raise _UndecidedError

    def _combined(self, is_or: bool, values: Sequence[ast.expr]) -> Any:
        """The value of ``or`` or ``and``: one that decides it alone does so even beside others that are not known."""
        is_undecided = False
        result: Any = None
        for node in values:
            try:
                result = self.value(node)
            except _UndecidedError:
                is_undecided = True
                continue
            if (True if isinstance(result, _Something) else bool(result)) == is_or:
                if is_undecided:
                    return is_or
                return result
        if is_undecided:
            raise _UndecidedError
        return result

    def _named(self, name: str) -> Any:
        if name in self.local:
            if self.local[name] is _UndecidedError:
                raise _UndecidedError
            return self.local[name]
        if self.before is None:
            return self.decisions.final_value(self.module.name, name)
        return self.decisions.global_value(self.module, name, self.before, self.limit)

    def _compared(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool:
        one, other = self.value(left), self.value(right)
        match operator:
            case ast.Is() | ast.IsNot() if other is None or isinstance(other, bool):
                return (one is other) == isinstance(operator, ast.Is)
            case ast.Eq() | ast.NotEq() if type(one) is type(other) and not isinstance(one, _Something):
                return bool(one == other) == isinstance(operator, ast.Eq)
            case ast.In() | ast.NotIn() if isinstance(other, (tuple, list)) and not isinstance(one, _Something):
                return (one in other) == isinstance(operator, ast.In)
            case _:
                raise _UndecidedError

    def _called(self, call: ast.Call) -> Any:
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            raise _UndecidedError
        match call:
            case ast.Call(func=ast.Attribute(value=inner, attr="upper" | "lower" | "strip" as method), args=[]):
                text = self.value(inner)
                if isinstance(text, str):
                    return getattr(text, method)()
                raise _UndecidedError
            case ast.Call(func=ast.Name(id="bool"), args=[argument], keywords=[]):
                return self.truth(argument)
            case ast.Call(func=ast.Attribute(value=inner, attr="union"), args=[argument], keywords=[]):
                first, second = self.value(inner), self.value(argument)
                if isinstance(first, list) and isinstance(second, list):
                    return [*first, *second]
                raise _UndecidedError
            case _:
                pass
        name = ast.unparse(call.func)
        if name.endswith(("environ.get", "os.getenv")) or name == "getenv":
            arguments = [self.value(argument) for argument in call.args]
            return os.environ.get(*arguments)
        if name.rpartition(".")[2] == "find_spec":
            (argument,) = call.args
            wanted = self.value(argument)
            return _Something() if isinstance(wanted, str) and self.decisions.found(wanted) else None
        if name.rpartition(".")[2] == "version" and "metadata" in name:
            (argument,) = call.args
            return self.decisions.version(str(self.value(argument)))
        if name.partition(".")[0] in self.local:
            raise _UndecidedError
        function = self.decisions.function(call.func, self.module, self.before)
        arguments = [self.value(argument) for argument in call.args]
        keywords = {str(keyword.arg): self.value(keyword.value) for keyword in call.keywords}
        return self.decisions.called(function, arguments, keywords)


def _handler(handlers: Sequence[ast.ExceptHandler], raised: str) -> int | None:
    """The number of the branch that catches an exception; ``None`` when that is not known."""
    kinds = _IMPORT_ERRORS.get(raised, (raised, "Exception", "BaseException"))
    for index, handler in enumerate(handlers, start=1):
        types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if any(one is None or last_name(one) in kinds for one in types):
            return index
        if raised not in _IMPORT_ERRORS:
            return None  # it may be a base of what is raised
    return None
