"""What calls and decorators in the source give, as far as the text of the called functions shows."""

import ast
from collections.abc import Sequence
from dataclasses import replace

from lighter_config.signatures.answers.branch_conditions import known_truth
from lighter_config.signatures.answers.keeping import MAKERS, is_keeping, shortened
from lighter_config.signatures.namespaces.statements import absolute_name
from lighter_config.signatures.text.function_bodies import (
    bound_names,
    changing_names,
    own_nodes,
    passes_all_on,
    sets_deciding_names,
    sets_wrapped_alone,
    yields,
)
from lighter_config.signatures.text.kept_constructors import chooses_keywords, wrappers_of_init
from lighter_config.signatures.values.library import PLACEHOLDER, Library
from lighter_config.signatures.values.value import (
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

MAX_DEPTH = 30
"""Wrappers around wrappers that are followed."""


class Calls:
    """Work out what calls and decorators in the source give.

    Attributes:
        library: Says what names and expressions stand for.
        is_exact: Set to ``False`` when a wrapper on the way may take arguments out before it passes the others on.
        wraps_init: Set to ``True`` when a class decorator gives its class another ``__init__`` of the same signature.
        refuses_none: Set to ``True`` when such an ``__init__`` takes every keyword, and gives on those that it chooses.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self.is_exact = True
        self.wraps_init = False
        self.refuses_none = False
        self._depth = 0

    def decorated(self, function: FunctionValue) -> Value:
        """What a function is after its decorators, as ``inspect.signature`` sees it."""
        value: Value = replace(function, is_bound=False)
        for decorator in reversed(function.decorators):
            value = self.applied(decorator, value, function.scope)
        return value

    def called(self, call: ast.Call, scope: Scope) -> Value:
        """What a call in the source gives, where the called function shows it."""
        arguments = [self.library.evaluate(argument, scope) for argument in call.args]
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            return Unclear("a call with arguments that are not written out")
        keywords = {
            keyword.arg: self.library.evaluate(keyword.value, scope) for keyword in call.keywords if keyword.arg
        }
        if isinstance(call.func, ast.Call) and len(arguments) == 1 and not keywords:
            return self.applied(call.func, arguments[0], scope)
        callee = self.library.evaluate(call.func, scope)
        if callee == BuiltinValue("functools.update_wrapper") and len(arguments) >= 2:
            wrapper = arguments[0]
            self.is_exact &= isinstance(wrapper, FunctionValue) and passes_all_on(wrapper.node)
            return arguments[1]
        if is_keeping(callee) and (len(arguments) == 1 or (arguments and callee.name == "torch._C._add_docstr")):
            return arguments[0]
        if isinstance(callee, FunctionValue):
            return self._result(callee, arguments, keywords)
        return ExpressionValue(call, scope)

    def applied(self, decorator: ast.expr, value: Value, scope: Scope) -> Value:
        """What ``decorator(value)`` is."""
        if self._depth > MAX_DEPTH:
            return Unclear("it is wrapped too deeply")
        self._depth += 1
        try:
            result = self._apply(decorator, value, scope)
        finally:
            self._depth -= 1
        if isinstance(result, ExpressionValue) and not isinstance(result.node, ast.Call):
            return Unclear(f"what the decorator {shortened(decorator)} makes of it is not known")
        return result

    def _apply(self, decorator: ast.expr, value: Value, scope: Scope) -> Value:
        unclear = Unclear(f"what the decorator {shortened(decorator)} makes of it is not known")
        if not isinstance(decorator, ast.Call):
            callee = self.library.evaluate(decorator, scope)
            if is_keeping(callee):
                return value
            if isinstance(callee, ExpressionValue) and isinstance(callee.node, ast.Call):
                return self._apply(callee.node, value, callee.scope)
            if isinstance(callee, FunctionValue):
                return self._result(callee, [value], {})
            return unclear
        factory = self.library.evaluate(decorator.func, scope)
        if factory == BuiltinValue("functools.wraps") and decorator.args:
            self.is_exact &= isinstance(value, FunctionValue) and passes_all_on(value.node)
            return self.library.evaluate(decorator.args[0], scope)
        if isinstance(factory, ExpressionValue) and (kept := self._kept_by_partial(factory)) is not None:
            return unclear if any(keyword.arg == "verify" for keyword in (*decorator.keywords, *kept)) else value
        if is_keeping(factory):
            # a deprecated class gets a __new__ of its own
            is_changed = factory.name.endswith(".deprecated") and isinstance(value, ClassValue)
            is_other = any(keyword.arg == "verify" for keyword in decorator.keywords)  # of numpy: the dispatcher's
            return unclear if is_changed or is_other else value
        if factory == BuiltinValue("functools.partial") and decorator.args:
            return self._apply_partial(decorator, value, scope) or unclear
        if isinstance(factory, ClassValue):
            call = self.library.classes.attribute(factory, "__call__")
            return self._result(call, [unclear, value], {}) if isinstance(call, FunctionValue) else unclear
        inner = self.called(decorator, scope)
        options = inner.options if isinstance(inner, ChoiceValue) else (inner,)
        if functions := [option for option in options if isinstance(option, FunctionValue)]:
            results = {self._result(function, [value], {}) for function in functions}
            return results.pop() if len(functions) == len(options) and len(results) == 1 else unclear
        if isinstance(inner, ExpressionValue) and isinstance(inner.node, ast.Call) and inner.node is not decorator:
            return self._apply(inner.node, value, inner.scope)
        return unclear

    def _kept_by_partial(self, factory: ExpressionValue) -> list[ast.keyword] | None:
        """The options of a partial of a decorator that keeps signatures; ``None`` for anything else."""
        match factory.node:
            case ast.Call(func=func, args=[kept], keywords=options):
                is_partial = self.library.evaluate(func, factory.scope) == BuiltinValue("functools.partial")
                return options if is_partial and is_keeping(self.library.evaluate(kept, factory.scope)) else None
            case _:
                return None

    def _apply_partial(self, partial: ast.Call, value: Value, scope: Scope) -> Value | None:
        callee = self.library.evaluate(partial.args[0], scope)
        if not isinstance(callee, FunctionValue):
            return None
        given = [self.library.evaluate(argument, scope) for argument in partial.args[1:]]
        keywords = {
            keyword.arg: self.library.evaluate(keyword.value, scope) for keyword in partial.keywords if keyword.arg
        }
        if PLACEHOLDER in given:
            given[given.index(PLACEHOLDER)] = value
            return None if PLACEHOLDER in given else self._result(callee, given, keywords)
        return self._result(callee, [*given, value], keywords)

    def _result(self, function: FunctionValue, arguments: Sequence[Value], keywords: dict[str, Value]) -> Value:
        """What a function returns for these arguments, when its return statements agree."""
        if function.name in MAKERS:
            return Unclear(f"{function.name} makes a constructor of it")
        if self._depth > MAX_DEPTH:
            return Unclear("it is wrapped too deeply")
        self._depth += 1
        try:
            return _Call(self, function, arguments, keywords).result()
        finally:
            self._depth -= 1


class _Call:
    """One call of a function of the source, followed as far as its own text shows what it returns."""

    def __init__(
        self, calls: "Calls", function: FunctionValue, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> None:
        self.calls = calls
        self.function = function
        self.node = function.node
        self.local: dict[str, Value] = dict(function.scope.local)
        self.scope = Scope(function.module, None, self.local)
        self.returned: list[Value] = []
        self.changing = changing_names(function.node)
        self.problem = self._bind(arguments, keywords)

    def result(self) -> Value:
        """The one value that all return statements agree on, or a choice of them."""
        if self.problem is not None:
            return self.problem
        if isinstance(self.node, ast.Lambda):
            return self.calls.library.evaluate(self.node.body, self.scope)
        if isinstance(self.node, ast.AsyncFunctionDef) or yields(self.node):
            return Unclear(f"{self.function.qualname} is a generator or a coroutine")
        if self.function.decorators and self.calls.decorated(self.function) != replace(self.function, is_bound=False):
            return Unclear(f"{self.function.qualname} is itself decorated")
        node = self._without_other_branches(self.node)
        if sets_deciding_names(node) and not sets_wrapped_alone(node):
            wrappers = wrappers_of_init(node)
            if wrappers is None:
                return Unclear(f"{self.function.qualname} changes what it wraps")
            self.calls.wraps_init = True
            self.calls.is_exact &= all(passes_all_on(wrapper) for wrapper in wrappers)
            self.calls.refuses_none |= any(chooses_keywords(node, wrapper) for wrapper in wrappers)
        if not self._run(self.node.body):
            self.returned.append(ConstantValue(None))
        if not self.returned:
            return Unclear(f"{self.function.qualname} returns nothing")
        distinct = list(dict.fromkeys(self.returned))
        return distinct[0] if len(distinct) == 1 else ChoiceValue(tuple(distinct))

    def _without_other_branches(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """The function without the branches that these arguments certainly do not take."""
        bound = {part.id for part in own_nodes(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
        body: list[ast.stmt] = []
        for statement in node.body:
            truth = None
            if isinstance(statement, ast.If):
                used = {part.id for part in ast.walk(statement.test) if isinstance(part, ast.Name)}
                truth = None if used & bound else known_truth(statement.test, self.scope, self.calls.library)
            if truth is None or not isinstance(statement, ast.If):
                body.append(statement)
            else:
                body.extend(statement.body if truth else statement.orelse)
        return ast.copy_location(ast.FunctionDef(node.name, node.args, body or [ast.Pass()], []), node)

    def _bind(self, arguments: Sequence[Value], keywords: dict[str, Value]) -> Unclear | None:
        syntax = self.node.args
        positional = [*syntax.posonlyargs, *syntax.args]
        names = [argument.arg for argument in positional]
        unknown = Unclear("an argument of a decorator")
        first_default = len(positional) - len(syntax.defaults)
        evaluate = self.calls.library.evaluate
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

    def _run(self, statements: Sequence[ast.stmt]) -> bool:
        """Follow statements in order; return whether they certainly end the function."""
        return any(self._follow(statement) for statement in statements)

    def _follow(self, statement: ast.stmt) -> bool:
        """Follow one statement; return whether it certainly ends the function."""
        self.local.update((name, Unclear(f"{name} is bound in an expression or a function")) for name in self.changing)
        match statement:
            case ast.Return(value=value):
                self.returned.append(ConstantValue(None) if value is None else self._evaluate(value))
                return True
            case ast.Raise():
                return True
            case ast.If():
                return self._branch(statement)
            case ast.With(body=body):
                return self._run(body)
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=name), attr="__wrapped__")], value=value):
                wrapper = self.local.get(name)
                self.calls.is_exact &= isinstance(wrapper, FunctionValue) and passes_all_on(wrapper.node)
                self.local[name] = self._evaluate(value)
            case ast.Expr() | ast.Pass() | ast.Assert() | ast.Nonlocal() | ast.Global():
                self._update_wrapper(statement)
            case _:
                self._bind_names(statement)
        return False

    def _branch(self, statement: ast.If) -> bool:
        """Follow the branch that is certainly taken, or both, and keep what either may leave behind."""
        truth = known_truth(statement.test, self.scope, self.calls.library)
        if truth is not None:
            return self._run(statement.body if truth else statement.orelse)
        before = dict(self.local)
        body_ends = self._run(statement.body)
        after_body = dict(self.local)
        self._restore(before)
        other_ends = self._run(statement.orelse)
        if other_ends and not body_ends:
            self._restore(after_body)
        elif not (other_ends or body_ends):
            self._merge(after_body)
        return body_ends and other_ends

    def _update_wrapper(self, statement: ast.stmt) -> None:
        """Give a wrapper the signature of the original: ``update_wrapper(wrapper, original)``."""
        match statement:
            case ast.Expr(value=ast.Call(args=[ast.Name(id=name), original, *_], func=func)):
                if self.calls.library.evaluate(func, self.scope) == BuiltinValue("functools.update_wrapper"):
                    wrapper = self.local.get(name)
                    self.calls.is_exact &= isinstance(wrapper, FunctionValue) and passes_all_on(wrapper.node)
                    self.local[name] = self._evaluate(original)
            case _:
                pass

    def _bind_names(self, statement: ast.stmt) -> None:
        """Keep what a definition, an assignment or an import binds; whatever else binds names leaves them unclear."""
        library, function = self.calls.library, self.function
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                closure = Scope(function.module, None, self.local)
                qualname = f"{function.qualname}.<locals>.{name}"
                self.local[name] = FunctionValue(function.module, qualname, statement, closure)
            case ast.ClassDef(name=name):
                self.local[name] = Unclear("a class made in a function")
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.local[name] = self._evaluate(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self.local[name] = self._evaluate(value)
            case ast.ImportFrom():
                module = library.modules.find(function.module)
                assert module is not None
                for alias in statement.names:
                    found = library.lookup(absolute_name(statement, module), alias.name)
                    self.local[alias.asname or alias.name] = found
            case ast.Import():
                for alias in statement.names:
                    imported = alias.name if alias.asname else alias.name.partition(".")[0]
                    self.local[alias.asname or imported] = ModuleValue(imported)
            case _:
                for name in bound_names(statement):
                    self.local[name] = Unclear("computed in a decorator")
                if any(isinstance(part, ast.Return) for part in own_nodes(statement)):
                    self.returned.append(Unclear(f"{function.qualname} returns in several ways"))

    def _restore(self, local: dict[str, Value]) -> None:
        self.local.clear()
        self.local.update(local)

    def _merge(self, other: dict[str, Value]) -> None:
        for name, value in other.items():
            if self.local.setdefault(name, value) != value:
                self.local[name] = Unclear("computed in a decorator")

    def _evaluate(self, node: ast.expr) -> Value:
        while isinstance(node, ast.IfExp):
            truth = known_truth(node.test, self.scope, self.calls.library)
            if truth is None:
                break
            node = node.body if truth else node.orelse
        value = self.calls.library.evaluate(node, self.scope)
        if isinstance(value, ExpressionValue) and isinstance(value.node, ast.Call):
            # partial(...) stays a call: it may be applied to the decorated object later
            callee = self.calls.library.evaluate(value.node.func, value.scope)
            if callee != BuiltinValue("functools.partial"):
                return self.calls.called(value.node, value.scope)
            return ExpressionValue(value.node, Scope(self.function.module, None, dict(self.local)))
        if isinstance(value, FunctionValue) and "<locals>" in value.qualname:
            return self.calls.decorated(value)
        return value
