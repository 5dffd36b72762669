"""Look names up in source: from a module or class and a name to what it stands for."""

import ast
import builtins
import sys
import typing
from dataclasses import replace

from lighter_config.signatures.namespaces.additions import may_add_names
from lighter_config.signatures.namespaces.namespace import (
    Assignment,
    Binding,
    Decided,
    Definition,
    ModuleImport,
    NameImport,
    Namespace,
    Opaque,
    StarImport,
    Unbound,
    Unpacked,
)
from lighter_config.signatures.text.conditions import static_truth
from lighter_config.signatures.text.modules import Module, ModuleFinder
from lighter_config.signatures.values.classes import Classes
from lighter_config.signatures.values.compiled_additions import CompiledAdditions
from lighter_config.signatures.values.decisions import Decisions
from lighter_config.signatures.values.exports import Exports
from lighter_config.signatures.values.frame import UndecidedError
from lighter_config.signatures.values.imports import Imports
from lighter_config.signatures.values.lazy_values import loaded_lazily
from lighter_config.signatures.values.module_store import ModuleStore
from lighter_config.signatures.values.rebinding import comes_from, is_rebound_after, unless_patched, unless_rebound
from lighter_config.signatures.values.stubs_beside import told_by_stub
from lighter_config.signatures.values.unwritten_names import UnwrittenNames
from lighter_config.signatures.values.value import (
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
    combined,
)

_ITSELF = "it is defined in terms of itself"

_TYPING_MODULES = ("typing", "typing_extensions")

# Part of the interpreter's own machinery; reading their source would tell less than their names do.
_KNOWN_BY_NAME = frozenset(
    {
        "abc.ABC",
        "abc.ABCMeta",
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.deque",
        "collections.namedtuple",
        "functools.cached_property",
        "functools.partial",
        "functools.partialmethod",
        "functools.update_wrapper",
        "functools.wraps",
        "typing_extensions.deprecated",
        "warnings.deprecated",
        *(["functools.Placeholder"] if sys.version_info >= (3, 14) else []),
    }
)

PLACEHOLDER = BuiltinValue("functools.Placeholder")
"""Leaves a positional argument of a partial open."""


class Library:
    """Says what names and expressions in source stand for; nothing is imported.

    Attributes:
        modules: The modules of the search path.
        classes: The attributes of the classes in them.
        exports: What they give to star imports.
        compiled: What they add to themselves from compiled namespaces.
        unwritten: What they have beside the names that their statements bind.
    """

    def __init__(self, finder: ModuleFinder) -> None:
        self.modules = ModuleStore(finder)
        self.classes = Classes(self.modules, self.evaluate, self._bound, self._listed)
        self.exports = Exports(self.modules, self.evaluate)
        self.compiled = CompiledAdditions(self.modules, self.evaluate)
        self.unwritten = UnwrittenNames(self)
        imports = Imports(self.modules, self.lookup, self._may_lack)
        self.decisions = Decisions(self.modules, self.evaluate, self._bound, imports)
        self._in_progress: set[object] = set()

    def lookup(self, module_name: str, name: str) -> Value:
        """What ``module_name.name`` is after everything in that module has run."""
        if module_name in _TYPING_MODULES and hasattr(typing, name):
            return BuiltinValue(f"typing.{name}")
        if f"{module_name}.{name}" in _KNOWN_BY_NAME:
            return BuiltinValue(f"{module_name}.{name}")
        question = (module_name, name)
        if question in self._in_progress:
            # `from . import x` in the package of x binds the submodule
            return self.modules.submodule(module_name, name) or Unclear(_ITSELF, name, module_name)
        self._in_progress.add(question)
        try:
            return self._lookup(module_name, name)
        finally:
            self._in_progress.discard(question)

    def _lookup(self, module_name: str, name: str) -> Value:
        module = self.modules.find(module_name)
        if module is None:
            return self.modules.missing(module_name)
        if module.kind == "namespace":
            return self.modules.submodule(module_name, name) or Absent(name, module_name)
        namespace = self.modules.namespace(module)
        if isinstance(namespace, Unclear):
            return self.modules.submodule(module_name, name) or Unclear(namespace.reason, name, module_name)
        value = self.own(namespace, name)
        if isinstance(value, ExpressionValue):
            value = loaded_lazily(self, value) or value
        value = told_by_stub(self, module, name, value) or value
        submodule = self.modules.submodule(module_name, name) if module.locations else None
        if isinstance(value, Absent):
            later = submodule or self.unwritten.added_later(namespace, name)
            # a name that is bound by an import says what that import lacks
            return value if isinstance(later, Absent) and name in namespace.names else later
        if submodule is not None and not comes_from(value, namespace.candidates(name), submodule.name):
            return Unclear(f"{module_name} has a submodule and a name {name}", name, module_name)
        return unless_patched(self, namespace, name, unless_rebound(namespace, name, value))

    def own(self, namespace: Namespace, name: str) -> Value:
        """What the statements of a namespace bind ``name`` to; ``Absent`` when they do not."""
        scope = Scope(namespace.module.name, at=namespace.position(name))
        bindings = self.decisions.resolved(namespace.bindings(name), namespace.module)
        position = namespace.position(name)
        options: list[Value] = []
        itself = Unclear(_ITSELF, name, namespace.module.name)
        for star in reversed(namespace.stars):
            is_run = self._is_run(star, namespace.module)
            if is_run is False:
                continue
            if bindings and star.position < position:
                options.extend(self._bound(binding, scope, name) for binding in bindings)
                if not any(isinstance(binding, Unbound) for binding in bindings):
                    return combined(options)
                bindings = ()
            is_promise = namespace is not self.modules.namespace(namespace.module)
            value = self._from_star(star, name, is_promise=is_promise)
            if isinstance(value, Unclear) and namespace.module.locations and not is_promise:
                value = self._own_submodule(star, namespace.module.name, name) or value
            is_lazy = is_promise or any(way.replaces_all for way in namespace.additions)
            if value is not None and is_lazy and namespace.candidates(name) and any(n for _, n in star.branches):
                # a stand-in for what needs a package: what is in place of the module may know better
                value = Unclear("it needs a package that is not installed", name, namespace.module.name)
            if value is not None:
                options.append(value)
                is_there = is_run and not isinstance(value, (Absent, Unclear)) and itself not in options
                if is_there and not self._may_lack(star.module, name):
                    return combined(options)
        options.extend(self._bound(binding, scope, name) for binding in bindings)
        # a star import of a module that has taken the name from here gives what it was before
        options = [one for one in options if one != itself] or options
        return combined(options) if options else Absent(name, namespace.module.name)

    def _own_submodule(self, star: StarImport, package: str, name: str) -> ModuleValue | None:
        """The submodule that a package has under a name, whether a star import brings the same one or not."""
        submodule = self.modules.submodule(package, name)
        module = self.modules.find(star.module) if submodule is not None else None
        namespace = self.modules.namespace(module) if module is not None and module.kind == "source" else None
        if not isinstance(namespace, Namespace) or ModuleValue(star.module) == submodule:
            return None
        bound = {self._bound(one, Scope(star.module), name) for one in namespace.candidates(name)}
        return submodule if bound == {submodule} else None

    def _may_lack(self, module_name: str, name: str) -> bool:
        """Return whether a module binds a name in some branches alone."""
        module = self.modules.find(module_name)
        namespace = self.modules.namespace(module) if module is not None else None
        if module is None or not isinstance(namespace, Namespace):
            return False
        bindings = self.decisions.resolved(namespace.bindings(name), module)
        return any(isinstance(binding, Unbound) for binding in bindings)

    def _listed(self, cls: ClassValue, name: str) -> list[ast.expr] | None:
        """What a list of a module holds when the statement of one of its classes runs; ``None`` if not known."""
        module = self.modules.find(cls.module)
        if module is None or cls.scope.body is not None or cls.scope.local:
            return None
        try:
            return self.decisions.items(module, name, cls.node)
        except (UndecidedError, SyntaxError, ValueError, RecursionError):
            return None

    def _is_run(self, star: StarImport, module: Module) -> bool | None:
        """Return whether a star import is in branches that the module takes; ``None`` when that is not known."""
        if star.is_certain:
            return True
        taken = [self.decisions.branch(decision, module) for decision, _ in star.branches]
        wanted = [index for _, index in star.branches]
        if any(one is not None and one != index for one, index in zip(taken, wanted, strict=True)):
            return False
        return True if taken and taken == wanted else None

    def _from_star(self, star: StarImport, name: str, *, is_promise: bool = False) -> Value | None:
        """What a star import binds ``name`` to; ``None`` when it does not.

        If it ``is_promise``, for type checkers, names that are made at run time do not count.
        """
        module = self.modules.find(star.module)
        if module is None:
            return None
        if is_promise and module.kind == "source" and not self.modules.may_export(module, name):
            return None
        if module.kind in ("source", "stub") and not self.modules.has_read(module):
            try:
                text = self.modules.text(module)
            except OSError as error:
                return Unclear(f"{module.file} cannot be read: {error}", name, module.name)
            if name.encode() not in text and b"import *" not in text and not may_add_names(text):
                return None
        namespace = self.modules.namespace(module)
        if isinstance(namespace, Unclear):
            return Unclear(namespace.reason, name, module.name)
        question = (star, name)
        if question in self._in_progress:
            return None
        self._in_progress.add(question)
        try:
            exported = self.exports.names(namespace)
            if module.kind == "stub" and exported is None and name in namespace.kept_back:
                value = None
            elif exported is not None:
                is_exported = name in exported or self.exports.adds_itself(namespace, name)
                value = self.lookup(module.name, name) if is_exported else None
            else:
                value = None
                if not name.startswith("_"):
                    value = unless_rebound(namespace, name, self.own(namespace, name))
                    value = unless_patched(self, namespace, name, value)
            if value is None or isinstance(value, Absent):
                is_listed = exported is not None
                promised = self.unwritten.promised(namespace, name)
                if not isinstance(promised, Absent) and not name.startswith("_"):
                    return promised
                if is_promise or self.exports.told_by_stub(namespace) is not None:
                    return None
                if module.kind == "source":
                    later = self.unwritten.given(namespace, name, through_star=is_listed)
                    if isinstance(later, Unclear):
                        return later
                return self.unwritten.named_by_call(namespace, name, through_star=is_listed)
        finally:
            self._in_progress.discard(question)
        if exported is None and namespace.name_lists is None:
            return Unclear(f"{module.name} computes its __all__", name, module.name)
        return value

    def _bound(self, binding: Binding, scope: Scope, name: str, owner: str = "") -> Value:
        match binding:
            case Definition(node=ast.ClassDef() as node):
                return ClassValue(scope.module, f"{owner}.{node.name}" if owner else node.name, node, scope)
            case Definition(node=function):
                assert not isinstance(function, ast.ClassDef)
                qualname = f"{owner}.{function.name}" if owner else function.name
                return FunctionValue(scope.module, qualname, function, scope, owner)
            case ModuleImport(module=module):
                return ModuleValue(module) if self.modules.find(module) is not None else self.modules.missing(module)
            case NameImport(module=module, attribute=attribute):
                return self.lookup(module, attribute)
            case Assignment(value=value, before=before):
                if before:
                    earlier = combined([self._bound(one, scope, name, owner) for one in before])
                    scope = replace(scope, local={**scope.local, name: earlier})
                return self.evaluate(value, scope)
            case Opaque(reason=reason):
                return Unclear(reason, name, scope.module)
            case Unpacked():
                return Unclear("unpacked from a value", name, scope.module)
            case Decided(branches=branches):
                return combined([self._bound(one, scope, name, owner) for branch in branches for one in branch])
            case Unbound():
                return Absent(name, scope.module)

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
                return combined([self.evaluate(body, scope), self.evaluate(orelse, scope)])
            case ast.BoolOp(values=values):
                return combined([self.evaluate(value, scope) for value in values])
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
            return combined([self._bound(binding, module_scope, name) for binding in scope.body.candidates(name)])
        if scope.at is not None and (
            is_rebound_after(self.modules, scope.module, name, scope.at)
            or self._is_given_later(scope.module, name, scope.at)
        ):
            return Unclear(f"{name} is bound anew after its use", name, scope.module)
        if hasattr(builtins, name) and not self._binds(scope.module, name):
            return BuiltinValue(f"builtins.{name}")
        return self.lookup(scope.module, name)

    def _is_given_later(self, module_name: str, name: str, position: int) -> bool:
        """Return whether a star import after a statement gives another value to a name that it uses."""
        module = self.modules.find(module_name)
        namespace = self.modules.namespace(module) if module is not None and module.kind == "source" else None
        if not isinstance(namespace, Namespace) or not any(star.position > position for star in namespace.stars):
            return False
        given = {star.position: self._from_star(star, name) for star in namespace.stars}
        later = {value for at, value in given.items() if at > position and value is not None}
        earlier = {value for at, value in given.items() if at <= position and value is not None}
        own = {self._bound(binding, Scope(module_name), name) for binding in namespace.candidates(name)}
        return bool(later) and (earlier | own) != later

    def _binds(self, module_name: str, name: str) -> bool:
        module = self.modules.find(module_name)
        namespace = self.modules.namespace(module) if module is not None else None
        if not isinstance(namespace, Namespace):
            return False
        if name in namespace.names:
            # in `TimeoutError = TimeoutError` the second one is the builtin
            return (module_name, name) not in self._in_progress
        return any(self._from_star(star, name) is not None for star in namespace.stars)

    def attribute(self, value: Value, name: str) -> Value:
        """What ``value.name`` is."""
        match value:
            case ModuleValue(name=module):
                return self.lookup(module, name)
            case ClassValue():
                return self.classes.attribute(value, name)
            case ChoiceValue(options=options):
                return combined([self.attribute(option, name) for option in options])
            case Absent() | Unclear():
                return value
            case _:
                return Unclear("an attribute of an object that exists only when the program runs", name)
