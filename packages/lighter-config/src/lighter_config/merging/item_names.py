"""The names of list items: each is text, and no two items of a list have the same."""

from collections.abc import Iterable, Iterator

from lighter_config.findings import Finding
from lighter_config.tree.node import NAME, Node, Segments, item_names
from lighter_config.tree.paths import SEPARATOR, format_path, parse_path


def wrong_item_names(nodes: Iterable[tuple[Segments, Node]]) -> Iterator[Finding]:
    """Find the names of list items that a path cannot name, or that two items of a list share, among all nodes."""
    for path, node in nodes:
        if not node.is_list:
            continue
        seen: dict[str, Node] = {}
        for index, name in item_names(node):
            here = format_path((*path, index, NAME))
            if not _can_be_in_a_path(name.value):
                yield Finding(
                    message=f"{here} must be a name, is {name.value!r}",
                    path=here,
                    place=name.place,
                    excerpt=name.excerpt,
                    expected=(f"text that is not a number and holds no {SEPARATOR}",),
                )
            elif name.value in seen:
                yield Finding(
                    message=f"two items of {format_path(path)} are named {name.value!r}",
                    path=here,
                    place=name.place,
                    excerpt=name.excerpt,
                    fix=f"rename one; to change the item of {seen[name.value].place}, "
                    f"write {format_path((*path, name.value))}::argument",
                )
            else:
                seen[name.value] = name


def _can_be_in_a_path(name: object) -> bool:
    return isinstance(name, str) and bool(name) and SEPARATOR not in name and parse_path(name) == (name,)
