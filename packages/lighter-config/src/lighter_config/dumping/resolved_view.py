"""The values of a config as far as they are known without building anything."""

from collections.abc import Mapping
from typing import Any

from lighter_config.building.literal_expressions import NotLiteralError, evaluate
from lighter_config.building.resolving import NOT_ARGUMENTS, imports_of
from lighter_config.building.trampoline import Steps, run
from lighter_config.config import Config
from lighter_config.errors import ConfigError
from lighter_config.sections import IMPORTS, REQUIRES
from lighter_config.tree.expressions import parse_expression
from lighter_config.tree.node import MAX_DEPTH, MAX_VALUES, Node, Segments
from lighter_config.tree.reference_syntax import Reference
from lighter_config.tree.references import (
    absolute_path,
    default_of,
    find_references,
    is_computed,
    is_copy,
    is_reference,
    literal_text,
)
from lighter_config.tree.walking import follow, walk


def resolved(config: Config) -> Config:
    """Return a config with the values that are known without building anything, in place of what gives them.

    Copied are ``%`` references. Replaced are ``@`` references to plain values, and expressions on plain values that
    use nothing but arithmetic, comparisons, f-strings, ``math``, literals of lists, mappings and tuples, and ``len``,
    ``min``, ``max``, ``round``, ``int``, ``float``, ``str``, ``sum``, ``abs``. Everything else stays as it is written,
    so nothing is imported, and the environment is not read. Tuples become lists, as everywhere in a config.

    Args:
        config: The config, whole or pruned.

    >>> from lighter_config import load
    >>> config = load([{"vars": {"lr": 0.1}, "lr": "$@vars::lr / 4", "again": "%lr", "home": "$os.environ['HOME']"}])
    >>> resolved(config).tree
    {'vars': {'lr': 0.1}, 'lr': 0.025, 'again': 0.025, 'home': "$os.environ['HOME']"}
    """
    expanded = config.expanded()
    root = _View(expanded._root).root()
    if root is expanded._root:
        return expanded
    return expanded._with_root(root, whole=None if config.whole is config else config.whole)


def known_value(config: Config, text: str) -> Any:
    """Return what an expression or a reference gives, by the rules of ``resolved``; absolute paths only.

    Raises:
        ValueError: It is not known without building something.

    >>> from lighter_config import load
    >>> known_value(load({"width": 64, "depth": 2}), "$@width * @depth <= 256")
    True
    """
    root = config.expanded()._root
    try:
        return run(_View(root).value(Node(text, root.origin)))
    except (_NotPlainError, NotLiteralError, ConfigError) as error:
        raise ValueError(f"{text} is not known without building something") from error


class _NotPlainError(Exception):
    """A value that is built, or known only when the config runs."""


class _View:
    """Replaces what can be known in one tree, whose ``%`` references are copied."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._done: dict[Node, Node] = {}
        self._active: set[Node] = set()
        self._num_values = 0
        self._has_math = _has_math(root)

    def root(self) -> Node:
        """Return the tree with known values."""
        texts = [
            (node, path)
            for path, node in walk(self._root, skip=_is_import)
            if is_computed(node.value)
        ]  # fmt: skip
        known = {node: run(self._text(node, path)) for node, path in texts}
        return _replaced(self._root, {node: new for node, new in known.items() if new is not node})

    def value(self, node: Node) -> Steps:
        """Return the plain value of a reference or an expression at the root."""
        if is_reference(node.value):
            return (yield self._referred(find_references(node.value)[0], (None,)))
        return (yield self._evaluated(node, (None,)))

    def _text(self, node: Node, path: Segments) -> Steps:
        """Return the node of the value that a reference or an expression gives; itself if that is not known."""
        if node in self._done:
            return self._done[node]
        if node in self._active:
            return node  # a cycle, which is a finding of the check
        self._active.add(node)
        try:
            if is_reference(node.value):
                value = yield self._referred(find_references(node.value)[0], path)
            else:
                value = yield self._evaluated(node, path)
            result = self._node(value, node)
        except (_NotPlainError, NotLiteralError, ConfigError):
            result = node
        finally:
            self._active.discard(node)
        self._done[node] = result
        return result

    def _evaluated(self, node: Node, path: Segments) -> Steps:
        expression = parse_expression(node.value)
        values: dict[str, Any] = {}
        for name, reference in zip(expression.names, expression.references, strict=True):
            values[name] = yield self._referred(reference, path)
        return evaluate(expression, values, has_math=self._has_math)

    def _referred(self, reference: Reference, at: Segments) -> Steps:
        """Return the plain value that a reference leads to."""
        target = absolute_path(reference, at)
        seen: set[Segments] = set()
        while True:
            node, path, rest = follow(self._root, target)
            if not rest:
                return (yield self._plain(node, path))
            if not is_reference(node.value) and reference.default is not None:
                return default_of(reference)
            if not is_reference(node.value) or target in seen or len(target) > MAX_DEPTH:
                raise _NotPlainError
            seen.add(target)
            target = (*absolute_path(find_references(node.value)[0], path), *rest)

    def _plain(self, node: Node, path: Segments) -> Steps:
        """Return a value with nothing in it that is built."""
        self._count()
        if is_computed(node.value):
            node = yield self._text(node, path)
        value = node.value
        if node.is_mapping:
            if any(key in value for key in NOT_ARGUMENTS):
                raise _NotPlainError
            result = {}
            for key, child in value.items():
                result[key] = yield self._plain(child, (*path, key))
            return result
        if node.is_list:
            items = []
            for index, child in enumerate(value):
                items.append((yield self._plain(child, (*path, index))))
            return items
        if is_computed(value) or is_copy(value) or not isinstance(value, str | bool | int | float | None):
            raise _NotPlainError
        return literal_text(value) if isinstance(value, str) else value

    def _node(self, value: Any, like: Node) -> Node:
        """Return a plain value as a node at the place of another one.

        Raises:
            _NotPlainError: A file could not give this value.
        """
        self._count()
        if isinstance(value, dict):
            if not all(isinstance(key, str | int | float | None) and key not in NOT_ARGUMENTS for key in value):
                raise _NotPlainError
            return like.like({key: self._node(item, like) for key, item in value.items()})
        if isinstance(value, list | tuple):
            return like.like([self._node(item, like) for item in value])
        if isinstance(value, str) and (is_computed(value) or is_copy(value) or literal_text(value) != value):
            return like.like("\\" + value)
        if not isinstance(value, str | bool | int | float | None):
            raise _NotPlainError
        return like.like(value)

    def _count(self) -> None:
        self._num_values += 1
        if self._num_values > MAX_VALUES:
            raise _NotPlainError


def _replaced(node: Node, known: Mapping[Node, Node]) -> Node:
    """Return a tree with some nodes replaced; nodes with nothing replaced in them are the same objects."""
    if node.is_leaf:
        return known.get(node, node)
    children = {key: _replaced(child, known) for key, child in node.children()}
    if all(children[key] is child for key, child in node.children()):
        return node
    return node.like(children if node.is_mapping else list(children.values()))


def _is_import(path: Segments, _: Node) -> bool:
    return bool(path) and path[-1] in (IMPORTS, REQUIRES)


def _has_math(root: Node) -> bool:
    try:
        return dict(imports_of(root)).get("math", "math") == "math"
    except ConfigError:  # reported by the check of expressions
        return False
