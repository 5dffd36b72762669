"""What a function of the source returns for given arguments, as far as its own text shows."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lighter_config.signatures.conditions import static_truth
from lighter_config.signatures.function_bodies import bound_names, own_nodes, passes_all_on, sets_deciding_names, yields
from lighter_config.signatures.statements import absolute_name
from lighter_config.signatures.values import (
    BuiltinValue,
    ChoiceValue,
    ClassValue,
    ConstantValue,
    ExpressionValue,
    FunctionValue,
    ModuleValue,
    Scope,
    Unclear,
    Value,
)

if TYPE_CHECKING:
    from lighter_config.signatures.callables import Callables


class Call:
    """One call of a function of the source, followed as far as its own text shows what it returns."""

    def __init__(
        self, callables: "Callables", function: FunctionValue, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> None:
        self.callables = callables
        self.function = function
        self.node = function.node
        self.local: dict[str, Value] = dict(function.scope.local)
        self.scope = Scope(function.module, None, self.local)
        self.problem = self._bind(arguments, keywords)

    def result(self) -> Value:
        """The one value that all return statements agree on, or a choice of them."""
        if self.problem is not None:
            return self.problem
        if isinstance(self.node, ast.Lambda):
            return self.callables.library.evaluate(self.node.body, self.scope)
        if isinstance(self.node, ast.AsyncFunctionDef) or yields(self.node):
            return Unclear(f"{self.function.qualname} is a generator or a coroutine")
        if self.node.decorator_list and self.callables.decorated(self.function) != replace(
            self.function, is_bound=False
        ):
            return Unclear(f"{self.function.qualname} is itself decorated")
        if sets_deciding_names(self.node):
            return Unclear(f"{self.function.qualname} changes what it wraps")
        returned: list[Value] = []
        ends = self._run(self.node.body, returned)
        if not ends:
            returned.append(ConstantValue(None))
        if not returned:
            return Unclear(f"{self.function.qualname} returns nothing")
        distinct = list(dict.fromkeys(returned))
        return distinct[0] if len(distinct) == 1 else ChoiceValue(tuple(distinct))

    def _bind(self, arguments: Sequence[Value], keywords: dict[str, Value]) -> Unclear | None:
        syntax = self.node.args
        positional = [*syntax.posonlyargs, *syntax.args]
        names = [argument.arg for argument in positional]
        unknown = Unclear("an argument of a decorator")
        first_default = len(positional) - len(syntax.defaults)
        evaluate = self.callables.library.evaluate
        for index, name in enumerate(names):
            if index < len(arguments):
                self.local[name] = arguments[index]
            elif name in keywords:
                self.local[name] = keywords[name]
            elif index >= first_default:
                self.local[name] = evaluate(syntax.defaults[index - first_default], self.function.scope)
            else:
                self.local[name] = unknown
        if len(arguments) > len(names) and syntax.vararg is None:
            return Unclear(f"{self.function.qualname} does not take these arguments")
        for argument, default in zip(syntax.kwonlyargs, syntax.kw_defaults, strict=True):
            if argument.arg in keywords:
                self.local[argument.arg] = keywords[argument.arg]
            else:
                self.local[argument.arg] = unknown if default is None else evaluate(default, self.function.scope)
        for rest in (syntax.vararg, syntax.kwarg):
            if rest is not None:
                self.local[rest.arg] = unknown
        return None

    def _run(self, statements: Sequence[ast.stmt], returned: list[Value]) -> bool:
        """Follow statements; whether they certainly end the function."""
        for statement in statements:
            match statement:
                case ast.Return(value=value):
                    returned.append(ConstantValue(None) if value is None else self._evaluate(value))
                    return True
                case ast.Raise():
                    return True
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    closure = Scope(self.function.module, None, self.local)
                    self._set(
                        name,
                        FunctionValue(
                            self.function.module, f"{self.function.qualname}.<locals>.{name}", statement, closure
                        ),
                    )
                case ast.ClassDef(name=name):
                    self._set(name, Unclear("a class made in a function"))
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._set(name, self._evaluate(value))
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self._set(name, self._evaluate(value))
                case ast.ImportFrom():
                    module = self.callables.library.modules.find(self.function.module)
                    assert module is not None
                    for alias in statement.names:
                        found = self.callables.library.lookup(absolute_name(statement, module), alias.name)
                        self._set(alias.asname or alias.name, found)
                case ast.Import():
                    for alias in statement.names:
                        imported = alias.name if alias.asname else alias.name.partition(".")[0]
                        self._set(alias.asname or imported, ModuleValue(imported))
                case ast.If(test=test, body=body, orelse=orelse):
                    truth = self._truth(test)
                    if truth is None:
                        before = dict(self.local)
                        body_ends = self._run(body, returned)
                        after_body = dict(self.local)
                        self._restore(before)
                        other_ends = self._run(orelse, returned)
                        if body_ends and other_ends:
                            return True
                        if other_ends:
                            self._restore(after_body)
                        elif not body_ends:
                            self._merge(after_body)
                    elif self._run(body if truth else orelse, returned):
                        return True
                case ast.Expr(value=ast.Call(args=[ast.Name(id=name), original, *_], func=func)):
                    if self.callables.library.evaluate(func, self.scope) == BuiltinValue("functools.update_wrapper"):
                        wrapper = self.local.get(name)
                        self.callables.is_exact &= isinstance(wrapper, FunctionValue) and passes_all_on(wrapper.node)
                        self._set(name, self._evaluate(original))
                case ast.Expr() | ast.Pass() | ast.Assert() | ast.Nonlocal() | ast.Global():
                    pass
                case ast.With(body=body):
                    if self._run(body, returned):
                        return True
                case _:
                    for name in bound_names(statement):
                        self._set(name, Unclear("computed in a decorator"))
                    if any(isinstance(part, ast.Return) for part in own_nodes(statement)):
                        returned.append(Unclear(f"{self.function.qualname} returns in several ways"))
        return False

    def _set(self, name: str, value: Value) -> None:
        self.local[name] = value

    def _restore(self, local: dict[str, Value]) -> None:
        self.local.clear()
        self.local.update(local)

    def _merge(self, other: dict[str, Value]) -> None:
        for name, value in other.items():
            if self.local.setdefault(name, value) != value:
                self.local[name] = Unclear("computed in a decorator")

    def _evaluate(self, node: ast.expr) -> Value:
        value = self.callables.library.evaluate(node, self.scope)
        if isinstance(value, ExpressionValue) and isinstance(value.node, ast.Call):
            # partial(...) stays a call: it may be applied to the decorated object later
            callee = self.callables.library.evaluate(value.node.func, value.scope)
            if callee != BuiltinValue("functools.partial"):
                return self.callables.called(value.node, value.scope)
            return ExpressionValue(value.node, Scope(self.function.module, None, dict(self.local)))
        if isinstance(value, FunctionValue) and "<locals>" in value.qualname:
            return self.callables.decorated(value)
        return value

    def _truth(self, test: ast.expr) -> bool | None:
        match test:
            case ast.Compare(
                left=left, ops=[(ast.Is() | ast.IsNot()) as operator], comparators=[ast.Constant(value=None)]
            ):
                value = self.callables.library.evaluate(left, self.scope)
                if value == ConstantValue(None):
                    return isinstance(operator, ast.Is)
                if isinstance(value, (FunctionValue, ClassValue, ConstantValue)):
                    return isinstance(operator, ast.IsNot)
                return None
            case ast.Call(func=ast.Name(id="callable"), args=[argument]):
                return self._is_callable(argument)
            case ast.Call(func=ast.Name(id="isinstance"), args=[argument, ast.Name(id="type")]):
                value = self.callables.library.evaluate(argument, self.scope)
                return isinstance(value, ClassValue) if isinstance(value, (ClassValue, FunctionValue)) else None
            case ast.Call(func=func, args=[argument]) if ast.unparse(func) in ("inspect.isclass", "isclass"):
                value = self.callables.library.evaluate(argument, self.scope)
                return isinstance(value, ClassValue) if isinstance(value, (ClassValue, FunctionValue)) else None
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                truth = self._truth(operand)
                return None if truth is None else not truth
            case ast.Name():
                value = self.callables.library.evaluate(test, self.scope)
                if isinstance(value, ConstantValue):
                    return bool(value.value)
                return True if isinstance(value, (FunctionValue, ClassValue)) else None
            case _:
                return static_truth(test)

    def _is_callable(self, argument: ast.expr) -> bool | None:
        value = self.callables.library.evaluate(argument, self.scope)
        if isinstance(value, (FunctionValue, ClassValue)):
            return True
        return False if isinstance(value, ConstantValue) else None
