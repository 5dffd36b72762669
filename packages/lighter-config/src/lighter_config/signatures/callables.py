"""What a class, a function or a decorated object takes when it is called."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

from lighter_config.signatures.generated import generated_parameters, named_tuple_parameters
from lighter_config.signatures.library import Library
from lighter_config.signatures.namespaces import absolute_name, static_truth
from lighter_config.signatures.parameters import Parameters, partially_applied, read_parameters, without_first
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

_MAX_DEPTH = 30

# Decorators that `inspect.signature` looks through, and whose own code says less than their names do.
_KEEPING = frozenset(
    {
        "abc.abstractmethod",
        "builtins.classmethod",
        "builtins.staticmethod",
        "contextlib.asynccontextmanager",
        "contextlib.contextmanager",
        "functools.cache",
        "functools.lru_cache",
        "functools.singledispatch",
        "functools.total_ordering",
        "torch.autograd.grad_mode.enable_grad",
        "torch.autograd.grad_mode.inference_mode",
        "torch.autograd.grad_mode.no_grad",
        "torch.autograd.grad_mode.set_grad_enabled",
        "typing.final",
        "typing.no_type_check",
        "typing.overload",
        "typing.override",
        "typing.runtime_checkable",
        "typing_extensions.deprecated",
        "warnings.deprecated",
    }
)

_DECIDING_FOR_FUNCTIONS = frozenset({"__code__", "__defaults__", "__kwdefaults__", "__signature__", "__wrapped__"})
_DECIDING_NAMES = frozenset({"__call__", "__init__", "__new__", "__signature__", "__wrapped__"})


class Callables:
    """Work out the parameters of values that a library found."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.is_exact = True
        """Set to ``False`` when a wrapper on the way may take arguments out before it passes the others on."""
        self._depth = 0

    def parameters(self, value: Value) -> Parameters | Unclear:
        """The parameters of anything that can be called."""
        if self._depth > _MAX_DEPTH:
            return Unclear("it is wrapped too deeply")
        self._depth += 1
        try:
            return self._parameters(value)
        finally:
            self._depth -= 1

    def _parameters(self, value: Value) -> Parameters | Unclear:
        match value:
            case FunctionValue():
                return self._of_function(value)
            case ClassValue():
                return self._of_class(value)
            case ExpressionValue(node=ast.Call() as call, scope=scope):
                return self._of_call(call, scope)
            case ExpressionValue(node=ast.Subscript()):
                cls = self.library.unsubscripted(value)
                return self._of_class(cls) if isinstance(cls, ClassValue) else Unclear("its value is computed")
            case ChoiceValue(options=options):
                found = [self.parameters(option) for option in options]
                if all(one == found[0] for one in found):
                    return found[0]
                return Unclear("it is defined in several ways, and which one holds shows only when it is imported")
            case Unclear():
                return value
            case BuiltinValue(name=name):
                return Unclear(f"{name} is part of the interpreter")
            case _:
                return Unclear("its value is computed")

    # -- functions

    def _of_function(self, function: FunctionValue) -> Parameters | Unclear:
        node = function.node
        for name, attribute in self.library.patches(function):
            if name == function.qualname and attribute in _DECIDING_FOR_FUNCTIONS:
                return Unclear(f"{function.name}.{attribute} is replaced after the function was made")
        parameters: Parameters | Unclear | None
        parameters = self._undecorated(function)
        if not isinstance(node, ast.Lambda) and node.decorator_list:
            decorated = self.decorated(function)
            if isinstance(decorated, Unclear):
                return decorated
            if decorated != replace(function, is_bound=False):
                parameters = self.parameters(decorated)
        if isinstance(parameters, Unclear) or not function.is_bound:
            return parameters
        return without_first(parameters) or ()

    def _undecorated(self, function: FunctionValue) -> Parameters:
        return read_parameters(function.node.args, function.module, owner=function.owner.rpartition(".")[2])

    def decorated(self, function: FunctionValue) -> Value:
        """What a function is after its decorators, as ``inspect.signature`` sees it."""
        value: Value = replace(function, is_bound=False)
        if not isinstance(function.node, ast.Lambda):
            for decorator in reversed(function.node.decorator_list):
                value = self._applied(decorator, value, function.scope)
        return value

    # -- calls

    def _of_call(self, call: ast.Call, scope: Scope) -> Parameters | Unclear:
        callee = self.library.evaluate(call.func, scope)
        if callee == BuiltinValue("functools.partial"):
            if not call.args or any(isinstance(argument, ast.Starred) for argument in call.args):
                return Unclear("a partial of something that is not written out")
            if any(keyword.arg is None for keyword in call.keywords):
                return Unclear("a partial with arguments that are not written out")
            inner = self.parameters(self.library.evaluate(call.args[0], scope))
            if isinstance(inner, Unclear):
                return inner
            given = [(str(keyword.arg), ast.unparse(keyword.value)) for keyword in call.keywords]
            return partially_applied(inner, len(call.args) - 1, given) or Unclear("a partial that does not fit")
        if callee in (BuiltinValue("collections.namedtuple"), BuiltinValue("typing.NamedTuple")):
            return named_tuple_parameters(call, scope.module)
        value = self.called(call, scope)
        if isinstance(value, ExpressionValue) and value.node is call:
            return Unclear(f"the result of {ast.unparse(call.func)}(...)")
        return self.parameters(value)

    def called(self, call: ast.Call, scope: Scope) -> Value:
        """What a call in the source gives, where the called function shows it."""
        arguments = [self.library.evaluate(argument, scope) for argument in call.args]
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            return Unclear("a call with arguments that are not written out")
        keywords = {
            keyword.arg: self.library.evaluate(keyword.value, scope) for keyword in call.keywords if keyword.arg
        }
        if isinstance(call.func, ast.Call) and len(arguments) == 1 and not keywords:
            return self._applied(call.func, arguments[0], scope)
        callee = self.library.evaluate(call.func, scope)
        if callee == BuiltinValue("functools.update_wrapper") and len(arguments) >= 2:
            wrapper = arguments[0]
            self.is_exact &= isinstance(wrapper, FunctionValue) and passes_all_on(wrapper.node)
            return arguments[1]
        if _is_keeping(callee) and len(arguments) == 1:
            return arguments[0]
        if isinstance(callee, FunctionValue):
            return self._result(callee, arguments, keywords)
        return ExpressionValue(call, scope)

    def _applied(self, decorator: ast.expr, value: Value, scope: Scope) -> Value:
        """What ``decorator(value)`` is."""
        if self._depth > _MAX_DEPTH:
            return Unclear("it is wrapped too deeply")
        self._depth += 1
        try:
            result = self._apply(decorator, value, scope)
        finally:
            self._depth -= 1
        if isinstance(result, ExpressionValue) and not isinstance(result.node, ast.Call):
            return Unclear(f"what the decorator {_shortened(decorator)} makes of it is not known")
        return result

    def _apply(self, decorator: ast.expr, value: Value, scope: Scope) -> Value:
        unclear = Unclear(f"what the decorator {_shortened(decorator)} makes of it is not known")
        if not isinstance(decorator, ast.Call):
            callee = self.library.evaluate(decorator, scope)
            if _is_keeping(callee):
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
        if _is_keeping(factory):
            # a deprecated class gets a __new__ of its own
            return unclear if factory.name.endswith(".deprecated") and isinstance(value, ClassValue) else value
        if factory == BuiltinValue("functools.partial") and decorator.args:
            return self._apply_partial(decorator, value, scope) or unclear
        if isinstance(factory, ClassValue):
            call = self.library.class_attribute(factory, "__call__")
            return self._result(call, [unclear, value], {}) if isinstance(call, FunctionValue) else unclear
        inner = self.called(decorator, scope)
        if isinstance(inner, FunctionValue):
            return self._result(inner, [value], {})
        if isinstance(inner, ExpressionValue) and isinstance(inner.node, ast.Call) and inner.node is not decorator:
            return self._apply(inner.node, value, inner.scope)
        return unclear

    def _apply_partial(self, partial: ast.Call, value: Value, scope: Scope) -> Value | None:
        callee = self.library.evaluate(partial.args[0], scope)
        if not isinstance(callee, FunctionValue):
            return None
        given = [self.library.evaluate(argument, scope) for argument in partial.args[1:]]
        keywords = {
            keyword.arg: self.library.evaluate(keyword.value, scope) for keyword in partial.keywords if keyword.arg
        }
        return self._result(callee, [*given, value], keywords)

    def _result(self, function: FunctionValue, arguments: Sequence[Value], keywords: dict[str, Value]) -> Value:
        """What a function returns for these arguments, when its return statements agree."""
        if self._depth > _MAX_DEPTH:
            return Unclear("it is wrapped too deeply")
        self._depth += 1
        try:
            return _Frame(self, function, arguments, keywords).result()
        finally:
            self._depth -= 1

    # -- classes

    def _of_class(self, cls: ClassValue) -> Parameters | Unclear:
        order = self.library.mro(cls)
        if isinstance(order, Unclear):
            return order
        for base in order:
            if isinstance(base, ClassValue):
                obstacle = self._obstacle(base)
                if obstacle is not None:
                    return obstacle
        metaclass_call = self._metaclass_call(order)
        if metaclass_call is not None:
            return metaclass_call
        return self._constructor(cls, order)

    def _obstacle(self, cls: ClassValue) -> Unclear | None:
        """Why the statements of a class do not tell how it is called."""
        body = self.library.body(cls)
        annotated = {
            statement.target.id
            for statement in cls.node.body
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        }
        if "__signature__" in body.names or "__signature__" in annotated:
            return Unclear(f"{cls.name} computes its signature")
        for name, attribute in self.library.patches(cls):
            if name == cls.qualname and attribute in (*_DECIDING_NAMES, "*"):
                return Unclear(f"{cls.name}.{attribute} is replaced after the class was made")
        hook = self.library.own_attribute(cls, "__init_subclass__")
        if isinstance(hook, FunctionValue) and _mentions_deciding_names(hook.node):
            return Unclear(f"{cls.name} changes how its subclasses are made")
        for decorator in cls.node.decorator_list:
            if generated_parameters(self.library, cls) is not None:
                continue
            if self._applied(decorator, cls, cls.scope) != cls:
                return Unclear(f"what the decorator {_shortened(decorator)} makes of {cls.name} is not known")
        return None

    def _metaclass_call(self, order: Sequence[ClassValue | BuiltinValue]) -> Parameters | Unclear | None:
        """The parameters that a metaclass with its own ``__call__`` asks for; ``None`` when there is none."""
        metaclasses: list[Value] = []
        for base in order:
            if isinstance(base, ClassValue):
                metaclasses.extend(
                    self.library.evaluate(keyword.value, base.scope)
                    for keyword in base.node.keywords
                    if keyword.arg == "metaclass"
                )
        plain = (BuiltinValue("abc.ABCMeta"), BuiltinValue("builtins.type"))
        for metaclass in dict.fromkeys(metaclasses):
            if metaclass in plain:
                continue
            if not isinstance(metaclass, ClassValue):
                return Unclear("its metaclass is not known")
            bases = self.library.mro(metaclass)
            if isinstance(bases, Unclear):
                return bases
            for base in bases:
                if isinstance(base, ClassValue):
                    call = self.library.own_attribute(base, "__call__")
                    if call is not None:
                        parameters = self.parameters(call)
                        if isinstance(parameters, Unclear):
                            return parameters
                        return without_first(parameters) or ()
                    for name in ("__new__", "__init__"):
                        method = self.library.own_attribute(base, name)
                        if isinstance(method, FunctionValue) and _mentions_deciding_names(method.node):
                            return Unclear(f"the metaclass {base.name} changes how its classes are made")
                elif base.name not in ("abc.ABCMeta", "builtins.type", "builtins.object"):
                    return Unclear(f"the metaclass {base.name} is compiled")
        return None

    def _constructor(self, cls: ClassValue, order: Sequence[ClassValue | BuiltinValue]) -> Parameters | Unclear:
        new = self._first(order, "__new__")
        init = self._first(order, "__init__")
        if new is None and init is None:
            compiled = [base.name for base in order if isinstance(base, BuiltinValue) and not _is_plain(base)]
            if compiled:
                return Unclear(f"its constructor is that of {compiled[0]}, which is compiled")
            return ()
        if new is None or init is None:
            found = new or init
            assert found is not None
            return found[1]
        # Python up to 3.12 prefers an inherited __new__, later versions the nearest of the two.
        nearest = new if new[0] <= init[0] else init
        preferred = init if init[0] == 0 and new[0] != 0 else new
        if nearest[1] == preferred[1]:
            return nearest[1]
        return Unclear(f"{cls.name} inherits both __new__ and __init__, which take different arguments")

    def _first(self, order: Sequence[ClassValue | BuiltinValue], name: str) -> tuple[int, Parameters | Unclear] | None:
        """The first class in the order that has a constructor of this name in Python, and its parameters."""
        for index, base in enumerate(order):
            if isinstance(base, BuiltinValue):
                if base.name == "typing.Protocol" and name == "__init__":
                    return index, Unclear("a protocol has no constructor of its own")
                if base.name == "typing.TypedDict":
                    return index, Unclear("a TypedDict takes what its keys say")
                if not _is_plain(base):
                    return None  # what is behind a compiled constructor is not reached
                continue
            method = self.library.own_attribute(base, name)
            if method is None:
                generated = generated_parameters(self.library, base)
                if generated is not None and generated.method == name:
                    return index, generated.parameters
                continue
            if isinstance(method, Unclear):
                return index, method
            if not isinstance(method, FunctionValue):
                return index, Unclear(f"{base.name}.{name} is computed")
            parameters = self.parameters(replace(method, is_bound=False))
            if isinstance(parameters, Unclear):
                return index, parameters
            bound = without_first(parameters)
            return index, bound if bound is not None else Unclear(f"{base.name}.{name} takes no object")
        return None


class _Frame:
    """One call of a function of the source, followed as far as its own text shows what it returns."""

    def __init__(
        self, callables: Callables, function: FunctionValue, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> None:
        self.callables = callables
        self.function = function
        self.node = function.node
        self.local: dict[str, Value] = dict(function.scope.local)
        self.scope = Scope(function.module, None, self.local)
        self.problem = self._bind(arguments, keywords)

    def result(self) -> Value:
        if self.problem is not None:
            return self.problem
        if isinstance(self.node, ast.Lambda):
            return self.callables.library.evaluate(self.node.body, self.scope)
        if isinstance(self.node, ast.AsyncFunctionDef) or _yields(self.node):
            return Unclear(f"{self.function.qualname} is a generator or a coroutine")
        if self.node.decorator_list and self.callables.decorated(self.function) != replace(
            self.function, is_bound=False
        ):
            return Unclear(f"{self.function.qualname} is itself decorated")
        if _sets_deciding_names(self.node):
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
                    module = self.callables.library.find(self.function.module)
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
                    for name in _bound_names(statement):
                        self._set(name, Unclear("computed in a decorator"))
                    if any(isinstance(part, ast.Return) for part in _own_nodes(statement)):
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


def _is_keeping(value: Value) -> TypeGuard[BuiltinValue | FunctionValue | ClassValue]:
    return isinstance(value, (BuiltinValue, FunctionValue, ClassValue)) and value.name in _KEEPING


def _is_plain(base: BuiltinValue) -> bool:
    """Whether a builtin base leaves construction to ``object``."""
    return base.name in ("abc.ABC", "builtins.object", "typing.Generic", "typing.NamedTuple") or base.name.startswith(
        "collections.abc."
    )


def _shortened(node: ast.expr) -> str:
    text = ast.unparse(node.func if isinstance(node, ast.Call) else node)
    return f"@{text}"


def _own_nodes(root: ast.AST) -> list[ast.AST]:
    """The nodes of a function without those of the functions inside it."""
    nodes: list[ast.AST] = []
    pending = list(ast.iter_child_nodes(root))
    while pending:
        node = pending.pop()
        nodes.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            pending.extend(ast.iter_child_nodes(node))
    return nodes


def _yields(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in _own_nodes(function))


def _bound_names(statement: ast.stmt) -> set[str]:
    return {
        node.id
        for node in [statement, *_own_nodes(statement)]
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def passes_all_on(wrapper: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> bool:
    """Whether a wrapper certainly hands every keyword that it gets to what it wraps.

    ``inspect.signature`` shows what is wrapped. A wrapper with parameters of its own, or one that takes keywords out,
    accepts more than that.
    """
    syntax = wrapper.args
    if syntax.kwarg is None:
        return not (syntax.kwonlyargs or syntax.args[1:])
    if syntax.kwonlyargs or len(syntax.args) > 1:
        return False
    keywords = syntax.kwarg.arg
    for node in _own_nodes(wrapper):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="pop" | "popitem" | "clear")):
                is_taken_out = name == keywords
            case ast.Call(func=func, args=arguments) if any(_is_named(argument, keywords) for argument in arguments):
                is_taken_out = ast.unparse(func).rpartition(".")[2] not in _READING_CALLS
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Del()):
                is_taken_out = name == keywords
            case ast.DictComp() | ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                is_taken_out = any(_is_named(part, keywords) for part in ast.walk(node))
            case _:
                continue
        if is_taken_out:
            return False
    return True


_READING_CALLS = frozenset({"bool", "dict", "iter", "len", "list", "repr", "set", "sorted", "str", "tuple", "update"})


def _is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _sets_deciding_names(function: ast.AST) -> bool:
    """Whether a function assigns ``__init__``, ``__signature__`` and the like to something."""
    for node in _own_nodes(function):
        match node:
            case ast.Attribute(attr=attribute, ctx=ast.Store()) if attribute in _DECIDING_NAMES:
                return True
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=str(name)), *_]):
                if name in _DECIDING_NAMES:
                    return True
            case _:
                pass
    return False


def _mentions_deciding_names(function: ast.AST) -> bool:
    """Whether a function assigns ``__init__`` and the like, or names one of them as text."""
    return _sets_deciding_names(function) or any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in _DECIDING_NAMES
        for node in _own_nodes(function)
    )
