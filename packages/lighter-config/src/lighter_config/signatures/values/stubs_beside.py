"""Names that a source module takes over from compiled modules, read from the stub beside it, as NumPy ships them."""

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lighter_config.regular_files import read_regular
from lighter_config.signatures.namespaces.statements import absolute_name
from lighter_config.signatures.text.conditions import last_name
from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.text.parsing import parse_module
from lighter_config.signatures.values.compiled_functions import merged_function, read_function
from lighter_config.signatures.values.value import (
    ChoiceValue,
    ClassValue,
    FunctionValue,
    Scope,
    Unclear,
    Value,
)

if TYPE_CHECKING:
    from lighter_config.signatures.values.library import Library

_TAKES_COMPILED = ("array_function_from_c_func_and_dispatcher", "array_function_from_dispatcher")
"""Decorators of NumPy whose function stands for a compiled one, with other defaults."""

_IMPORT = re.compile(r"^from ([\w.]+) import (?:\(([^)]*)\)|(.*))", re.MULTILINE)
_COMMENT = re.compile("#.*")
_MAX_STEPS = 3

_LEAVES_OUT = re.compile(r"_G?UFunc_(?!Nin[1-4]_Nout1$)|_GUFunc")
"""Classes of NumPy's stubs that do not tell all: ``axis`` and ``keepdims``, or the several places of ``out``."""


def told_by_stub(library: "Library", module: Module, name: str, value: Value) -> Value | None:
    """Return what a stub beside a module has under a name that the source leaves unclear.

    Args:
        library: Says what names stand for.
        module: A module.
        name: One of its names.
        value: What its source says of the name.
    """
    options = value.options if isinstance(value, ChoiceValue) else (value,)
    is_unclear = any(isinstance(one, Unclear) for one in options)
    if not is_unclear and not any(map(_stands_for_compiled, options)):
        return None
    beside = library.modules.stub_beside(module)
    if beside is None or beside.file is None:
        return None
    try:
        stub = _StubBeside(library, module, beside.file, read_regular(beside.file).decode(errors="replace"))
        return stub.told(name, options)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@dataclass(frozen=True, slots=True)
class _StubBeside:
    """The stub beside a source module, whose text is searched: reading all of NumPy's takes a third of a second."""

    library: "Library"
    module: Module
    file: str
    text: str

    def told(self, name: str, options: tuple[Value, ...]) -> Value | None:
        """What the stub tells of a name, which in the source is one of some values."""
        own = [one for one in options if isinstance(one, ClassValue | FunctionValue) and one.module == self.module.name]
        if 0 < len(own) < len(options):
            is_told = len(own) == 1 and re.search(rf"^(?:def|class) {name}\b", self.text, re.MULTILINE)
            return own[0] if is_told else None
        if other := re.search(rf"^{name}(?:: TypeAlias)? = (\w+)$", self.text, re.MULTILINE):
            return self.told(other[1], options) if other[1] != name else None
        # a stub that stands further away from the compiled code may tell less of a function than there is
        is_compiled = bool(own) or any(_is_compiled(self.library, one) for one in options)
        defined = self._defined(name) if is_compiled else None
        unclear = Unclear(f"the stub of {self.module.name} does not tell what it takes", name, self.module.name)
        found = defined or self._called_object(name) or self._imported(name, options)
        return found or (unclear if is_compiled and not own else None)

    def _defined(self, name: str) -> FunctionValue | None:
        """The function that the stub defines under a name."""
        node = read_function(self.text, name)
        return None if node is None else self._function(name, node)

    def _imported(self, name: str, options: tuple[Value, ...]) -> ClassValue | FunctionValue | None:
        """What the stub imports under a name: one of those that the source may have, or a compiled one."""
        where = self._module_of(name)
        found = self.library.lookup(where, name) if where and where != self.module.name else None
        if not isinstance(found, ClassValue | FunctionValue):
            return None
        is_told = found in options or all(isinstance(one, Unclear) for one in options)
        return found if is_told or (isinstance(found, FunctionValue) and found.stub) else None

    def _called_object(self, name: str) -> FunctionValue | None:
        """The ``__call__`` of an object of which the stub tells the class: ``name: Final[Class[int]]``."""
        told = re.search(rf"^{name}: *(.+?)(?: = \.\.\.)?$", self.text, re.MULTILINE)
        if told is None:
            return None
        annotation = ast.parse(told[1], mode="eval").body
        if isinstance(annotation, ast.Subscript) and last_name(annotation.value) == "Final":
            annotation = annotation.slice
        cls = last_name(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
        if not cls or _LEAVES_OUT.match(cls):
            return None
        where, body = self._class(cls)
        calls = [one for one in body if isinstance(one, ast.FunctionDef) and one.name == "__call__"]
        if not calls:
            return None
        for one in calls:
            del (one.args.posonlyargs or one.args.args)[:1]
            where._write_out_keywords(one.args)
        node = merged_function(calls)
        node.lineno = self.text.count("\n", 0, told.start()) + 1
        return self._function(name, node)

    def _class(self, name: str, depth: int = 0) -> tuple["_StubBeside", list[ast.stmt]]:
        """The statements of a class, and the stub that they are in: this one, or one that it imports the class from."""
        if defined := re.search(rf"^class {name}\b(?s:.*?)(?=^\S|\Z)", self.text, re.MULTILINE):
            (node,) = parse_module(defined[0]).body
            return self, node.body if isinstance(node, ast.ClassDef) else []
        module = self.library.modules.find(self._module_of(name)) if depth < _MAX_STEPS else None
        if module is None or module.file is None or module.kind not in ("source", "stub"):
            return self, []
        beside = self.library.modules.stub_beside(module) or module
        text = read_regular(beside.file or "").decode(errors="replace")
        return _StubBeside(self.library, module, self.file, text)._class(name, depth + 1)

    def _write_out_keywords(self, arguments: ast.arguments) -> None:
        """Put the keys of a ``TypedDict`` in the place of ``**keywords: Unpack[Keys]``; all may be left out."""
        match arguments.kwarg:
            case ast.arg(annotation=ast.Subscript(value=unpack, slice=ast.Name(id=keys))):
                fields = self._class(keys)[1] if last_name(unpack) == "Unpack" else []
            case _:
                return
        for one in fields:
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                arguments.kwonlyargs.append(ast.arg(one.target.id, one.annotation))
                arguments.kw_defaults.append(ast.Constant(...))
                arguments.kwarg = None

    def _module_of(self, name: str) -> str:
        """The module from which the stub imports a name; empty for another name."""
        if f" {name}" not in self.text:
            return ""
        for found in _IMPORT.finditer(_COMMENT.sub("", self.text)):
            if re.search(rf"\b{name}\b(?! as (?!{name}\b))(?<! as {name})", found[2] or found[3]):
                level = len(found[1]) - len(found[1].lstrip("."))
                return absolute_name(ast.ImportFrom(found[1][level:], [], level), self.module)
        return ""

    def _function(self, name: str, node: ast.FunctionDef) -> FunctionValue | None:
        # two underscores stand for a place without a name, whatever the name is
        if any(one.arg.startswith("__") for one in (*node.args.posonlyargs, *node.args.args)):
            return None
        return FunctionValue(self.module.name, name, node, Scope(self.module.name), stub=self.file)


def _is_compiled(library: "Library", value: Value) -> bool:
    owner = library.modules.find(value.owner) if isinstance(value, Unclear) and value.owner else None
    return owner is not None and owner.kind == "extension"


def _stands_for_compiled(value: Value) -> bool:
    if not isinstance(value, FunctionValue):
        return False
    return any(last_name(one.func) in _TAKES_COMPILED for one in value.decorators if isinstance(one, ast.Call))
