"""Look names up in source: from a module or class and a name to what it stands for."""

import ast
import builtins
import typing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lighter_config.signatures.class_order import OBJECT, as_class, builtin_order, merged_order, python_type
from lighter_config.signatures.conditions import static_truth
from lighter_config.signatures.lazy_names import LazyNames
from lighter_config.signatures.modules import EVERY_FILE, Module, ModuleFinder
from lighter_config.signatures.namespaces import (
    Assignment,
    Binding,
    Definition,
    ModuleImport,
    NameImport,
    Namespace,
    Opaque,
    StarImport,
    Unbound,
    may_add_names,
    read_class_body,
    read_module,
)
from lighter_config.signatures.values import (
    Absent,
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

_TYPING_MODULES = ("typing", "typing_extensions")

# Part of the interpreter's own machinery; reading their source would tell less than their names do.
_KNOWN_BY_NAME = frozenset(
    {
        "abc.ABC",
        "abc.ABCMeta",
        "collections.namedtuple",
        "functools.cached_property",
        "functools.partial",
        "functools.partialmethod",
        "functools.update_wrapper",
        "functools.wraps",
        "typing_extensions.deprecated",
        "warnings.deprecated",
    }
)


class Library:
    """The modules of one search path, read on demand; nothing is imported.

    Attributes:
        finder: Where modules are found.
    """

    def __init__(self, finder: ModuleFinder) -> None:
        self.finder = finder
        self._namespaces: dict[str, Namespace | Unclear] = {}
        self._texts: dict[str, bytes] = {}
        self._recordings: list[set[str]] = []
        self._in_progress: set[object] = set()

    # -- modules

    @contextmanager
    def recording(self) -> Iterator[set[str]]:
        """Collect the names of all modules that are asked for meanwhile, found or not."""
        names: set[str] = set()
        self._recordings.append(names)
        try:
            yield names
        finally:
            self._recordings.pop()

    def find(self, name: str) -> Module | None:
        """Find a module, and remember that an answer depends on it."""
        for names in self._recordings:
            names.add(name)
        return self.finder.find(name)

    def namespace(self, module: Module) -> Namespace | Unclear:
        """The names of a module that has source or a stub."""
        if module.name not in self._namespaces:
            self._namespaces[module.name] = self._read(module)
        return self._namespaces[module.name]

    def _read(self, module: Module) -> Namespace | Unclear:
        if module.kind not in ("source", "stub"):
            return Unclear(f"{module.name} is compiled and comes without a stub", owner=module.name)
        try:
            return read_module(module, self._text(module))
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            return Unclear(f"{module.file} cannot be read as Python: {error}", owner=module.name)
        finally:
            self._texts.pop(module.name, None)

    def _text(self, module: Module) -> bytes:
        if module.name not in self._texts:
            assert module.file is not None
            self._texts[module.name] = Path(module.file).read_bytes()
        return self._texts[module.name]

    # -- names of a module

    def lookup(self, module_name: str, name: str) -> Value:
        """What ``module_name.name`` is after everything in that module has run."""
        if module_name in _TYPING_MODULES and hasattr(typing, name):
            return BuiltinValue(f"typing.{name}")
        if f"{module_name}.{name}" in _KNOWN_BY_NAME:
            return BuiltinValue(f"{module_name}.{name}")
        question = (module_name, name)
        if question in self._in_progress:
            # `from . import x` in the package of x binds the submodule
            return self._submodule(module_name, name) or Unclear("it is defined in terms of itself", name, module_name)
        self._in_progress.add(question)
        try:
            return self._lookup(module_name, name)
        finally:
            self._in_progress.discard(question)

    def _lookup(self, module_name: str, name: str) -> Value:
        module = self.find(module_name)
        if module is None:
            return self._missing_module(module_name)
        if module.kind == "namespace":
            return self._submodule(module_name, name) or Absent(name, module_name)
        namespace = self.namespace(module)
        if isinstance(namespace, Unclear):
            return self._submodule(module_name, name) or Unclear(namespace.reason, name, module_name)
        value = self.own(namespace, name)
        submodule = self._submodule(module_name, name) if module.locations else None
        if isinstance(value, Absent):
            later = submodule or self._added_later(namespace, name)
            # a name that is bound by an import says what that import lacks
            return value if isinstance(later, Absent) and name in namespace.names else later
        if submodule is not None and not _comes_from(value, namespace.candidates(name), submodule.name):
            return Unclear(f"{module_name} has a submodule and a name {name}", name, module_name)
        return value

    def _submodule(self, package: str, name: str) -> ModuleValue | None:
        return ModuleValue(f"{package}.{name}") if self.find(f"{package}.{name}") is not None else None

    def _missing_module(self, name: str) -> Absent | Unclear:
        parent, _, last = name.rpartition(".")
        if parent:
            return Absent(last, parent, is_module=True)
        reason = self.finder.may_exist(name)
        return Unclear(reason, name) if reason else Absent(name, is_module=True)

    def own(self, namespace: Namespace, name: str) -> Value:
        """What the statements of a namespace bind ``name`` to; ``Absent`` when they do not."""
        scope = Scope(namespace.module.name)
        bindings = namespace.candidates(name)
        position = namespace.position(name)
        options: list[Value] = []
        for star in reversed(namespace.stars):
            if bindings and star.position < position:
                options.extend(self._bound(binding, scope, name) for binding in bindings)
                if not any(isinstance(binding, Unbound) for binding in bindings):
                    return _combined(options)
                bindings = ()
            value = self._from_star(star, name)
            if value is not None:
                options.append(value)
                if star.is_certain and not isinstance(value, (Absent, Unclear)):
                    return _combined(options)
        options.extend(self._bound(binding, scope, name) for binding in bindings)
        return _combined(options) if options else Absent(name, namespace.module.name)

    def _from_star(self, star: StarImport, name: str) -> Value | None:
        """What a star import binds ``name`` to; ``None`` when it does not."""
        module = self.find(star.module)
        if module is None:
            return None
        if module.kind in ("source", "stub") and module.name not in self._namespaces:
            try:
                text = self._text(module)
            except OSError as error:
                return Unclear(f"{module.file} cannot be read: {error}", name, module.name)
            if name.encode() not in text and b"import *" not in text and not may_add_names(text):
                return None
        namespace = self.namespace(module)
        if isinstance(namespace, Unclear):
            return Unclear(namespace.reason, name, module.name)
        question = (star, name)
        if question in self._in_progress:
            return None
        self._in_progress.add(question)
        try:
            exported = self.exported(namespace)
            if exported is not None:
                is_exported = name in exported or self._adds_itself(namespace, name)
                value = self.lookup(module.name, name) if is_exported else None
            else:
                value = None if name.startswith("_") else self.own(namespace, name)
            if value is None or isinstance(value, Absent):
                later = self._given_by_itself(namespace, name) if module.kind == "source" else None
                return later if isinstance(later, Unclear) else None
        finally:
            self._in_progress.discard(question)
        if exported is None and namespace.name_lists is None:
            return Unclear(f"{module.name} computes its __all__", name, module.name)
        return value

    def _adds_itself(self, namespace: Namespace, name: str) -> bool:
        """Whether a decorator puts the name into ``__all__`` when the module runs."""
        for binding in namespace.candidates(name):
            for decorator in binding.node.decorator_list if isinstance(binding, Definition) else ():
                node = decorator.func if isinstance(decorator, ast.Call) else decorator
                value = self.evaluate(node, Scope(namespace.module.name))
                if isinstance(value, FunctionValue) and "__all__" in ast.unparse(value.node):
                    return True
        return False

    def exported(self, namespace: Namespace) -> frozenset[str] | None:
        """The names in ``__all__``; ``None`` when there is no ``__all__`` or it cannot be worked out."""
        if not namespace.name_lists:
            return None
        names: set[str] = set()
        for expression in namespace.name_lists:
            found = self._names_in(expression, namespace)
            if found is None:
                namespace.name_lists = None
                return None
            names |= found
        return frozenset(names)

    def _names_in(self, expression: ast.expr, namespace: Namespace) -> set[str] | None:
        match expression:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                names: set[str] = set()
                for item in items:
                    if isinstance(item, ast.Constant) and isinstance(item.value, str):
                        names.add(item.value)
                    elif isinstance(item, ast.Starred):
                        found = self._names_in(item.value, namespace)
                        if found is None:
                            return None
                        names |= found
                    else:
                        return None
                return names
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                first, second = self._names_in(left, namespace), self._names_in(right, namespace)
                return None if first is None or second is None else first | second
            case ast.Call(func=ast.Name(id="list" | "sorted" | "tuple" | "set"), args=[inner], keywords=[]):
                return self._names_in(inner, namespace)
            case ast.Attribute(value=inner, attr="__all__"):
                value = self.evaluate(inner, Scope(namespace.module.name))
                module = self.find(value.name) if isinstance(value, ModuleValue) else None
                other = self.namespace(module) if module is not None else None
                exported = self.exported(other) if isinstance(other, Namespace) else None
                return None if exported is None else set(exported)
            case ast.Name(id="__all__"):
                return set()
            case ast.Name(id=name):
                candidates = namespace.candidates(name)
                if len(candidates) == 1 and isinstance(candidates[0], Assignment):
                    return self._names_in(candidates[0].value, namespace)
                if len(candidates) == 1 and isinstance(candidates[0], NameImport):
                    module = self.find(candidates[0].module)
                    other = self.namespace(module) if module is not None else None
                    if isinstance(other, Namespace) and candidates[0].attribute == "__all__":
                        exported = self.exported(other)
                        return None if exported is None else set(exported)
                return None
            case _:
                return None

    def may_hide(self, submodule: str) -> Unclear | None:
        """Why a package may hold something else under the name of its submodule; ``None`` when it cannot."""
        package, _, name = submodule.rpartition(".")
        module = self.find(package) if package else None
        namespace = self.namespace(module) if module is not None and module.kind == "source" else None
        if not isinstance(namespace, Namespace):
            return namespace
        later = self._given_by_itself(namespace, name)
        return later if isinstance(later, Unclear) else None

    def _added_later(self, namespace: Namespace, name: str) -> Value:
        """What a name may be that no statement of the module binds."""
        given = self._given_by_itself(namespace, name)
        if given is not None:
            return given
        for names in self._recordings:
            names.add(f"{namespace.module.name.partition('.')[0]}{EVERY_FILE}")
        giver = self.finder.may_be_given(namespace.module, name)
        if giver is not None:
            return Unclear(f"{giver} may add it to {namespace.module.name}", name, namespace.module.name)
        return Absent(name, namespace.module.name)

    def _given_by_itself(self, namespace: Namespace, name: str) -> Value | None:
        """What a module makes of a name in other ways than by binding it; ``None`` when it makes nothing."""
        module = namespace.module
        if name in namespace.typing_names and ("__getattr__" in namespace.names or namespace.additions):
            # The module tells type checkers what its __getattr__, or the object in its place, will give.
            scope = Scope(module.name)
            return _combined([self._bound(binding, scope, name) for binding in namespace.typing_names[name]])
        if "__getattr__" in namespace.names:
            lazy = self._lazy(namespace, name)
            if lazy is not None:
                return lazy
        if module.kind == "stub":
            return Unclear(f"the stub of {module.name} does not name it", name, module.name)
        if namespace.additions:
            return Unclear(f"{module.name} is not all written out: {namespace.additions[0]}", name, module.name)
        if name in namespace.named_in_calls:
            return Unclear(f"{module.name} names it in a call that may add it", name, module.name)
        for call in namespace.handed_out:
            callee = self.evaluate(call.func, Scope(module.name))
            if not isinstance(callee, FunctionValue) or _may_set_attributes(callee.node):
                return Unclear(f"{module.name} hands itself to a call in line {call.lineno}", name, module.name)
        return None

    def _lazy(self, namespace: Namespace, name: str) -> Value | None:
        """What the module's ``__getattr__`` answers; ``None`` when it certainly raises."""
        module = namespace.module
        stub = module.file.removesuffix(".py") + ".pyi" if module.file and module.kind == "source" else ""
        if stub and Path(stub).is_file():
            beside = Module(module.name, "stub", stub, module.locations)
            try:
                value = self.own(read_module(beside, Path(stub).read_bytes()), name)
            except (OSError, SyntaxError, ValueError):
                value = Absent(name, module.name)
            if not isinstance(value, Absent):
                return value
        value = self.own(namespace, "__getattr__")
        if isinstance(value, FunctionValue) and not isinstance(value.node, ast.Lambda):
            return LazyNames(self, namespace, value.node).answer(name)
        return Unclear(f"{module.name} makes names when they are asked for", name, module.name)

    def _bound(self, binding: Binding, scope: Scope, name: str, owner: str = "") -> Value:
        match binding:
            case Definition(node=ast.ClassDef() as node):
                return ClassValue(scope.module, f"{owner}.{node.name}" if owner else node.name, node, scope)
            case Definition(node=function):
                assert not isinstance(function, ast.ClassDef)
                qualname = f"{owner}.{function.name}" if owner else function.name
                return FunctionValue(scope.module, qualname, function, scope, owner)
            case ModuleImport(module=module):
                return ModuleValue(module) if self.find(module) is not None else self._missing_module(module)
            case NameImport(module=module, attribute=attribute):
                return self.lookup(module, attribute)
            case Assignment(value=value):
                return self.evaluate(value, scope)
            case Opaque(reason=reason):
                return Unclear(reason, name, scope.module)
            case Unbound():
                return Absent(name, scope.module)

    # -- expressions

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """What an expression stands for; calls are kept as they are."""
        match node:
            case ast.Constant(value=constant):
                return ConstantValue(constant)
            case ast.Name(id=name):
                return self._name(name, scope)
            case ast.Attribute(value=inner, attr=name):
                return self.attribute(self.evaluate(inner, scope), name)
            case ast.Lambda():
                return FunctionValue(scope.module, "<lambda>", node, scope)
            case ast.NamedExpr(value=inner):
                return self.evaluate(inner, scope)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                truth = static_truth(test)
                if truth is not None:
                    return self.evaluate(body if truth else orelse, scope)
                return _combined([self.evaluate(body, scope), self.evaluate(orelse, scope)])
            case ast.BoolOp(values=values):
                return _combined([self.evaluate(value, scope) for value in values])
            case ast.Call(func=func, args=[_, value], keywords=[]) if ast.unparse(func).endswith("cast"):
                callee = self.evaluate(func, scope)
                if callee == BuiltinValue("typing.cast"):
                    return self.evaluate(value, scope)
                return ExpressionValue(node, scope)
            case _:
                return ExpressionValue(node, scope)

    def _name(self, name: str, scope: Scope) -> Value:
        if name in scope.local:
            return scope.local[name]
        if scope.body is not None and name in scope.body.names:
            module_scope = Scope(scope.module)
            return _combined([self._bound(binding, module_scope, name) for binding in scope.body.candidates(name)])
        if hasattr(builtins, name) and not self._binds(scope.module, name):
            return BuiltinValue(f"builtins.{name}")
        return self.lookup(scope.module, name)

    def _binds(self, module_name: str, name: str) -> bool:
        module = self.find(module_name)
        namespace = self.namespace(module) if module is not None else None
        if not isinstance(namespace, Namespace):
            return False
        if name in namespace.names:
            # in `TimeoutError = TimeoutError` the second one is the builtin
            return (module_name, name) not in self._in_progress
        return any(self._from_star(star, name) is not None for star in namespace.stars)

    def unsubscripted(self, value: Value) -> Value:
        """The class behind ``Base[int]``; any other value as it is."""
        while isinstance(value, ExpressionValue) and isinstance(value.node, ast.Subscript):
            value = self.evaluate(value.node.value, value.scope)
        return value

    def attribute(self, value: Value, name: str) -> Value:
        """What ``value.name`` is."""
        match value:
            case ModuleValue(name=module):
                return self.lookup(module, name)
            case ClassValue():
                return self.class_attribute(value, name)
            case ChoiceValue(options=options):
                return _combined([self.attribute(option, name) for option in options])
            case Absent() | Unclear():
                return value
            case _:
                return Unclear("an attribute of an object that exists only when the program runs", name)

    # -- classes

    def body(self, cls: ClassValue) -> Namespace:
        """The names that the class statement binds."""
        module = self.find(cls.module)
        assert module is not None
        return read_class_body(module, cls.node)

    def own_attribute(self, cls: ClassValue, name: str) -> Value | None:
        """What the class body itself binds ``name`` to; ``None`` when it does not."""
        body = self.body(cls)
        if name not in body.names:
            return None
        scope = Scope(cls.module, body, cls.scope.local)
        return _combined([self._bound(binding, scope, name, cls.qualname) for binding in body.candidates(name)])

    def class_attribute(self, cls: ClassValue, name: str) -> Value:
        """What ``cls.name`` is, looked up along the bases."""
        order = self.mro(cls)
        if isinstance(order, Unclear):
            return order
        for base in order:
            if isinstance(base, BuiltinValue):
                if hasattr(python_type(base), name):
                    return Unclear(f"{name} of {base.name} is compiled", name, cls.name)
                continue
            if name in (attribute for patched, attribute in self.patches(base) if patched == base.qualname):
                return Unclear(f"{base.name}.{name} is replaced after the class was made", name, cls.name)
            value = self.own_attribute(base, name)
            if value is not None:
                return self._accessed_on_class(value)
        if any(isinstance(base, ClassValue) and self._may_gain_attributes(base) for base in order):
            return Unclear(f"{cls.name} gains attributes after its statement", name, cls.name)
        return Absent(name, cls.name)

    def patches(self, value: ClassValue | FunctionValue) -> set[tuple[str, str]]:
        """Attributes that later statements set on the classes and functions of the same module."""
        module = self.find(value.module)
        namespace = self.namespace(module) if module is not None else None
        return namespace.patched if isinstance(namespace, Namespace) else set()

    def _may_gain_attributes(self, cls: ClassValue) -> bool:
        return (
            bool(cls.node.decorator_list)
            or any(keyword.arg != "metaclass" for keyword in cls.node.keywords)
            or "__init_subclass__" in self.body(cls).names
            or any(name == cls.qualname for name, _ in self.patches(cls))
            or any(
                keyword.arg == "metaclass" and ast.unparse(keyword.value) != "ABCMeta" for keyword in cls.node.keywords
            )
        )

    def _accessed_on_class(self, value: Value) -> Value:
        if not isinstance(value, FunctionValue) or isinstance(value.node, ast.Lambda):
            return value
        for decorator in value.node.decorator_list:
            kind = self.evaluate(decorator, value.scope)
            if kind == BuiltinValue("builtins.classmethod"):
                return FunctionValue(value.module, value.qualname, value.node, value.scope, value.owner, is_bound=True)
            if kind in (BuiltinValue("builtins.property"), BuiltinValue("functools.cached_property")):
                return Unclear("a property", value.qualname)
        return value

    def mro(self, cls: ClassValue) -> tuple[ClassValue | BuiltinValue, ...] | Unclear:
        """The order in which attributes are looked up, ``object`` last."""
        question = ("mro", cls)
        if question in self._in_progress:
            return Unclear(f"{cls.name} is its own base", owner=cls.name)
        self._in_progress.add(question)
        try:
            orders: list[list[ClassValue | BuiltinValue]] = []
            bases: list[ClassValue | BuiltinValue] = []
            for node in cls.node.bases:
                base = as_class(self.unsubscripted(self.evaluate(node, cls.scope)))
                if isinstance(base, BuiltinValue):
                    order = builtin_order(base)
                elif isinstance(base, ClassValue):
                    order = self.mro(base)
                else:
                    order = Unclear(f"base {ast.unparse(node)} of {cls.name} is not known", owner=cls.name)
                if isinstance(order, Unclear):
                    return order
                bases.append(order[0])
                orders.append(list(order))
            merged = merged_order([*orders, bases])
        finally:
            self._in_progress.discard(question)
        if merged is None:
            return Unclear(f"the bases of {cls.name} have no order", owner=cls.name)
        return (cls, *(base for base in merged if base != OBJECT), OBJECT)


def _combined(options: Iterable[Value]) -> Value:
    """One value for several possible ones; what would be missing or ``None`` gives way to what is there."""
    flat: list[Value] = []
    for option in options:
        flat.extend(option.options if isinstance(option, ChoiceValue) else (option,))
    distinct = list(dict.fromkeys(flat))
    present = [option for option in distinct if not isinstance(option, Absent)]
    something = [option for option in present if option != ConstantValue(None)] or present
    if not something:
        return distinct[0]
    return something[0] if len(something) == 1 else ChoiceValue(tuple(something))


def _comes_from(value: Value, bindings: tuple[Binding, ...], submodule: str) -> bool:
    """Whether a name equals its package's submodule, or was taken out of that submodule after it was imported."""
    if isinstance(value, (ModuleValue, Unclear)):
        return True
    if isinstance(value, (ClassValue, FunctionValue)) and f"{value.module}.".startswith(f"{submodule}."):
        return True
    return bool(bindings) and all(
        isinstance(binding, NameImport) and f"{binding.module}.".startswith(f"{submodule}.") for binding in bindings
    )


def _may_set_attributes(node: ast.AST) -> bool:
    return any(
        (isinstance(part, ast.Name) and part.id in ("setattr", "vars"))
        or (isinstance(part, ast.Attribute) and part.attr in ("__dict__", "__setattr__"))
        for part in ast.walk(node)
    )
