"""Whether a name of a module stands for something else than the statement that is read says."""

import ast
import sys
from typing import TYPE_CHECKING

from lighter_config.signatures.namespaces.namespace import Binding, ModuleImport, NameImport, Namespace, Unbound
from lighter_config.signatures.text.function_bodies import DECIDING_NAMES, mentions_deciding_names
from lighter_config.signatures.values.module_store import ModuleStore
from lighter_config.signatures.values.value import (
    Absent,
    ClassValue,
    FunctionValue,
    ModuleValue,
    Scope,
    Unclear,
    Value,
)

if TYPE_CHECKING:
    from lighter_config.signatures.values.library import Library


def unless_rebound(namespace: Namespace, name: str, value: Value) -> Value:
    """A value that a statement binds, or why something computed may take its place."""
    if not isinstance(value, (Unclear, ModuleValue, Absent)):
        for way in namespace.additions:
            if way.may_rebind(name):
                reason = f"{namespace.module.name} is not all written out: {way.reason}"
                return Unclear(reason, name, namespace.module.name)
    return value


def unless_patched(library: "Library", namespace: Namespace, name: str, value: Value) -> Value:
    """A class that a module imports, or why it takes something else there: the module sets its ``__init__``."""
    if not isinstance(value, ClassValue) or value.module == namespace.module.name:
        return value  # what its own module does to it is known with its body
    patched = any(one == name and attribute in DECIDING_NAMES for one, attribute in namespace.patched)
    if patched or any(
        isinstance(callee := library.evaluate(node, Scope(namespace.module.name)), FunctionValue)
        and callee.module.partition(".")[0] not in sys.stdlib_module_names
        and mentions_deciding_names(callee.node)
        for node in namespace.handed_over.get(name, ())
    ):
        return Unclear(f"{namespace.module.name} changes {value.name} after its import", name, namespace.module.name)
    return value


def is_rebound_after(modules: ModuleStore, module_name: str, name: str, position: int) -> bool:
    """Return whether a name of a module, once imports are done, stands for something else than at a statement."""
    module = modules.find(module_name)
    namespace = modules.namespace(module) if module is not None and module.kind == "source" else None
    if not isinstance(namespace, Namespace) or namespace.position(name) <= position:
        return False
    candidates = namespace.candidates(name)
    is_imported = any(isinstance(one, (ModuleImport, NameImport)) for one in candidates)
    if namespace.rebound_by_import.get(name, -1) > position:
        return True
    return not is_imported or not all(isinstance(one, (ModuleImport, NameImport, Unbound)) for one in candidates)


def comes_from(value: Value, bindings: tuple[Binding, ...], submodule: str) -> bool:
    """Return whether a name is its package's submodule, or was taken from that submodule after its import."""
    if isinstance(value, (ModuleValue, Unclear)):
        return True
    if isinstance(value, (ClassValue, FunctionValue)) and f"{value.module}.".startswith(f"{submodule}."):
        return True
    return bool(bindings) and all(
        isinstance(binding, NameImport) and f"{binding.module}.".startswith(f"{submodule}.") for binding in bindings
    )


def may_set_attributes(node: ast.AST) -> bool:
    """Return whether a function may set attributes whose names are computed."""
    return any(
        (isinstance(part, ast.Name) and part.id in ("setattr", "vars"))
        or (isinstance(part, ast.Attribute) and part.attr in ("__dict__", "__setattr__"))
        for part in ast.walk(node)
    )
