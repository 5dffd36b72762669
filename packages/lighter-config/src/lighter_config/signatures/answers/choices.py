"""The values that a class takes for an argument where its source refuses others: ``if mode not in (...): raise``."""

import ast
import re
from collections.abc import Iterator

from lighter_config.regular_files import read_regular
from lighter_config.signatures.text.outline import definitions_in, is_compiled
from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.value import ClassValue, Unclear

Definitions = dict[str, list[ast.stmt]]
"""What files define under a name, with all bodies, by file and name."""


def choices_of(library: Library, cls: ClassValue, name: str, definitions: Definitions) -> tuple[str, ...]:
    """Find the texts that a class takes for an argument; none if its source does not refuse others.

    A refusal counts if a method compares the argument, or the attribute of the same name, with a literal collection,
    and raises. It may be in the class or in one of its bases.

    Args:
        library: Where classes are looked up.
        cls: The class.
        name: The name of the argument.
        definitions: Those that earlier calls have parsed, to which this one adds.
    """
    order = library.classes.mro(cls)
    for owner in () if isinstance(order, Unclear) else order:
        node = _with_bodies(library, owner, name, definitions) if isinstance(owner, ClassValue) else None
        collections = _literals_in(node.body) if node is not None else {}
        for method in node.body if node is not None else ():
            if isinstance(method, ast.FunctionDef):
                found = _refused_in(method, name, {**collections, **_literals_in(method.body)})
                if found:
                    return found
    return ()


def _with_bodies(library: Library, cls: ClassValue, name: str, definitions: Definitions) -> ast.ClassDef | None:
    """Return a class with its methods' bodies, which reading signatures leaves out; ``None`` if it refuses nothing."""
    module = library.modules.find(cls.module)
    if module is None or module.kind != "source" or module.file is None:
        return None
    text = read_regular(module.file)
    if re.search(rb"\b" + name.encode() + rb"\s+not\s+in\b", text) is None:  # most files: parsing them would cost more
        return None
    names = cls.qualname.split(".")
    key = f"{module.file} {names[0]}"
    if key not in definitions:
        definitions[key] = definitions_in(text, names[0], is_valid=is_compiled(module.file))
    body = definitions[key]
    found: ast.ClassDef | None = None
    for part in names:
        found = next((node for node in body if isinstance(node, ast.ClassDef) and node.name == part), None)
        body = found.body if found is not None else []
    return found


def _refused_in(method: ast.FunctionDef, name: str, collections: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    for statement in method.body:  # what stands below another condition may not be reached
        if isinstance(statement, ast.If) and any(isinstance(inner, ast.Raise) for inner in statement.body):
            match statement.test:
                case ast.Compare(left=left, ops=[ast.NotIn()], comparators=[allowed]) if _is_argument(left, name):
                    return _texts(allowed) or collections.get(_last_name(allowed), ())
    return ()


def _is_argument(node: ast.expr, name: str) -> bool:
    match node:
        case ast.Name(id=found) | ast.Attribute(value=ast.Name(id="self"), attr=found):
            return found == name
    return False


def _literals_in(statements: list[ast.stmt]) -> dict[str, tuple[str, ...]]:
    """Return the collections of texts that statements bind to names."""
    return {name: texts for name, value in _bindings(statements) if (texts := _texts(value))}


def _bindings(statements: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for statement in statements:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                yield name, value


def _texts(node: ast.expr) -> tuple[str, ...]:
    """Return the texts of a literal tuple, list, set or dict of texts; nothing if it holds anything else."""
    match node:
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items) | ast.Dict(keys=items):
            values = [item.value if isinstance(item, ast.Constant) else None for item in items]
            return tuple(map(str, values)) if values and all(isinstance(value, str) for value in values) else ()
    return ()


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
