"""The tree as plain values, as a file would give it: references stay, changes to a copy stand beside it."""

from collections.abc import Iterator
from typing import Any

from lighter_config.building.copying import Copier
from lighter_config.errors import ConfigError
from lighter_config.merging.changes import Change
from lighter_config.tree.keys import special_key
from lighter_config.tree.node import Key, Node, Segments
from lighter_config.tree.paths import format_path, format_segment
from lighter_config.tree.references import find_references, is_computed, is_copy


def as_written(root: Node, copier: Copier, *, standalone: bool = False) -> dict[Key, Any]:
    """Return the tree as plain values, as a file would give it.

    Keys that look like operators or paths have a backslash; changes to a copy stand beside its reference, as paths.
    """
    writer = _Writer(copier, standalone)
    tree = writer.mapping(root, ())
    if standalone:
        for name in copier.files_referred_to(writer.files_root(root)):
            tree[name] = writer.mapping(copier.files[name], (name,))
    return tree


class _Writer:
    """Turns nodes into plain values; ``beside`` collects what must stand beside a reference."""

    def __init__(self, copier: Copier, standalone: bool) -> None:
        self.copier = copier
        self.standalone = standalone
        self.expanded: list[Node] = []

    def files_root(self, root: Node) -> Node:
        """Return a tree of everything that was written, to search for references into other files."""
        return root.like({**root.value, None: root.like(list(self.expanded))})

    def mapping(self, node: Node, path: Segments) -> dict[Key, Any]:
        written: dict[Key, Any] = {}
        beside: dict[str, Any] = {}
        for key, child in node.value.items():
            written[file_key(key)] = self.value(child, (*path, key), (key,), beside)
        written.update(beside)
        return written

    def value(self, node: Node, path: Segments, relative: Segments, beside: dict[str, Any]) -> Any:
        if type(node.value) is dict:
            return self.mapping(node, path)
        if type(node.value) is list:
            return [
                self.value(child, (*path, index), (*relative, index), beside) for index, child in enumerate(node.value)
            ]
        if is_copy(node.value):
            return self._copy(node, path, relative, beside)
        return node.value

    def _copy(self, node: Node, path: Segments, relative: Segments, beside: dict[str, Any]) -> Any:
        try:
            if self.standalone and find_references(node.value)[0].file:
                opened = self.copier.opened(node, path)
                self.expanded.append(opened)
                return self.value(opened, path, relative, beside)
            if not node.patches:
                return node.value
            opened = self.copier.opened(node, path)
        except ConfigError:
            for change in node.patches:  # it cannot be opened; say what was asked for
                beside.update(self._as_asked(change, path, relative))
            return node.value
        changes = self._changes_of_copy(self.copier.pristine[id(node)], opened, path, relative)
        if changes is None:
            return self.value(opened, path, relative, beside)
        beside.update(changes)
        return node.value

    def _changes_of_copy(self, old: Node, new: Node, path: Segments, relative: Segments) -> dict[str, Any] | None:
        """Say how a copy was changed; ``None`` where the language cannot, as for a copied list that grew."""
        changes: dict[str, Any] = {}
        self._differences(old, new, path, relative, changes)
        own = format_path(relative)
        return None if {own, "=" + own, "+" + own} & changes.keys() else changes

    def _as_asked(self, change: Change, path: Segments, relative: Segments) -> Iterator[tuple[str, Any]]:
        operator = {"replace": "=", "append": "+", "delete": "~"}.get(change.kind, "")
        if not change.path and type(change.value.value) is dict:
            for key, child in change.value.value.items():
                special = special_key(key)
                rest = (key,) if special is None else special.path
                operator = "" if special is None else special.operator
                yield operator + format_path((*relative, *rest)), self.value(child, (*path, *rest), (key,), {})
            return
        where = format_path((*relative, *change.path))
        yield operator + where, self.value(change.value, (*path, *change.path), relative, {})

    def _differences(self, old: Node, new: Node, path: Segments, relative: Segments, beside: dict[str, Any]) -> None:
        """Say with operators and paths how ``new`` differs from ``old``."""
        if type(old.value) is dict and type(new.value) is dict:
            for key in old.value:
                if key not in new.value:
                    beside["~" + format_path((*relative, key))] = None
            for key, child in new.value.items():
                here, where = (*path, key), (*relative, key)
                if key in old.value and _is_replaced(old.value[key], child):
                    beside["=" + format_path(where)] = self.value(child, here, where, beside)
                elif key in old.value:
                    self._differences(old.value[key], child, here, where, beside)
                else:
                    beside[format_path(where)] = self.value(child, here, where, beside)
            return
        if type(old.value) is list and type(new.value) is list:
            self._list_differences(old, new, path, relative, beside)
            return
        if is_copy(old.value) and old.value == new.value:
            if len(old.patches) != len(new.patches):
                old, new = self.copier.opened(old, path), self.copier.opened(new, path)
                changes = self._changes_of_copy(old, new, path, relative)
                if changes is None:
                    changes = {"=" + format_path(relative): self.value(new, path, relative, beside)}
                beside.update(changes)
            return
        if _same(old, new):
            return
        is_leaf_over_leaf = type(new.value) not in (dict, list) and type(old.value) not in (dict, list)
        operator = "" if is_leaf_over_leaf and not is_computed(old.value) else "="
        beside[operator + format_path(relative)] = self.value(new, path, relative, beside)

    def _list_differences(
        self, old: Node, new: Node, path: Segments, relative: Segments, beside: dict[str, Any]
    ) -> None:
        where = format_path(relative)
        num_old = len(old.value)
        if len(new.value) < num_old:
            kept = _kept_indices(old.value, new.value)
            if kept is None:
                beside["=" + where] = self.value(new, path, relative, beside)
            else:
                beside["~" + where] = [index for index in range(num_old) if index not in kept]
            return
        for index in range(num_old):
            self._differences(old.value[index], new.value[index], (*path, index), (*relative, index), beside)
        if len(new.value) > num_old:
            added = new.like(new.value[num_old:])
            beside["+" + where] = self.value(added, path, relative, beside)


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
