"""Reject a mapping that sets one value twice, nested and by a path key."""

from typing import NoReturn

from lighter_config.merging.changes import merge_error
from lighter_config.tree.keys import special_key
from lighter_config.tree.node import Key, Node, Segments, child_at
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_copy
from lighter_config.tree.walking import holds_mappings


class GivenOnce:
    """Checks that one mapping does not set a value twice, nested and by a path key."""

    def __init__(self, base: Node, given: Node, at: Segments) -> None:
        self.base = base
        self.given = given
        self.at = at
        self.paths: dict[Key, object] = {}

    def check(self, paths: list[tuple[Segments, Node]]) -> None:
        """Check values given by a path, in the order in which they are applied.

        Raises:
            MergeError: A leaf is given twice.
        """
        for path, node in paths:
            self._check_nested(path, node)
            self._check_paths(path, node)

    def _check_nested(self, path: Segments, node: Node) -> None:
        other: Node | None = self.given
        base: Node | None = self.base
        for segment in path:
            assert other is not None
            if base is not None and (is_copy(base.value) or (base.is_list and not _replaces(other))):
                return  # an index counts the list before it grows, so it names no item of the given one
            base = child_at(base, segment) if base is not None and base.is_mapping else None
            if other.is_mapping or (other.is_list and type(segment) is int):
                other = child_at(other, segment)
                if other is None or other.via:
                    return
            elif is_copy(other.value) or other.is_list:
                return
            else:
                self._fail(path, other, node)
        if other is not None and not (node.is_mapping and is_copy(other.value)):
            self._check_overlap(path, other, node)

    def _check_overlap(self, path: Segments, first: Node, second: Node) -> None:
        if first.is_mapping and second.is_mapping:
            for key, child in second.value.items():
                if key in first.value and not first.value[key].via and not child.via:
                    self._check_overlap((*path, key), first.value[key], child)
        elif not first.via:
            self._fail(path, first, second)

    def _check_paths(self, path: Segments, node: Node) -> None:
        """Enter the path into a tree of all paths; a leaf at or above an entered one is given twice."""
        level = self.paths
        for segment in path[:-1]:
            below = level.setdefault(segment, {})
            if isinstance(below, Node) and (below.is_list or is_copy(below.value)):
                return  # an item of the list before it grows, or a change of what the copy brings
            if type(below) is not dict:
                self._fail(path, below, node)
            level = below
        self._enter(level, path, node)

    def _enter(self, level: dict[Key, object], path: Segments, node: Node) -> None:
        there = level.get(path[-1])
        if node.is_mapping and node.value and not any(special_key(key) for key in node.value):
            below = level.setdefault(path[-1], {})
            if isinstance(below, Node) and is_copy(below.value):
                return
            if type(below) is not dict:
                self._fail(path, below, node)
            for key, child in node.value.items():
                self._enter(below, (*path, key), child)
        elif there is not None:
            if type(there) is dict and (is_copy(node.value) or node.is_list):
                return
            self._fail(path, there, node)
        else:
            level[path[-1]] = node

    def _fail(self, path: Segments, first: object, second: Node) -> NoReturn:
        while type(first) is dict:
            first = next(iter(first.values()), None)
        where = f"; first at {first.key_place}" if isinstance(first, Node) else ""
        name = format_path((*self.at, *path))
        raise merge_error(
            f"{name} is given twice in one mapping{where}",
            (*self.at, *path),
            second,
            fix="remove one of the two",
        )


def _replaces(given: Node) -> bool:
    """Return whether what a file gives replaces the list that was there."""
    return given.is_list and bool(given.value) and not holds_mappings(given)
