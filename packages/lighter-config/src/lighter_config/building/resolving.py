"""Build objects: follow references, evaluate expressions, call targets, each once."""

import ast
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import CodeType
from typing import Any

from lighter_config.building.copying import not_found
from lighter_config.building.imports import NoSuchTargetError, locate
from lighter_config.building.real_signature import real_signature
from lighter_config.building.trampoline import Steps, run
from lighter_config.errors import (
    CircularReferenceError,
    ConfigError,
    ExpressionError,
    ReferenceNotFoundError,
    SecretError,
    TargetError,
)
from lighter_config.findings import Finding
from lighter_config.sections import IMPORTS, NETWORK_PATHS, REQUIRES
from lighter_config.suggestions import nearest_names
from lighter_config.tree.credentials import MASK, is_masked, missing_secret
from lighter_config.tree.cycles import circular_reference, follow_references, reference_at
from lighter_config.tree.expressions import KNOWN_NAMES, Expression, parse_expression
from lighter_config.tree.node import NAME, Node, Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.reference_syntax import Reference
from lighter_config.tree.references import (
    absolute_path,
    default_of,
    is_copy,
    is_expression,
    is_reference,
    literal_text,
)
from lighter_config.tree.walking import follow, walk

TARGET, ARGUMENTS, MODE, DISABLED = "_target_", "_args_", "_mode_", "_disabled_"
COMPONENT_MODES = ("default", "partial", "callable", "debug")
"""What ``_mode_`` may be; the modes of a stage are ``lighter_config.MODES``."""
NOT_ARGUMENTS = frozenset((TARGET, ARGUMENTS, MODE, DISABLED, IMPORTS, REQUIRES, NAME))

DOTTED = "a dotted name such as torch.optim.AdamW"
"""What ``_target_`` must be."""

_SIGILS = ("@", "%", "$", "\\", MASK[0])
_Memory = dict[Node, Any]


class Resolver:
    """Builds the values of one tree, each once: the same path gives the same object.

    Args:
        root: The merged tree, its ``%`` references copied.
        copy_errors: Why a ``%`` reference that is still in the tree could not be copied, by the identity of its node.
    """

    def __init__(self, root: Node, copy_errors: Mapping[int, ConfigError]) -> None:
        self._root = root
        self._copy_errors = copy_errors
        self._built: _Memory = {}
        self._active: dict[Node, Segments] = {}
        self._imports = dict(imports_of(root))
        self._modules: dict[str, Any] = {}

    def resolve(self, path: Segments) -> Any:
        """Build the value at a path that exists."""
        node, path, rest = follow(self._root, path)
        assert not rest
        return run(self._build(node, path, self._built))

    def built_parts(self) -> Iterator[tuple[Segments, Any]]:
        """Yield the path and the object of each component that is built by now, parents first."""
        for path, node in walk(self._root):
            if node in self._built and type(node.value) is dict and TARGET in node.value:
                yield path, self._built[node]

    # one node

    def _build(self, node: Node, path: Segments, built: _Memory) -> Steps:
        """Build one node; a generator, so that the depth of references is not limited by Python's stack."""
        value = node.value
        kind = type(value)
        if kind is not dict and kind is not list and (kind is not str or value[:1] not in _SIGILS):
            return value
        while isinstance(built, _Fresh) and path[: len(built.path)] != built.path:
            built = built.outer
        if node in built:
            return built[node]
        if node in self._active:
            raise self._cycle(node)
        self._active[node] = path
        try:
            if kind is dict:
                result = yield (self._component if TARGET in value else self._mapping)(node, path, built)
            elif kind is list:
                result = yield self._list(node, path, built)
            else:
                result = yield self._text(node, path, built)
        finally:
            self._active.pop(node, None)
        built[node] = result
        return result

    def _mapping(self, node: Node, path: Segments, built: _Memory) -> Steps:
        result = {}
        for key, child in node.value.items():
            if key in (IMPORTS, REQUIRES, DISABLED, NAME) or child.for_reference:
                continue
            if _may_be_disabled(child) and (yield self._is_disabled(child, (*path, key), built)):
                continue
            result[key] = child.value if _is_plain(child.value) else (yield self._build(child, (*path, key), built))
        return result

    def _list(self, node: Node, path: Segments, built: _Memory) -> Steps:
        result = []
        for index, child in enumerate(node.value):
            if child.for_reference or (
                _may_be_disabled(child) and (yield self._is_disabled(child, (*path, index), built))
            ):
                continue
            result.append(child.value if _is_plain(child.value) else (yield self._build(child, (*path, index), built)))
        return result

    def _text(self, node: Node, path: Segments, built: _Memory) -> Steps:
        text: str = node.value
        if is_reference(text):
            return (yield self._refer(reference_at(node, path), path, node, built))
        if is_expression(text):
            return (yield self._evaluate(node, path, built))
        if is_copy(text):
            raise self._copy_errors[id(node)]
        if is_masked(text):
            raise SecretError(missing_secret(format_path(path), node.place, node.excerpt))
        return literal_text(text)

    # references

    def _refer(self, reference: Reference, at: Segments, cause: Node, built: _Memory) -> Steps:
        """Build what a reference leads to, through other references on the way."""
        try:
            node, path = self._find(reference, at, cause)
        except ReferenceNotFoundError:
            if reference.default is None:
                raise
            return default_of(reference)
        if _may_be_disabled(node) and (yield self._is_disabled(node, path, built)):
            message = f"{cause.value!r} refers to {format_path(path)}, which is disabled"
            raise ReferenceNotFoundError(
                _at(Finding(message=message, fix="remove its _disabled_, or the reference"), cause, at)
            )
        if reference.kind == "%":
            built = _Fresh(built, path)
        return (yield self._build(node, path, built))

    def _find(self, reference: Reference, at: Segments, cause: Node) -> tuple[Node, Segments]:
        try:
            target = absolute_path(reference, at)
        except ReferenceNotFoundError as error:
            raise type(error)(*(_at(finding, cause, at) for finding in error.findings)) from error
        node, path, rest = follow_references(self._root, target)
        if rest:
            raise not_found(reference, (*path, *rest), len(path), node, cause, at)
        return node, path

    def _cycle(self, node: Node) -> CircularReferenceError:
        way = [(at, other) for other, at in self._active.items()]
        start = next(index for index, (_, other) in enumerate(way) if other is node)
        return CircularReferenceError(circular_reference([step for step in way[start:] if step[1].is_leaf]))

    # expressions

    def _evaluate(self, node: Node, path: Segments, built: _Memory) -> Steps:
        try:
            expression = parse_expression(node.value)
        except ConfigError as error:
            raise ExpressionError(*(_at(finding, node, path) for finding in error.findings)) from error
        names = {}
        for name, reference in zip(expression.names, expression.references, strict=True):
            names[name] = yield self._refer(reference, path, node, built)
        for name in expression.free_names:
            names[name] = self._known(name, expression, node, path)
        return self._run(expression.code, names, node, path)

    def _run(self, code: CodeType, names: dict[str, Any], node: Node, path: Segments) -> Any:
        try:
            return eval(code, names)  # noqa: S307 - expressions are Python, by design
        except Exception as error:
            message = f"{node.value!r} failed: {type(error).__name__}: {error}"
            raise ExpressionError(_at(Finding(message=message), node, path)) from error

    def _known(self, name: str, expression: Expression, node: Node, path: Segments) -> Any:
        if name in self._modules:
            return self._modules[name]
        dotted = self._imports.get(name) or KNOWN_NAMES.get(name)
        if dotted is None:
            nearest = nearest_names(name, [*self._imports, *KNOWN_NAMES])
            finding = Finding(
                message=f"unknown name {name!r} in {expression.text!r}",
                nearest=nearest,
                fix=f"add `_imports_: {{{name}: {name}}}`, or write @{name} to refer to a value of the config",
            )
            raise ExpressionError(_at(finding, node, path))
        try:
            self._modules[name] = locate(dotted)
        except NoSuchTargetError as error:
            finding = Finding(message=f"{name!r} cannot be imported: {error}", nearest=error.nearest)
            raise ExpressionError(_at(finding, node, path)) from error
        except Exception as error:
            error.add_note(f"while importing {dotted} for {format_path(path)} ({node.place})")
            raise
        return self._modules[name]

    # components

    def _is_disabled(self, node: Node, path: Segments, built: _Memory) -> Steps:
        flag = node.value[DISABLED]
        value = yield self._build(flag, (*path, DISABLED), built)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if not isinstance(value, bool):
            message = f"{format_path((*path, DISABLED))} must be true or false, is {value!r}"
            raise TargetError(_at(Finding(message=message), flag, (*path, DISABLED)))
        return value

    def _component(self, node: Node, path: Segments, built: _Memory) -> Steps:
        children: dict[Any, Node] = node.value
        if DISABLED in children and (yield self._is_disabled(node, path, built)):
            return None
        mode = (yield from self._mode(children[MODE], path, built)) if MODE in children else "default"
        named = yield self._build(children[TARGET], (*path, TARGET), built)
        target = self._located(named, children[TARGET], path)
        positional = (yield from self._positional(children[ARGUMENTS], path, built)) if ARGUMENTS in children else []
        keywords: dict[str, Any] = {}
        for key, child in children.items():  # not a generator of its own: that costs 4 % of building a component
            if key in NOT_ARGUMENTS or child.for_reference:
                continue
            here = (*path, key)
            if type(key) is not str:
                message = f"the name of an argument of {named} must be text, is {key!r}"
                raise TargetError(_at(Finding(message=message), child, here))
            if _may_be_disabled(child) and (yield self._is_disabled(child, here, built)):
                continue
            keywords[key] = child.value if _is_plain(child.value) else (yield self._build(child, here, built))
        compiles = "compile" in keywords and path in NETWORK_PATHS and not _has_parameter(target, "compile")
        compile_options = keywords.pop("compile") if compiles else None
        try:
            result = _call(target, positional, keywords, mode)
            if compile_options is not None and compile_options is not False:
                result.compile(**(compile_options if isinstance(compile_options, dict) else {}))
        except Exception as error:
            name = named if isinstance(named, str) else getattr(named, "__qualname__", repr(named))
            error.add_note(f"while building {format_path(path) or 'the config'}: {name} ({children[TARGET].place})")
            raise
        return result

    def _mode(self, node: Node, path: Segments, built: _Memory) -> Steps:
        mode = yield self._build(node, (*path, MODE), built)
        if mode not in COMPONENT_MODES:
            nearest = nearest_names(str(mode), COMPONENT_MODES)
            finding = Finding(message=f"unknown `{MODE}` {mode!r}", expected=COMPONENT_MODES, nearest=nearest)
            raise TargetError(_at(finding, node, (*path, MODE)))
        return mode

    def _positional(self, node: Node, path: Segments, built: _Memory) -> Steps:
        given = yield self._build(node, (*path, ARGUMENTS), built)
        if not isinstance(given, list | tuple):
            message = f"{format_path((*path, ARGUMENTS))} must be a list, is {given!r:.60}"
            raise TargetError(_at(Finding(message=message), node, (*path, ARGUMENTS)))
        return list(given)

    def _located(self, named: Any, node: Node, path: Segments) -> Callable[..., Any]:
        here = (*path, TARGET)
        if callable(named):
            return named  # type: ignore[no-any-return]
        if not isinstance(named, str):
            message = f"{format_path(here)} must be a dotted name, is {named!r}"
            raise TargetError(_at(Finding(message=message, expected=(DOTTED,)), node, here))
        try:
            target = locate(named)
        except NoSuchTargetError as error:
            finding = Finding(message=str(error), nearest=error.nearest)
            raise TargetError(_at(finding, node, here)) from error
        except Exception as error:
            error.add_note(f"while importing {named} for {format_path(path) or 'the config'} ({node.place})")
            raise
        if not callable(target):
            message = f"{format_path(here)} must name a callable, {named} is a {type(target).__name__}"
            raise TargetError(_at(Finding(message=message), node, here))
        return target  # type: ignore[no-any-return]


class _Fresh(dict[Node, Any]):
    """The memory of a ``%`` in an expression: builds the part at ``path`` anew and shares the rest with ``outer``."""

    def __init__(self, outer: _Memory, path: Segments) -> None:
        super().__init__()
        self.outer = outer
        self.path = path


def _call(target: Callable[..., Any], arguments: list[Any], keywords: dict[str, Any], mode: str) -> Any:
    if mode == "partial":
        return functools.partial(target, *arguments, **keywords)
    from lighter_config.building._sparkwheel import call

    return call(target, arguments, keywords, mode)


def _may_be_disabled(node: Node) -> bool:
    return type(node.value) is dict and DISABLED in node.value


def _is_plain(value: Any) -> bool:
    kind = type(value)
    return kind is not dict and kind is not list and (kind is not str or value[:1] not in _SIGILS)


def _has_parameter(target: Callable[..., Any], name: str) -> bool:
    try:
        return name in real_signature(target).parameters
    except (TypeError, ValueError):
        return False


def imports_of(root: Node) -> Iterator[tuple[str, str]]:
    """Yield the names that ``_imports_`` and ``_requires_`` give, at any level, with the modules they name."""
    for _, node in walk(root):
        if not node.is_mapping:
            continue
        if IMPORTS in node.value and node.value[IMPORTS].is_mapping:
            yield from ((str(name), str(child.value)) for name, child in node.value[IMPORTS].children())
        if REQUIRES in node.value:
            yield from required_names(node.value[REQUIRES])


def required_names(node: Node) -> Iterator[tuple[str, str]]:
    """Yield the names that a ``_requires_`` imports: ``$import a.b as c``, ``$from a import b``, or a list of those."""
    for item in node.value if node.is_list else [node]:
        text = item.value
        if text is None:
            continue
        try:
            statements = ast.parse(text.removeprefix("$").strip()).body if isinstance(text, str) else []
        except (SyntaxError, ValueError) as error:
            raise _not_an_import(item) from error
        if not statements or not all(isinstance(statement, ast.Import | ast.ImportFrom) for statement in statements):
            raise _not_an_import(item)
        for statement in statements:
            if isinstance(statement, ast.Import):
                for name in statement.names:
                    yield (name.asname, name.name) if name.asname else (name.name.partition(".")[0],) * 2
            elif isinstance(statement, ast.ImportFrom):
                for name in statement.names:
                    yield name.asname or name.name, f"{statement.module}.{name.name}"


def _not_an_import(node: Node) -> ExpressionError:
    finding = Finding(
        message=f"`{REQUIRES}` must be an import statement, is {node.value!r}",
        place=node.place,
        excerpt=node.excerpt,
        fix='write `_requires_: ["$import math"]`, or `_imports_: {math: math}`',
    )
    return ExpressionError(finding)


def _at(finding: Finding, node: Node, path: Segments) -> Finding:
    return replace(finding, path=format_path(path), place=node.place, excerpt=node.excerpt)
