"""Functions that a module adds to itself from a namespace of compiled functions, as torch does."""

import ast
import mmap
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from lighter_config.regular_files import read_regular
from lighter_config.signatures.namespaces.namespace import Namespace
from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.values.compiled_functions import function_names, read_function
from lighter_config.signatures.values.module_store import ModuleStore
from lighter_config.signatures.values.value import FunctionValue, ModuleValue, Scope, Value

COMPILED_FUNCTIONS = frozenset({"torch._C._VariableFunctions"})
"""Compiled namespaces all of whose attributes are functions; the corpus holds them to that.

Their stubs tell the parameters, but not all that is accepted: ``axis`` for ``dim``, as in NumPy.
"""

_LONG_TEXT = re.compile(rb'"""(?:.*?)"""', re.DOTALL)
_LIST_OF_EXPORTS = re.compile(rb"^__all__\b[^=\n]*=\s*\[.*\n(?:(?!__all__|\]).*\n)*\]", re.MULTILINE)


class CompiledAdditions:
    """Reads compiled functions from the stubs of their namespaces.

    Args:
        modules: The modules of the search path.
        evaluate: Says what an expression in a module stands for.
    """

    def __init__(self, modules: ModuleStore, evaluate: Callable[[ast.expr, Scope], Value]) -> None:
        self._modules = modules
        self._evaluate = evaluate

    def is_source(self, source: ast.expr | None, module: str) -> bool:
        """Return whether an expression in a module is a namespace that has nothing but compiled functions."""
        value = self._evaluate(source, Scope(module)) if source is not None else None
        return isinstance(value, ModuleValue) and value.name in COMPILED_FUNCTIONS

    def function(self, namespace: Namespace, name: str, source: ast.expr | None) -> FunctionValue | None:
        """Find a function that a module adds from a compiled namespace in the stub of that.

        A name that the module spells as a text, and not in its ``__all__``, may be one that it leaves out.
        """
        stub = self._stub(namespace, source)
        if stub is None or name.startswith("__"):
            return None
        try:
            written = _LIST_OF_EXPORTS.sub(b"", _LONG_TEXT.sub(b"", read_regular(namespace.module.file or "")))
            if re.search(rb"""["']%b["']""" % re.escape(name.encode()), written):
                return None
            node = read_function(self._modules.text(stub).decode(errors="replace"), name)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        return None if node is None else FunctionValue(stub.name, name, node, Scope(namespace.module.name))

    def names(self, namespace: Namespace) -> set[str]:
        """Return the names of the functions in the compiled namespaces from which a module adds some to itself."""
        stubs = (self._stub(namespace, way.source) for way in namespace.additions)
        try:
            texts = {stub.name: self._modules.text(stub) for stub in stubs if stub is not None}
        except OSError:
            return set()
        return {name for text in texts.values() for name in function_names(text.decode(errors="replace"))}

    def may_spell(self, package: Module, name: str) -> bool:
        """Return whether the compiled code of a package may hold a name that its stubs leave out.

        Names of functions and classes are texts in it, each with a null byte behind; other texts may end like them.
        """
        libraries = [library for location in package.locations for library in _libraries_with_names(Path(location))]
        if not libraries:
            return True
        wanted = name.encode() + b"\0"
        try:
            return any(_holds(library, wanted) for library in libraries)
        except (OSError, ValueError):
            return True

    def _stub(self, namespace: Namespace, source: ast.expr | None) -> Module | None:
        """Return the stub of a namespace of compiled functions; None for another one."""
        if source is None or not self.is_source(source, namespace.module.name):
            return None
        value = self._evaluate(source, Scope(namespace.module.name))
        stub = self._modules.find(value.name) if isinstance(value, ModuleValue) else None
        return stub if stub is not None and stub.kind == "stub" else None


def _libraries_with_names(folder: Path) -> Iterator[Path]:
    """Yield the shared libraries of torch that give its names to Python."""
    for library in folder.glob("lib/*torch_python*"):
        if library.is_file():
            yield library


def _holds(library: Path, text: bytes) -> bool:
    with library.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(text) >= 0
