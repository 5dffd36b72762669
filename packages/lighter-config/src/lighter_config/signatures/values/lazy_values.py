"""Values that exist when somebody asks for them: names of a ``__getattr__``, modules behind a lazy loader."""

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from lighter_config.regular_files import read_regular
from lighter_config.signatures.namespaces.lazy_names import LazyNames
from lighter_config.signatures.namespaces.namespace import Namespace
from lighter_config.signatures.namespaces.statements import read_module
from lighter_config.signatures.text.conditions import last_name
from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.values.value import (
    Absent,
    ClassValue,
    ExpressionValue,
    FunctionValue,
    ModuleValue,
    Unclear,
    Value,
)

if TYPE_CHECKING:
    from lighter_config.signatures.values.library import Library


def loaded_lazily(library: "Library", value: ExpressionValue) -> ModuleValue | None:
    """The module that a call stands for: ``LazyLoader("x", globals(), "pkg.x")``; ``None`` for any other value."""
    if not isinstance(value.node, ast.Call):
        return None
    loader = library.evaluate(value.node.func, value.scope)
    if not isinstance(loader, ClassValue) or "ModuleType" not in map(last_name, loader.node.bases):
        return None
    if "__getattr__" not in library.classes.body(loader).names:
        return None
    texts = [one.value for one in value.node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    name = max(texts, key=len, default="")
    return ModuleValue(name) if name and library.modules.find(name) is not None else None


def made_when_asked(library: "Library", namespace: Namespace, name: str) -> Value | None:
    """What the module's ``__getattr__`` answers; ``None`` when it certainly raises."""
    module = namespace.module
    stub = module.file.removesuffix(".py") + ".pyi" if module.file and module.kind == "source" else ""
    if stub and Path(stub).is_file():
        beside = Module(module.name, "stub", stub, module.locations)
        try:
            value = library.own(read_module(beside, read_regular(stub)), name)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            value = Absent(name, module.name)
        if not isinstance(value, Absent):
            return value
    value = library.own(namespace, "__getattr__")
    unclear = Unclear(f"{module.name} makes names when they are asked for", name, module.name)
    if not isinstance(value, FunctionValue) or isinstance(value.node, ast.Lambda):
        return unclear
    lazy = LazyNames(namespace, value.node)
    names = lazy.names()
    if names is not None and name not in names:
        return None
    for where in lazy.modules_of(name) if names is not None else ():
        if library.modules.find(where) is not None:
            found = library.lookup(where, name)
            return found if isinstance(found, (ClassValue, FunctionValue)) else unclear
    return unclear
