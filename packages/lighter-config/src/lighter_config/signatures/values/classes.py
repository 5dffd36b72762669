"""What a class statement says: its attributes, along its bases in their order."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace

from lighter_config.signatures.namespaces.namespace import Assignment, Binding, Namespace
from lighter_config.signatures.namespaces.statements import read_class_body
from lighter_config.signatures.text.function_bodies import DECIDING_NAMES, changes_own_names
from lighter_config.signatures.values.class_order import OBJECT, as_class, builtin_order, merged_order, python_type
from lighter_config.signatures.values.module_store import ModuleStore
from lighter_config.signatures.values.value import (
    Absent,
    BuiltinValue,
    ClassValue,
    ExpressionValue,
    FunctionValue,
    Scope,
    Unclear,
    Value,
    combined,
)


class Classes:
    """Looks up attributes of classes.

    Args:
        modules: Where the modules are found that hold the classes.
        evaluate: Says what an expression stands for.
        bound: Says what a binding in a scope stands for, by its name and the class that holds it.
        items: Says what a list of the module around a class holds when its statement runs; ``None`` if unknown.
    """

    def __init__(
        self,
        modules: ModuleStore,
        evaluate: Callable[[ast.expr, Scope], Value],
        bound: Callable[[Binding, Scope, str, str], Value],
        items: Callable[[ClassValue, str], list[ast.expr] | None],
    ) -> None:
        self._modules = modules
        self._evaluate = evaluate
        self._bound = bound
        self._items = items
        self._in_progress: set[ClassValue] = set()
        self._bodies: dict[ast.ClassDef, Namespace] = {}
        self._orders: dict[ClassValue, tuple[ClassValue | BuiltinValue, ...]] = {}

    def unsubscripted(self, value: Value) -> Value:
        """The class behind ``Base[int]``; any other value as it is."""
        while isinstance(value, ExpressionValue) and isinstance(value.node, ast.Subscript):
            value = self._evaluate(value.node.value, value.scope)
        return value

    def body(self, cls: ClassValue) -> Namespace:
        """The names that the class statement binds."""
        module = self._modules.find(cls.module)
        assert module is not None
        if cls.node not in self._bodies:
            self._bodies[cls.node] = read_class_body(module, cls.node)
        return self._bodies[cls.node]

    def own_attribute(self, cls: ClassValue, name: str) -> Value | None:
        """What the class body itself binds ``name`` to; ``None`` when it does not."""
        body = self.body(cls)
        if name not in body.names:
            return None
        if any(patched == name for patched, _ in body.patched):
            return Unclear(f"{cls.name}.{name} is changed after it was made", name, cls.name)
        bindings = body.candidates(name)
        values = [one.value for one in bindings if isinstance(one, Assignment)]
        used = {part.id for value in values for part in ast.walk(value) if isinstance(part, ast.Name)} - {name}
        if any(body.position(one) > body.position(name) for one in used):
            return Unclear(f"what {cls.name}.{name} stands for is bound anew after its use", name, cls.name)
        scope = Scope(cls.module, body, cls.scope.local)
        return combined([self._bound(binding, scope, name, cls.qualname) for binding in bindings])

    def attribute(self, cls: ClassValue, name: str) -> Value:
        """What ``cls.name`` is, looked up along the bases."""
        order = self.mro(cls)
        if isinstance(order, Unclear):
            return order
        if self._metaclass_may_answer(order, name):
            return Unclear(f"the metaclass of {cls.name} may answer for {name}", name, cls.name)
        gains_more = any(isinstance(base, ClassValue) and self._may_gain_attributes(base) for base in order)
        is_changed = gains_more and name in DECIDING_NAMES
        for base in order:
            if isinstance(base, BuiltinValue):
                if hasattr(python_type(base), name):
                    return Unclear(f"{name} of {base.name} is compiled", name, cls.name)
                continue
            if name in (attribute for patched, attribute in self.patches(base) if patched in (base.qualname, "*")):
                return Unclear(f"{base.name}.{name} is replaced after the class was made", name, cls.name)
            value = self.own_attribute(base, name)
            is_changed |= changes_own_names(base.node)
            if value is not None and is_changed:
                return Unclear(f"{base.name}.{name} may be another one than its statement says", name, cls.name)
            if value is not None:
                return self._accessed_on_class(value)
        if gains_more:
            return Unclear(f"{cls.name} gains attributes after its statement", name, cls.name)
        return Absent(name, cls.name)

    def _metaclass_may_answer(self, order: tuple[ClassValue | BuiltinValue, ...], name: str) -> bool:
        """Return whether a metaclass may have something of its own for an attribute of its classes."""
        keywords = [(one, cls.scope) for cls in order if isinstance(cls, ClassValue) for one in cls.node.keywords]
        for metaclass in (self._evaluate(one.value, scope) for one, scope in keywords if one.arg == "metaclass"):
            if isinstance(metaclass, BuiltinValue):
                continue
            bases = self.mro(metaclass) if isinstance(metaclass, ClassValue) else Unclear("not a class")
            if isinstance(bases, Unclear):
                return True
            own = (self.body(base).names.keys() for base in bases if isinstance(base, ClassValue))
            if any({name, "__getattribute__"} & names for names in own):
                return True
        return False

    def patches(self, value: ClassValue | FunctionValue) -> set[tuple[str, str]]:
        """Attributes that later statements set on the classes and functions of the same module."""
        module = self._modules.find(value.module)
        namespace = self._modules.namespace(module) if module is not None else None
        return namespace.patched if isinstance(namespace, Namespace) else set()

    def receivers(self, cls: ClassValue) -> list[ast.expr]:
        """The functions that later statements of its module call with a class."""
        module = self._modules.find(cls.module)
        namespace = self._modules.namespace(module) if module is not None else None
        return namespace.handed_over.get(cls.qualname, []) if isinstance(namespace, Namespace) else []

    def _may_gain_attributes(self, cls: ClassValue) -> bool:
        return (
            bool(cls.node.decorator_list)
            or changes_own_names(cls.node)
            or any(keyword.arg != "metaclass" for keyword in cls.node.keywords)
            or "__init_subclass__" in self.body(cls).names
            or any(name in (cls.qualname, "*") for name, _ in self.patches(cls))
            or any(
                keyword.arg == "metaclass" and ast.unparse(keyword.value) != "ABCMeta" for keyword in cls.node.keywords
            )
        )

    def _accessed_on_class(self, value: Value) -> Value:
        match value:
            case ExpressionValue(node=ast.Call(func=func, args=[inner], keywords=[]), scope=scope):
                if self._evaluate(func, scope) != BuiltinValue("builtins.classmethod"):
                    return value
                found = self._evaluate(inner, scope)
                return replace(found, is_bound=True) if isinstance(found, FunctionValue) else Unclear("a method of it")
            case FunctionValue():
                pass
            case _:
                return value
        for decorator in value.decorators:
            kind = self._evaluate(decorator, value.scope)
            if kind == BuiltinValue("builtins.classmethod"):
                return replace(value, is_bound=True)
            if kind in (BuiltinValue("builtins.property"), BuiltinValue("functools.cached_property")):
                return Unclear("a property", value.qualname)
        return value

    def _written_bases(self, cls: ClassValue) -> list[ast.expr] | Unclear:
        """The bases of a class, with what a list holds in the place of ``*bases``."""
        nodes: list[ast.expr] = []
        for node in cls.node.bases:
            match node:
                case ast.Starred(value=ast.List(elts=items) | ast.Tuple(elts=items)):
                    nodes.extend(items)
                case ast.Starred(value=ast.Name(id=name)):
                    listed = self._items(cls, name)
                    if listed is None:
                        return Unclear(f"the bases of {cls.name} are computed", owner=cls.name)
                    nodes.extend(listed)
                case _:
                    nodes.append(node)
        return nodes

    def _gives_way(self, node: ast.expr, others: Sequence[ast.expr], cls: ClassValue) -> bool:
        """Return whether a base is ``Generic[T]`` before another one in brackets, which brings ``Generic`` itself."""
        if not isinstance(node, ast.Subscript) or not any(isinstance(later, ast.Subscript) for later in others):
            return False
        return self._evaluate(node.value, cls.scope) == BuiltinValue("typing.Generic")

    def mro(self, cls: ClassValue) -> tuple[ClassValue | BuiltinValue, ...] | Unclear:
        """The order in which attributes are looked up, ``object`` last."""
        if cls in self._orders:  # else two bases with the same two bases, many times over, would take forever
            return self._orders[cls]
        if cls in self._in_progress:
            return Unclear(f"{cls.name} is its own base", owner=cls.name)
        self._in_progress.add(cls)
        try:
            orders: list[list[ClassValue | BuiltinValue]] = []
            bases: list[ClassValue | BuiltinValue] = []
            nodes = self._written_bases(cls)
            if isinstance(nodes, Unclear):
                return nodes
            for index, node in enumerate(nodes):
                if self._gives_way(node, nodes[index + 1 :], cls):
                    continue
                base = as_class(self.unsubscripted(self._evaluate(node, cls.scope)))
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
            self._in_progress.discard(cls)
        if merged is None:
            return Unclear(f"the bases of {cls.name} have no order", owner=cls.name)
        self._orders[cls] = (cls, *(base for base in merged if base != OBJECT), OBJECT)
        return self._orders[cls]
