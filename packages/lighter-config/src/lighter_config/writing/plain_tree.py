"""The tree as plain values, as a file would give it: references stay, changes to a copy stand beside it."""

from dataclasses import dataclass, field
from typing import Any

from lighter_config.building.copying import Copier
from lighter_config.errors import ConfigError
from lighter_config.merging.changes import Change
from lighter_config.tree.keys import special_key
from lighter_config.tree.node import Key, Node, Segments
from lighter_config.tree.paths import format_path, format_segment
from lighter_config.tree.references import find_references, is_computed, is_copy
from lighter_config.tree.scalars import is_suspect


class Unquoted(str):
    """Text that had no quotes although it may not be what was meant: ``yes``, ``None``, ``...``."""

    __slots__ = ()


def as_written(root: Node, copier: Copier, *, standalone: bool = False, marks_unquoted: bool = False) -> dict[Key, Any]:
    """Return the tree as plain values, as a file would give it.

    Keys that look like operators or paths have a backslash; changes to a copy stand beside its reference, as paths.

    Args:
        root: The tree.
        copier: Opens its ``%`` references.
        standalone: Replace what ``%file.yaml::path`` copies.
        marks_unquoted: Return doubtful text that had no quotes as ``Unquoted``.
    """
    written = _Written(copier, standalone, marks_unquoted)
    tree = _mapping(root, (), written)
    if standalone:
        everything = root.like({**root.value, None: root.like(list(written.expanded))})
        for name in copier.files_referred_to(everything):
            tree[name] = _mapping(copier.files[name], (name,), written)
    return tree


@dataclass(frozen=True, slots=True)
class _Written:
    """What is known of the tree that is written: how to open its ``%`` references, and which ones were expanded."""

    copier: Copier
    standalone: bool
    marks_unquoted: bool
    expanded: list[Node] = field(default_factory=list)


class _Beside(dict[str, Any]):
    """What must stand beside the keys of a mapping: the changes to copies below it, by operator and path.

    ``depth`` is the number of segments of the mapping's own path, which its keys leave out.
    """

    __slots__ = ("depth",)

    def __init__(self, depth: int) -> None:
        self.depth = depth

    def key(self, path: Segments, operator: str = "") -> str:
        return operator + format_path(path[self.depth :])


def _mapping(node: Node, path: Segments, written: _Written) -> dict[Key, Any]:
    if not node.settled:  # a choice of a sweep, whose operators and paths wait for a trial
        return dict(node.plain())
    tree: dict[Key, Any] = {}
    beside = _Beside(len(path))
    for key, child in node.value.items():
        tree[file_key(key)] = _value(child, (*path, key), beside, written)
    tree.update(beside)
    return tree


def _value(node: Node, path: Segments, beside: _Beside, written: _Written) -> Any:
    value = node.value
    if type(value) is dict:
        return _mapping(node, path, written)
    if type(value) is list:
        return [_value(child, (*path, index), beside, written) for index, child in enumerate(value)]
    if written.marks_unquoted and type(value) is str and is_suspect(value) and node.is_suspect:
        return Unquoted(value)
    return _copy(node, path, beside, written) if is_copy(value) else value


def _copy(node: Node, path: Segments, beside: _Beside, written: _Written) -> Any:
    try:
        if written.standalone and find_references(node.value)[0].file:
            opened = written.copier.opened(node, path)
            written.expanded.append(opened)
            return _value(opened, path, beside, written)
        if not node.patches:
            return node.value
        opened = written.copier.opened(node, path)
    except ConfigError:
        for change in node.patches:  # it cannot be opened; say what was asked for
            beside.update(_as_asked(change, path, beside.depth, written))
        return node.value
    changes = _changes_of_copy(written.copier.pristine[id(node)], opened, path, beside.depth, written)
    if changes is None:
        return _value(opened, path, beside, written)
    beside.update(changes)
    return node.value


def _as_asked(change: Change, path: Segments, depth: int, written: _Written) -> _Beside:
    """Repeat a change to a copy that cannot be opened."""
    asked = _Beside(depth)
    if change.path or not change.value.is_mapping:
        operator = {"replace": "=", "append": "+", "delete": "~"}.get(change.kind, "")
        changes = [(operator, change.path, change.value)]
    else:
        specials = [(special_key(key), key, child) for key, child in change.value.value.items()]
        changes = [(s.operator, s.path, child) if s else ("", (key,), child) for s, key, child in specials]
    for operator, below, value in changes:
        where = (*path, *below)
        asked[asked.key(where, operator)] = _value(value, where, _Beside(depth), written)
    return asked


def _changes_of_copy(old: Node, new: Node, path: Segments, depth: int, written: _Written) -> _Beside | None:
    """Say how a copy was changed; ``None`` where the language cannot, as for a copied list that grew."""
    changes = _Beside(depth)
    _differences(old, new, path, changes, written)
    own = {changes.key(path, operator) for operator in ("", "=", "+")}
    return None if own & changes.keys() else changes


def _differences(old: Node, new: Node, path: Segments, beside: _Beside, written: _Written) -> None:
    """Say with operators and paths how ``new`` differs from ``old``."""
    if old.is_mapping and new.is_mapping:
        _mapping_differences(old, new, path, beside, written)
    elif old.is_list and new.is_list:
        _list_differences(old, new, path, beside, written)
    elif is_copy(old.value) and old.value == new.value:
        _patch_differences(old, new, path, beside, written)
    elif not _same(old, new):
        operator = "" if old.is_leaf and new.is_leaf and not is_computed(old.value) else "="
        beside[beside.key(path, operator)] = _value(new, path, beside, written)


def _mapping_differences(old: Node, new: Node, path: Segments, beside: _Beside, written: _Written) -> None:
    for key in old.value:
        if key not in new.value:
            beside[beside.key((*path, key), "~")] = None
    for key, child in new.value.items():
        here = (*path, key)
        if key not in old.value:
            beside[beside.key(here)] = _value(child, here, beside, written)
        elif _is_replaced(old.value[key], child):
            beside[beside.key(here, "=")] = _value(child, here, beside, written)
        else:
            _differences(old.value[key], child, here, beside, written)


def _list_differences(old: Node, new: Node, path: Segments, beside: _Beside, written: _Written) -> None:
    num_old = len(old.value)
    if len(new.value) < num_old:
        kept = _kept_indices(old.value, new.value)
        if kept is None:
            beside[beside.key(path, "=")] = _value(new, path, beside, written)
        else:
            beside[beside.key(path, "~")] = [index for index in range(num_old) if index not in kept]
        return
    for index in range(num_old):
        _differences(old.value[index], new.value[index], (*path, index), beside, written)
    if len(new.value) > num_old:
        added = new.like(new.value[num_old:])
        beside[beside.key(path, "+")] = _value(added, path, beside, written)


def _patch_differences(old: Node, new: Node, path: Segments, beside: _Beside, written: _Written) -> None:
    """Say how two copies of one thing, written as the same reference, differ by their patches."""
    if len(old.patches) == len(new.patches):
        return
    old, new = written.copier.opened(old, path), written.copier.opened(new, path)
    changes = _changes_of_copy(old, new, path, beside.depth, written)
    if changes is None:
        beside[beside.key(path, "=")] = _value(new, path, beside, written)
    else:
        beside.update(changes)


def file_key(key: Key) -> Key:
    r"""Return a key as it must stand in a file to mean itself.

    >>> file_key("lr"), file_key("~k"), file_key("std::vector")
    ('lr', '\\~k', 'std\\::vector')
    """
    if type(key) is not str or special_key_or_error(key) is None:
        return key
    text = format_segment(key)
    return "\\" + text if text[0] in "~=+" else text


def special_key_or_error(key: str) -> object:
    """Return what is special about a key, be it that it is wrong as a path."""
    try:
        return special_key(key)
    except ConfigError as error:
        return error


def _is_replaced(old: Node, new: Node) -> bool:
    """Say whether nothing of one mapping is left in the other, as after ``=``."""
    if type(old.value) is not dict or type(new.value) is not dict or not old.value:
        return False
    return old.value.keys().isdisjoint(new.value)


def _same(old: Node, new: Node) -> bool:
    first, second = old.value, new.value
    if type(first) is not type(second):
        return False
    if type(first) is dict:
        return first.keys() == second.keys() and all(_same(first[key], second[key]) for key in first)
    if type(first) is list:
        return len(first) == len(second) and all(map(_same, first, second))
    return bool(first == second) and len(old.patches) == len(new.patches)


def _kept_indices(old: list[Node], new: list[Node]) -> set[int] | None:
    """Return which items of ``old`` are left in ``new``; ``None`` when it is not ``old`` with items removed."""
    kept: set[int] = set()
    index = 0
    for item in new:
        while index < len(old) and not _same(old[index], item):
            index += 1
        if index == len(old):
            return None
        kept.add(index)
        index += 1
    return kept
