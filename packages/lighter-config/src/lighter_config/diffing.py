"""What differs between two configs, with the place of both sides."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lighter_config.config import Config
from lighter_config.places import Place
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.paths import format_path


class Kind(StrEnum):
    """How two configs differ at a path."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One path at which two configs differ.

    Attributes:
        path: The path; of a part that only one side has, the path of the whole part.
        kind: ``added`` is only in the second config, ``removed`` only in the first.
        before: The value in the first config, nothing built.
        after: The value in the second.
        before_place: Where the first value was set.
        after_place: Where the second value was set.
    """

    path: str
    kind: Kind
    before: Any = None
    after: Any = None
    before_place: Place | None = None
    after_place: Place | None = None

    def __str__(self) -> str:
        """Say it in one line.

        >>> print(Difference("lr", Kind.CHANGED, 0.1, 0.2, Place("a.yaml", 1, 5), Place("command line", word=2)))
        lr: 0.1 (a.yaml:1:5) -> 0.2 (command line, word 2)
        """
        if self.kind is Kind.ADDED:
            return f"{self.path}: added {self.after!r} ({self.after_place})"
        if self.kind is Kind.REMOVED:
            return f"{self.path}: removed {self.before!r} ({self.before_place})"
        return f"{self.path}: {self.before!r} ({self.before_place}) -> {self.after!r} ({self.after_place})"


def diff(first: Config, second: Config) -> list[Difference]:
    """Compare two configs after merging.

    References are compared as written: a copy that follows a changed source is not listed again. Where a copy was
    changed itself, the copies are compared.

    >>> from lighter_config import load
    >>> [str(item.path) for item in diff(load({"a": 1, "b": {"c": 2}}), load({"a": 1, "b": {"c": 3, "d": 4}}))]
    ['b::c', 'b::d']
    """
    differences: list[Difference] = []
    work: list[tuple[Segments, Node, Node]] = [((), first._root, second._root)]
    while work:
        path, before, after = work.pop()
        if type(before.value) is dict and type(after.value) is dict:
            old, new = before.value, after.value
            differences.extend(_removed((*path, key), old[key]) for key in old if key not in new)
            differences.extend(_added((*path, key), new[key]) for key in new if key not in old)
            work.extend(((*path, key), old[key], new[key]) for key in new if key in old)
        elif type(before.value) is list and type(after.value) is list:
            shorter = min(len(before.value), len(after.value))
            work.extend(((*path, index), before.value[index], after.value[index]) for index in range(shorter))
            differences.extend(
                _removed((*path, index), before.value[index]) for index in range(shorter, len(before.value))
            )
            differences.extend(_added((*path, index), after.value[index]) for index in range(shorter, len(after.value)))
        elif (
            before.value == after.value
            and type(before.value) is type(after.value)
            and (before.patches or after.patches)
        ):
            expanded = (first.expanded()._node_at(path), second.expanded()._node_at(path))
            if all(node is not None and type(node.value) in (dict, list) for node in expanded):
                work.append((path, *expanded))  # type: ignore[arg-type]
        elif type(before.value) is not type(after.value) or not _equal(before.value, after.value):
            text = format_path(path)
            change = Difference(text, Kind.CHANGED, before.plain(), after.plain(), before.place, after.place)
            differences.append(change)
    return sorted(differences, key=lambda difference: difference.path)


def _added(path: Segments, node: Node) -> Difference:
    return Difference(format_path(path), Kind.ADDED, after=node.plain(), after_place=node.place)


def _removed(path: Segments, node: Node) -> Difference:
    return Difference(format_path(path), Kind.REMOVED, before=node.plain(), before_place=node.place)


def _equal(before: Any, after: Any) -> bool:
    return before is after or bool(before == after) or (before != before and after != after)
