"""What a module gives to a star import."""

import ast
from collections.abc import Callable

from lighter_config.signatures.namespaces.namespace import Assignment, Definition, NameImport, Namespace
from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.values.module_store import ModuleStore
from lighter_config.signatures.values.value import FunctionValue, ModuleValue, Scope, Value


class Exports:
    """Works out ``__all__`` from the expressions that build it.

    Args:
        modules: Where the modules are found that a module takes names from.
        evaluate: Says what an expression stands for.
    """

    def __init__(self, modules: ModuleStore, evaluate: Callable[[ast.expr, Scope], Value]) -> None:
        self._modules = modules
        self._evaluate = evaluate
        self._of_stubs: dict[Module, frozenset[str] | None] = {}

    def adds_itself(self, namespace: Namespace, name: str) -> bool:
        """Return whether a decorator puts the name into ``__all__`` when the module runs."""
        for binding in namespace.candidates(name):
            for decorator in binding.node.decorator_list if isinstance(binding, Definition) else ():
                node = decorator.func if isinstance(decorator, ast.Call) else decorator
                value = self._evaluate(node, Scope(namespace.module.name))
                if isinstance(value, FunctionValue) and "__all__" in ast.unparse(value.node):
                    return True
        return False

    def told_by_stub(self, namespace: Namespace) -> frozenset[str] | None:
        """The names in the ``__all__`` of the stub beside a module that computes its own; ``None`` without one."""
        if namespace.name_lists is not None or namespace.module.kind != "source":
            return None
        if namespace.module not in self._of_stubs:
            stub = self._modules.stub_beside(namespace.module)
            self._of_stubs[namespace.module] = self._modules.listed_exports(stub) if stub is not None else None
        return self._of_stubs[namespace.module]

    def names(self, namespace: Namespace) -> frozenset[str] | None:
        """The names in ``__all__``; ``None`` when there is no ``__all__`` or it cannot be worked out."""
        if not namespace.name_lists:
            return self.told_by_stub(namespace)
        names: set[str] = set()
        for expression in namespace.name_lists:
            found = self._names_in(expression, namespace)
            if found is None:
                namespace.name_lists = None
                return self.told_by_stub(namespace)
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
                value = self._evaluate(inner, Scope(namespace.module.name))
                module = self._modules.find(value.name) if isinstance(value, ModuleValue) else None
                other = self._modules.namespace(module) if module is not None else None
                exported = self.names(other) if isinstance(other, Namespace) else None
                return None if exported is None else set(exported)
            case ast.Name(id="__all__"):
                return set()
            case ast.Name(id=name):
                candidates = namespace.candidates(name)
                if len(candidates) == 1 and isinstance(candidates[0], Assignment):
                    return self._names_in(candidates[0].value, namespace)
                if len(candidates) == 1 and isinstance(candidates[0], NameImport):
                    module = self._modules.find(candidates[0].module)
                    other = self._modules.namespace(module) if module is not None else None
                    if isinstance(other, Namespace) and candidates[0].attribute == "__all__":
                        exported = self.names(other)
                        return None if exported is None else set(exported)
                return None
            case _:
                return None
