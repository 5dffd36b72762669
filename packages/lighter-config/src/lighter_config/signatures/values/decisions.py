"""Which branch of an ``if`` or ``try`` a module takes: whether imports succeed, and what tests for packages say.

Only what certainly holds is decided. Followed are imports, constants, environment variables, and functions of the
source that ask for a package: ``find_spec("torch") is not None``.
"""

import ast
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from lighter_config.signatures.namespaces.namespace import (
    Assignment,
    Binding,
    Decided,
    Decision,
    NameImport,
    Namespace,
    Unpacked,
)
from lighter_config.signatures.namespaces.statements import absolute_name
from lighter_config.signatures.text.conditions import last_name
from lighter_config.signatures.text.modules import DISTRIBUTION, ENVIRONMENT, Module
from lighter_config.signatures.values.frame import (
    Frame,
    Names,
    RaisedError,
    ReturnedError,
    UndecidedError,
    catches_more_than_imports,
    handler_of,
)
from lighter_config.signatures.values.imports import Imports
from lighter_config.signatures.values.module_store import ModuleStore
from lighter_config.signatures.values.value import FunctionValue, ModuleValue, Scope, Value
from lighter_config.signatures.values.written_lists import WrittenLists

_MAX_DEPTH = 12


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
        self._branches: dict[Decision, tuple[int | None, frozenset[str]]] = {}
        self._in_progress: set[object] = set()
        self._depth = 0
        self.lists = WrittenLists(self)

    def branch(self, decision: Decision, module: Module) -> int | None:
        """The number of the branch that a module takes; ``None`` when that is not known."""
        if decision not in self._branches:
            if decision in self._in_progress:
                return None
            self._in_progress.add(decision)
            try:
                with self._modules.recording() as facts:
                    self._branches[decision] = self._branch(decision, module), frozenset(facts)
            finally:
                self._in_progress.discard(decision)
        branch, depends_on = self._branches[decision]
        for fact in depends_on:
            self._modules.depends_on(fact)
        return branch

    def _branch(self, decision: Decision, module: Module) -> int | None:
        frame = Frame(self, module, decision.before)
        try:
            if isinstance(decision.node, ast.If):
                self._fill(frame, decision.node, module)
                return 0 if frame.truth(decision.node.test) else 1
            try:
                frame.run(decision.node.body)
            except RaisedError as error:
                return handler_of(decision.node.handlers, error.name)
            return None if self._may_fail_otherwise(decision.node, module) else 0
        except (UndecidedError, ReturnedError, RecursionError):
            return None

    def _fill(self, frame: Frame, statement: ast.If, module: Module) -> None:
        """Give the list that ``if bases:`` tests the items that the statements before have put into it."""
        test = statement.test.operand if isinstance(statement.test, ast.UnaryOp) else statement.test
        if not isinstance(test, ast.Name):
            return
        bound = frame.before.get(test.id) if frame.before is not None else None
        candidates = bound.candidates if bound is not None else ()
        if any(isinstance(one, Assignment) and isinstance(one.value, ast.List) for one in candidates):
            frame.local[test.id] = tuple(map(ast.unparse, self.items(module, test.id, statement)))

    def items(self, module: Module, name: str, until: ast.stmt) -> list[ast.expr]:
        """The expressions that a list of a module holds when a statement runs.

        Raises:
            UndecidedError: Not all that it holds is written out.
        """
        namespace = self._modules.namespace(module)
        if not isinstance(namespace, Namespace) or module.kind != "source" or (name, until) in self._in_progress:
            raise UndecidedError
        self._in_progress.add((name, until))
        try:
            return self.lists.items(module, name, namespace, until)
        finally:
            self._in_progress.discard((name, until))

    def _may_fail_otherwise(self, statement: ast.Try | ast.TryStar, module: Module) -> bool:
        """Return whether a module that is imported in a ``try`` may raise what a handler catches, beside import errors.

        Whether all that a module imports is there says nothing of the rest of its statements.
        """
        if not any(catches_more_than_imports(handler) for handler in statement.handlers):
            return False
        names: list[str] = []
        for node in (node for one in statement.body for node in ast.walk(one)):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names.append(absolute_name(node, module))
        found = (self._modules.find(name) for name in names if name.partition(".")[0] not in sys.stdlib_module_names)
        return any(one is not None and one.kind == "source" for one in found)

    def global_value(self, module: Module, name: str, before: Names, limit: int | None = None) -> Any:
        """The value of a name of a module, as a plain Python value.

        Args:
            module: The module.
            name: The name.
            before: What its names are bound to.
            limit: How many names had been bound when the value was asked for; ``None`` for all.

        Raises:
            UndecidedError: It may be anything.
        """
        bound = before.get(name)
        if bound is None or (module.name, name) in self._in_progress or (limit is not None and bound.position > limit):
            raise UndecidedError
        bindings = self.resolved(bound.candidates, module)
        if len(bindings) != 1:
            raise UndecidedError
        self._in_progress.add((module.name, name))
        try:
            value = self._bound(bindings[0], Frame(self, module, before, bound.position))
        finally:
            self._in_progress.discard((module.name, name))
        is_own = isinstance(value, (dict, list)) and isinstance(bindings[0], Assignment)
        if is_own and self.lists.may_change(module, name):
            raise UndecidedError
        return value

    def final_value(self, module: str, name: str) -> Any:
        """The value of a name of a module once that has run."""
        found = self._modules.find(module)
        namespace = self._modules.namespace(found) if found is not None and found.kind == "source" else None
        if found is None or not isinstance(namespace, Namespace) or namespace.additions or namespace.stars:
            raise UndecidedError
        return self.global_value(found, name, namespace.names)

    def _bound(self, binding: Binding, frame: Frame) -> Any:
        match binding:
            case Assignment(value=value):
                return frame.value(value)
            case Unpacked(value=value, index=index):
                several = frame.value(value)
                if isinstance(several, tuple) and index < len(several):
                    return several[index]
                raise UndecidedError
            case NameImport(module=module, attribute=attribute):
                return self.final_value(module, attribute)
            case _:
                raise UndecidedError

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
            raise UndecidedError
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
            raise UndecidedError
        keeping = ("lru_cache", "cache")
        if any(last_name(d.func if isinstance(d, ast.Call) else d) not in keeping for d in function.decorators):
            raise UndecidedError
        frame = Frame(self, module, None)
        frame.bind(node.args, arguments, keywords)
        self._depth += 1
        try:
            if isinstance(node, ast.Lambda):
                return frame.value(node.body)
            frame.run(node.body)
        except ReturnedError as returned:
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
                raise UndecidedError
            if isinstance(result, str):
                raise RaisedError(result)

    def found(self, name: str) -> bool:
        """Return whether ``find_spec`` finds a module."""
        if self._modules.find(name) is not None:
            return True
        if self._modules.finder.may_exist(name.partition(".")[0]) or "." in name:
            raise UndecidedError
        return False

    def environment(self, name: str, default: Any = None) -> Any:
        """The value of an environment variable."""
        self._modules.depends_on(f"{ENVIRONMENT}{name}")
        return os.environ.get(name, default)

    def version(self, name: str) -> str:
        """The version of an installed distribution."""
        self._modules.depends_on(f"{DISTRIBUTION}{name}")
        version = self._modules.finder.version(name)
        if version is None:
            raise RaisedError("PackageNotFoundError")
        return version

    def module_named(self, name: str, module: Module) -> str:
        """The module that a name of a module stands for."""
        value = self._evaluate(ast.Name(name, ast.Load()), Scope(module.name))
        if not isinstance(value, ModuleValue):
            raise UndecidedError
        return value.name
