"""Write what a config builds as Python statements that build the same, in the same order."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lighter_config.building.copying import not_found
from lighter_config.building.resolving import (
    ARGUMENTS,
    COMPONENT_MODES,
    DISABLED,
    MODE,
    NOT_ARGUMENTS,
    TARGET,
    imports_of,
)
from lighter_config.errors import CircularReferenceError, ConfigError, DumpError, ReferenceNotFoundError
from lighter_config.findings import Finding
from lighter_config.places import Place
from lighter_config.sections import IMPORTS, NETWORK_PATHS, REQUIRES
from lighter_config.signatures import Signature, SignatureReader
from lighter_config.tree.cycles import circular_reference, follow_references, reference_at
from lighter_config.tree.expressions import KNOWN_NAMES, parse_expression
from lighter_config.tree.node import NAME, Node, Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.reference_syntax import Reference
from lighter_config.tree.references import (
    absolute_path,
    default_of,
    find_references,
    is_copy,
    is_expression,
    is_reference,
    literal_text,
)
from lighter_config.tree.walking import follow, walk
from lighter_config.writing.python_layout import Atom, Call, Code, Display, layout, literal, moves
from lighter_config.writing.python_names import Names

_MAX_LINE = 120


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        name: The variable that it sets; empty for a call whose result is not needed.
        code: Its value.
        place: Where the config says so.
    """

    name: str
    code: Code
    place: Place | None

    def text(self, indent: int) -> str:
        """Return the statement, with the place as a comment on its first line."""
        front = f"{self.name} = " if self.name else ""
        written = f"{' ' * indent}{front}{layout(self.code, indent=indent, before=len(front))}"
        if self.place is None:
            return written
        first, newline, rest = written.partition("\n")
        line = f"{first}  # {self.place}"
        return f"{line}{newline}{rest}" if len(line) <= _MAX_LINE else f"{' ' * indent}# {self.place}\n{written}"


class PythonWriter:
    """Collects the statements that build parts of one tree: what the resolver would do is written instead.

    Args:
        root: The tree of a config, its ``%`` references copied.
        reader: Reads signatures.
        names: Names imports and variables.
    """

    def __init__(self, root: Node, reader: SignatureReader, names: Names) -> None:
        self._root = root
        self._reader = reader
        self._modules = {**KNOWN_NAMES, **dict(imports_of(root))}
        self._active: dict[Node, Segments] = {}
        self._written: dict[Node, Code] = {}
        self._referred = set(self._find_referred())
        self.names = names
        self.constants: list[Statement] = []
        self.statements: list[Statement] = []

    def variable(self, path: Segments) -> str:
        """Write the statements for the value at a path, and return the variable that holds it."""
        node, path, _ = follow(self._root, path)
        self._referred.add(node)
        return layout(self._value(node, path, self._written))

    def expression(self, path: Segments) -> Code:
        """Write the statements that the value at a path needs, and return the code of the value."""
        node, path, _ = follow(self._root, path)
        return self._value(node, path, self._written)

    # one node

    def _value(self, node: Node, path: Segments, written: "dict[Node, Code]") -> Code:
        while isinstance(written, _Fresh) and path[: len(written.path)] != written.path:
            written = written.outer
        if node in written:
            return written[node]
        if node in self._active:
            raise self._cycle(node)
        self._active[node] = path
        try:
            code = self._code(node, path, written)
        finally:
            del self._active[node]
        if node in self._referred:
            code = self._named(code, node, path)
        written[node] = code
        return code

    def _code(self, node: Node, path: Segments, written: "dict[Node, Code]") -> Code:
        value = node.value
        if node.is_mapping:
            return self._component(node, path, written) if TARGET in value else self._mapping(node, path, written)
        if node.is_list:
            items = self._parts([("", *item) for item in self._built_items(node, path)], written)
            return Display("[]", tuple(items))
        if is_reference(value):
            return self._refer(reference_at(node, path), path, node, written)
        if is_expression(value):
            return self._expression(node, path, written)
        if is_copy(value):
            raise _cannot(f"{value!r} cannot be copied", node, path)
        return Atom(literal(literal_text(value) if isinstance(value, str) else value), moves=True)

    def _named(self, code: Code, node: Node, path: Segments) -> Atom:
        """Give a value that is referred to a name."""
        if isinstance(code, Atom) and code.text.isidentifier() and code.text not in ("None", "True", "False"):
            return code
        name = self.names.variable(path)
        is_constant = node.is_leaf and not is_reference(node.value) and not is_expression(node.value)
        target = self.constants if is_constant else self.statements
        target.append(Statement(name, code, node.key_place))
        return Atom(name, moves=True)

    def _built_items(self, node: Node, path: Segments) -> Iterator[tuple[Node, Segments]]:
        for key, child in node.children():
            if not (child.for_reference or self._is_disabled(child, (*path, key))):
                yield child, (*path, key)

    def _mapping(self, node: Node, path: Segments, written: "dict[Node, Code]") -> Code:
        parts = [
            (f"{literal(at[-1])}: ", child, at)
            for child, at in self._built_items(node, path)
            if at[-1] not in (IMPORTS, REQUIRES, DISABLED, NAME)
        ]
        return Display("{}", tuple(self._parts(parts, written)))

    def _parts(
        self, parts: Sequence[tuple[str, Node, Segments]], written: "dict[Node, Code]"
    ) -> list[tuple[str, Code]]:
        """Write parts that are evaluated one after the other.

        If one needs statements in front, those before it are evaluated in front of them, as the resolver does.
        """
        done: list[tuple[str, Code, Node, Segments]] = []
        for front, node, path in parts:
            mark = len(self.statements)
            code = self._value(node, path, written)
            if len(self.statements) > mark:
                for index, (other, earlier, its_node, its_path) in enumerate(done):
                    if not moves(earlier):
                        name = self.names.variable(its_path)
                        self.statements.insert(mark, Statement(name, earlier, its_node.key_place))
                        mark += 1
                        done[index] = (other, Atom(name, moves=True), its_node, its_path)
            done.append((front, code, node, path))
        return [(front, code) for front, code, _, _ in done]

    # references and expressions

    def _refer(self, reference: Reference, at: Segments, cause: Node, written: "dict[Node, Code]") -> Code:
        try:
            node, path = self._find(reference, at, cause)
        except ReferenceNotFoundError:
            if reference.default is None:
                raise
            return Atom(literal(default_of(reference)), moves=True)
        if self._is_disabled(node, path):
            raise _cannot(f"{cause.value!r} refers to {format_path(path)}, which is disabled", cause, at)
        if reference.kind == "%":
            written = _Fresh(written, path)
        return self._value(node, path, written)

    def _find(self, reference: Reference, at: Segments, cause: Node) -> tuple[Node, Segments]:
        node, path, rest = follow_references(self._root, absolute_path(reference, at))
        if rest:
            raise not_found(reference, (*path, *rest), len(path), node, cause, at)
        return node, path

    def _find_referred(self) -> Iterator[Node]:
        for path, node in walk(self._root):
            if not isinstance(node.value, str):
                continue
            try:
                for reference in find_references(node.value):
                    if reference.kind == "@" or is_expression(node.value):
                        yield self._find(reference, path, node)[0]
            except ConfigError:
                continue  # reported where it is used

    def _expression(self, node: Node, path: Segments, written: "dict[Node, Code]") -> Code:
        try:
            expression = parse_expression(node.value)
        except ConfigError as error:
            raise type(error)(*(_placed(finding, node, path) for finding in error.findings)) from error
        names: dict[str, str] = {}
        for name, reference in zip(expression.names, expression.references, strict=True):
            code = self._refer(reference, path, node, written)
            if not isinstance(code, Atom) or not code.moves:
                code = self._named(code, node, reference.path or path)
            names[name] = code.text
        for name in expression.free_names:
            if name not in self._modules:
                raise _cannot(f"the name {name!r} in {node.value!r} is not known", node, path)
            names[name] = self.names.imported(self._modules[name], name)
        body = _Renamer(names).visit(ast.parse(ast.unparse(expression.tree), mode="eval").body)
        is_lambda = isinstance(body, ast.Lambda | ast.Constant | ast.Name)
        return Atom(ast.unparse(body), moves=is_lambda)

    # components

    def _is_disabled(self, node: Node, path: Segments) -> bool:
        if not node.is_mapping or DISABLED not in node.value:
            return False
        value = node.value[DISABLED].value
        if str(value).lower() not in ("true", "false"):
            raise _cannot(f"{format_path(path)}::{DISABLED} is computed: {value!r}", node.value[DISABLED], path)
        return str(value).lower() == "true"

    def _component(self, node: Node, path: Segments, written: "dict[Node, Code]") -> Code:
        children: Mapping[Any, Node] = node.value
        mode = str(children[MODE].value) if MODE in children else "default"
        if MODE in children and mode not in COMPONENT_MODES:
            raise _cannot(f"{format_path((*path, MODE))} is computed: {mode!r}", children[MODE], (*path, MODE))
        target = self._target(children[TARGET], path, written)
        parts: list[tuple[str, Node, Segments]] = []
        if ARGUMENTS in children and children[ARGUMENTS].is_list and children[ARGUMENTS] not in self._referred:
            given = self._built_items(children[ARGUMENTS], (*path, ARGUMENTS))
            parts += [("", child, at) for child, at in given]
        elif ARGUMENTS in children:
            parts.append(("*", children[ARGUMENTS], (*path, ARGUMENTS)))
        for child, at in self._built_items(node, path):
            if at[-1] not in NOT_ARGUMENTS:
                front = f"{at[-1]}=" if str(at[-1]).isidentifier() else f"**{{{literal(at[-1])}: "
                parts.append((front, child, at))
        compiles = path in NETWORK_PATHS and "compile" in children and not self._takes_compile(children[TARGET].value)
        options = [part for part in parts if part[0] == "compile="] if compiles else []
        arguments = self._parts([part for part in parts if part not in options], written)
        arguments = [(front, Atom(f"{layout(code)}}}") if front[:2] == "**" else code) for front, code in arguments]
        call = _call(target, arguments, mode, self.names)
        if not options or children["compile"].value is False:
            return call
        return self._compiled(call, node, path, self._value(*options[0][1:], written))

    def _compiled(self, call: Code, node: Node, path: Segments, options: Code) -> Code:
        name = self.names.variable(path)
        arguments = (("**", options),) if isinstance(options, Display) else ()
        self.statements.append(Statement(name, call, node.key_place))
        self.statements.append(Statement("", Call(f"{name}.compile", arguments), node.value["compile"].key_place))
        return Atom(name, moves=True)

    def _takes_compile(self, target: Any) -> bool:
        signature = self._reader.read(target) if isinstance(target, str) else None
        return isinstance(signature, Signature) and signature.parameter("compile") is not None

    def _target(self, node: Node, path: Segments, written: "dict[Node, Code]") -> str:
        if isinstance(node.value, str) and not is_reference(node.value) and not is_expression(node.value):
            return self.names.imported(node.value)
        code = self._value(node, (*path, TARGET), written)
        if not isinstance(code, Atom) or not code.moves:
            code = self._named(code, node, (*path, "target"))
        return f"({code.text})" if isinstance(code, Atom) and "lambda" in code.text else layout(code)

    def _cycle(self, node: Node) -> CircularReferenceError:
        way = [(at, other) for other, at in self._active.items()]
        start = next(index for index, (_, other) in enumerate(way) if other is node)
        return CircularReferenceError(circular_reference([step for step in way[start:] if step[1].is_leaf]))


class _Fresh(dict[Node, Code]):
    """What a ``%`` in an expression builds anew: the part at ``path``; the rest is shared with ``outer``."""

    def __init__(self, outer: dict[Node, Code], path: Segments) -> None:
        super().__init__()
        self.outer = outer
        self.path = path


class _Renamer(ast.NodeTransformer):
    """Replaces names by other code."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        code = self._names.get(node.id)
        return node if code is None else ast.parse(code, mode="eval").body


def _call(target: str, arguments: list[tuple[str, Code]], mode: str, names: Names) -> Code:
    if mode == "callable" and not arguments:
        return Atom(target, moves=True)
    if mode in ("partial", "callable"):
        return Call(names.imported("functools.partial"), (("", Atom(target, moves=True)), *arguments))
    if mode == "debug":
        return Call(names.imported("pdb.runcall"), (("", Atom(target, moves=True)), *arguments))
    return Call(target, tuple(arguments))


def bound_in_expressions(root: Node) -> set[str]:
    """Return the names that expressions bind themselves, such as the arguments of lambdas, and those of modules."""
    names: set[str] = set()
    for _, node in walk(root):
        if not is_expression(node.value):
            continue
        try:
            tree = parse_expression(node.value).tree
        except ConfigError:
            continue
        for part in ast.walk(tree):
            if isinstance(part, ast.arg):
                names.add(part.arg)
            elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                names.add(part.id)
    return names


def _cannot(message: str, node: Node, path: Segments) -> DumpError:
    fix = "write the value, or change it with an override"
    return DumpError(_placed(Finding(message=message, fix=fix), node, path))


def _placed(finding: Finding, node: Node, path: Segments) -> Finding:
    return replace(finding, path=format_path(path), place=node.place, excerpt=node.excerpt)
