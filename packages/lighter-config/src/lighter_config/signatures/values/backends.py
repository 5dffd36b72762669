"""Packages that a lazy module asks for before it gives a name: ``@requires(backends=("sentencepiece",))``."""

import ast
import re
from typing import TYPE_CHECKING

from lighter_config.signatures.text.function_bodies import own_nodes
from lighter_config.signatures.values.value import ClassValue, FunctionValue, Unclear, Value

if TYPE_CHECKING:
    from lighter_config.signatures.values.library import Library


def unless_backend_is_missing(library: "Library", value: Value) -> Value:
    """A value that a lazy module promises, or why it gives a stand-in: a package that it asks for is not there."""
    if not isinstance(value, (ClassValue, FunctionValue)) or isinstance(value.node, ast.Lambda):
        return value
    for decorator in (one for one in value.node.decorator_list if isinstance(one, ast.Call)):
        for keyword in decorator.keywords:
            if keyword.arg == "backends" and isinstance(keyword.value, (ast.Tuple, ast.List)):
                requires = library.evaluate(decorator.func, value.scope)
                where = requires.module if isinstance(requires, FunctionValue) else ""
                for backend in keyword.value.elts:
                    missing = _missing(library, backend, where)
                    if missing:
                        return Unclear(f"{value.name} needs {missing}, which is not installed", owner=value.module)
    return value


def _missing(library: "Library", backend: ast.expr, where: str) -> str:
    """The package that a backend is, if it is not found; nothing if it is there."""
    if not isinstance(backend, ast.Constant) or not isinstance(backend.value, str):
        return ast.unparse(backend)
    name = re.split(r"[<>=!~]", backend.value)[0].strip().replace("-", "_")
    asked = library.lookup(where, f"is_{name}_available") if where else None
    packages = [name]
    if isinstance(asked, FunctionValue):
        texts = [node.value for node in own_nodes(asked.node) if isinstance(node, ast.Constant)]
        packages = [text for text in texts if isinstance(text, str) and text.isidentifier()] or packages
    return next((package for package in packages if library.modules.find(package) is None), "")
