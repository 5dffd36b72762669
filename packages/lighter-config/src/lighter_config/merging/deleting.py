"""Delete from a tree what ``~`` names, whichever source set it."""

from dataclasses import replace

from lighter_config.merging.changes import Change, merge_error
from lighter_config.merging.parents import no_such_item, nothing_to_delete, parent_of
from lighter_config.tree.node import Node, Segments, key_at
from lighter_config.tree.origins import Word
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_copy
from lighter_config.tree.walking import follow


def delete(deletes: list[tuple[Node, Change]], at: Segments) -> None:
    """Carry out deletions; indices of a list are counted before any of them."""
    doomed: dict[int, tuple[Node, set[int]]] = {}
    for root, change in deletes:
        for target in _targets(change.path, change.value, at):
            parent, key, rest = parent_of(root, replace(change, path=target), at)
            if rest:
                child = parent.value[key]
                patch = Change("delete", rest, _nothing_at(change.value), change.from_word)
                child.patches = (*child.patches, patch)
                continue
            found = key_at(parent, key)
            here = (*at, *target)
            if found is None:
                if parent.is_list:
                    no_such_item(parent, key, here, change.value)
                nothing_to_delete(here, parent, here, change.value)
            if parent.is_list:
                doomed.setdefault(id(parent), (parent, set()))[1].add(found.key)
            else:
                del parent.value[found.key]
    for parent, indices in doomed.values():
        parent.value = [child for index, child in enumerate(parent.value) if index not in indices]


def delete_for_file(base: Node, given: Node, deletes: list[tuple[Segments, Node]], at: Segments) -> None:
    """Delete from what was there, and from what ``<<``, an alias or ``%`` brings in the same mapping."""
    here: list[tuple[Node, Change]] = []
    for path, node in deletes:
        for target in _targets(path, node, at):
            change = Change("delete", target, _nothing_at(node))
            is_brought = _brought(given, target) is not None
            if not takes_change(given, change, at) and (not is_brought or _leads_somewhere(base, target)):
                here.append((base, change))
    delete(here, at)


def takes_change(given: Node, change: Change, at: Segments) -> bool:
    """Remove what ``<<``, an alias or ``%`` brings at the path of a change in the same mapping.

    Returns:
        Whether the change is done: it is inside a copy, which stores it.
    """
    brought = _brought(given, change.path)
    if brought is None:
        return False
    holder, rest = brought
    if rest and is_copy(holder.value):
        holder.patches = (*holder.patches, change.below(len(change.path) - len(rest)))
        return True
    delete([(given, Change("delete", change.path, _nothing_at(change.value)))], at)
    return False


def _targets(path: Segments, node: Node, at: Segments) -> list[Segments]:
    """Return the paths to delete: the path itself, or the items that a list names."""
    if node.value is None:
        return [path]
    if node.is_list and all(type(child.value) in (int, str, bool, float) for child in node.value):
        return [(*path, child.value) for child in node.value]
    name = format_path((*at, *path))
    if isinstance(node.origin, Word):
        message = f"~{name} deletes: it takes no value but a list of what to delete, is {_shown(node)}"
        fix = f"write ~{name}, or ~{name}=[1,3] to delete items, or leave out the ~ to set the value"
    else:
        message = f"~{name} must be null or a list of what to delete, is {_shown(node)}"
        fix = f"write `~{name}: null`, or `~{name}: [1, 3]` to delete items"
    raise merge_error(message, (*at, *path), node, fix=fix)


def _shown(node: Node) -> str:
    return "a mapping" if node.is_mapping else "a list of other things" if node.is_list else repr(node.value)


def _brought(given: Node, target: Segments) -> tuple[Node, Segments] | None:
    """Find the node that ``<<``, an alias or ``%`` brings at the target, and the rest of the path inside a copy."""
    node, _, rest = follow(given, target)
    is_brought = is_copy(node.value) if rest else bool(node.via)
    return (node, rest) if is_brought else None


def _leads_somewhere(node: Node, target: Segments) -> bool:
    reached = follow(node, target)
    return not reached.rest or is_copy(reached.node.value)


def _nothing_at(node: Node) -> Node:
    return node.like(None)
