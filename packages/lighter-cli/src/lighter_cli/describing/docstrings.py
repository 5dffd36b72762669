"""Read the documentation of a target from its source, without importing it."""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from docstring_parser import Docstring, ParseError, parse

from lighter_config import Signature
from lighter_config.regular_files import is_regular, read_regular
from lighter_config.signatures.text.parsing import parse_module

_MAX_DEPTH = 20
_ROLE = re.compile(r":\w+(?::\w+)?:`~?([^`<]+?)(?:\s*<[^`]*>)?`")


@dataclass(frozen=True, slots=True)
class Documentation:
    """The parts of a docstring.

    Attributes:
        summary: The first paragraph.
        arguments: The description of each argument, by its name.
    """

    summary: str
    arguments: dict[str, str]


@lru_cache(maxsize=128)
def read_documentation(signature: Signature) -> Documentation:
    """Read the summary of a target and the descriptions of its arguments, in Google, NumPy or Sphinx style.

    A class may describe its arguments in its docstring, in that of ``__init__``, or in a text set later, as torch's
    optimizers do: ``AdamW.__doc__ = ...``.
    """
    texts = [inspect.cleandoc(signature.docstring)] if signature.docstring else []
    texts += [text for text in map(inspect.cleandoc, _written(signature)) if text not in texts]
    summary, arguments = "", dict[str, str]()
    for text in texts:
        summary = summary or _first_paragraph(text)
        for parsed in _parsed(text):
            for argument in parsed.params:
                names = argument.arg_name.replace("*", "").split(",")
                for name in map(str.strip, names):
                    arguments.setdefault(name, " ".join((argument.description or "").split()))
    return Documentation(summary, {name: text for name, text in arguments.items() if text})


def without_markup(text: str) -> str:
    """Return text of a docstring without the markup of Sphinx.

    >>> without_markup("see :class:`~torch.nn.Linear` and ``lr``")
    'see torch.nn.Linear and `lr`'
    """
    return _ROLE.sub(r"\1", text).replace("``", "`")


def forget_documentation() -> None:
    """Read the sources of targets again when they are asked for."""
    read_documentation.cache_clear()
    _syntax.cache_clear()


def _parsed(text: str) -> Iterator[Docstring]:
    try:
        yield parse(text)
    except (ParseError, ValueError, IndexError, KeyError):  # a docstring may be anything
        return


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().split("\n\n")[0].split())


def _written(signature: Signature) -> Iterator[str]:
    """Yield the docstrings that the source sets for a definition and its constructor."""
    module = _Module.of(signature)
    if module is None:
        return
    qualname = signature.name.removeprefix(f"{module.name}.")
    definition = module.definition(qualname.split("."))
    yield from module.docstrings_set(module.tree.body, f"{qualname}.__doc__")
    if isinstance(definition, ast.ClassDef):
        yield from module.docstrings_set(definition.body, "__doc__")
        constructor = module.definition([*qualname.split("."), "__init__"])
        text = None if constructor is None else ast.get_docstring(constructor)
        if text:
            yield text


class _Module:
    """A module of the package that a definition is in, as its source reads."""

    def __init__(self, name: str, file: Path, root: Path) -> None:
        self.name = name
        self.file = file
        self.root = root
        self.tree = _syntax(file)

    @staticmethod
    def of(signature: Signature) -> "_Module | None":
        """Find the module by its name at the end of the file's path."""
        file = Path(signature.file)
        if file.suffix != ".py" or not is_regular(file):
            return None
        parts = signature.name.split(".")
        inside = list((file.parent if file.name == "__init__.py" else file.with_suffix("")).parts)
        for length in range(len(parts) - 1, 0, -1):
            if inside[-length:] == parts[:length]:
                return _Module(".".join(parts[:length]), file, Path(*inside[:-length]))
        return None

    def definition(self, names: Iterable[str]) -> ast.ClassDef | ast.FunctionDef | None:
        """Find a class or function by its qualified name."""
        body, found = self.tree.body, None
        for name in names:
            matches = (node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name)
            found = next(matches, None)
            if found is None:
                return None
            body = found.body
        return found

    def docstrings_set(self, body: list[ast.stmt], name: str) -> Iterator[str]:
        """Yield the literal texts that statements assign to a name."""
        for node in body:
            if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
                text = self._text(node.value, 0)
                if text:
                    yield text

    def _text(self, node: ast.expr, depth: int) -> str:
        """Return the text of an expression, without the parts that are known only by running it."""
        if depth > _MAX_DEPTH:
            return ""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._text(left, depth + 1) + self._text(right, depth + 1)
            case ast.JoinedStr(values=values):
                return "".join(self._text(value, depth + 1) for value in values)
            case ast.FormattedValue(value=value):
                return self._text(value, depth + 1)
            case ast.Call(func=ast.Attribute(value=text, attr="format" | "replace" | "strip")):
                return self._text(text, depth + 1)
            case ast.Name(id=name):
                return self._constant(name, depth + 1)
            case _:
                return ""

    def _constant(self, name: str, depth: int) -> str:
        for node in self.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                    return self._text(value, depth)
                case ast.ImportFrom(names=aliases):
                    for alias in aliases:
                        if (alias.asname or alias.name) == name:
                            module = self._imported(node)
                            return "" if module is None else module._constant(alias.name, depth + 1)  # noqa: SLF001
        return ""

    def _imported(self, node: ast.ImportFrom) -> "_Module | None":
        """Return the module that a statement imports from; ``None`` if it is not in the same root folder."""
        package = self.name.split(".") if self.file.name == "__init__.py" else self.name.split(".")[:-1]
        base = package[: len(package) - node.level + 1] if node.level else []
        name = ".".join([*base, *(node.module or "").split(".")]).strip(".")
        place = self.root.joinpath(*name.split("."))
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if name and is_regular(file):
                return _Module(name, file, self.root)
        return None


@lru_cache(maxsize=64)
def _syntax(file: Path) -> ast.Module:
    try:
        return parse_module(read_regular(file))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])
