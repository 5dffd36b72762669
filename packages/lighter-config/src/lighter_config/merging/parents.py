"""Walk to the target of a change through mappings and lists; make missing parents where that is allowed."""

from typing import NoReturn

from lighter_config.merging.changes import Change, merge_error
from lighter_config.sections import SECTIONS, SHAPES, SWEEP
from lighter_config.suggestions import nearest_names
from lighter_config.tree.missing import does_not_exist, expected_index
from lighter_config.tree.node import Key, Node, Segments, Trace, item_names, key_at
from lighter_config.tree.paths import format_path, format_segment
from lighter_config.tree.references import is_computed, is_copy
from lighter_config.tree.walking import follow

_OPEN_SECTIONS = [name for name, section in SECTIONS.items() if section.is_open]
_CREATABLE_SECTIONS = [name for name, section in SECTIONS.items() if not section.is_value]


def parent_of(root: Node, change: Change, at: Segments) -> tuple[Node, Key, Segments]:
    """Walk to the parent of the change's path.

    Returns:
        The parent, the last segment and nothing; or, when a ``%`` copy is on the way, the node that holds it, its
        key and the rest of the path, which is inside the copy.
    """
    node = root
    path = change.path
    for depth, segment in enumerate(path[:-1]):
        found = key_at(node, segment)
        here = (*at, *path[: depth + 1])
        if found is None:
            _check_may_create(node, change, at, depth)
            node.value[segment] = Node({}, change.value.origin, change.value.mark, change.value.key_mark)
            node = node.value[segment]
            continue
        child = node.value[found.key]
        if is_copy(child.value):
            return node, found.key, path[depth + 1 :]
        if child.is_mapping or (child.is_list and (type(path[depth + 1]) is int or key_at(child, path[depth + 1]))):
            node = child
            continue
        node.value[found.key] = node = instead_of_leaf(child, change, here, path[depth + 1])
    return node, path[-1], ()


def instead_of_leaf(child: Node, change: Change, at: Segments, segment: Key) -> Node:
    """Return the mapping that replaces a leaf on the way, where the change allows that."""
    if child.is_list:
        no_such_item(child, segment, (*at, segment), change.value)
    creatable = at[0] in _OPEN_SECTIONS or len(at) == 1
    if (
        change.kind != "delete"
        and not is_computed(child.value)
        and (not change.from_word or (child.value is None and creatable))
    ):
        return Node({}, change.value.origin, change.value.mark, change.value.key_mark, previous=child)
    inside = (*at, segment)
    if change.kind == "delete":
        nothing_to_delete(inside, child, inside, change.value)
    message = does_not_exist(format_path(inside), inside, len(at), child.value)
    fix = f"write ={format_path(at)}=…, where the leading = replaces the whole value, or edit it: {child.key_place}"
    if is_computed(child.value):
        fix = f"change what it refers to, or edit it: {child.place}"
    elif not change.from_word:
        fix = f"edit it: {child.place}"
    raise merge_error(message, at, change.value, fix=fix)


def _check_may_create(node: Node, change: Change, at: Segments, depth: int) -> None:
    """Raise unless the change may create the missing parent ``change.path[depth]``.

    A file may create any. An override may create anything in a section without a fixed shape; in the other
    sections only what is unlikely to be a typing mistake, because no name beside it is similar.
    """
    segment = change.path[depth]
    here = (*at, *change.path[: depth + 1])
    if node.is_list:
        no_such_item(node, segment, here, change.value)
    if change.kind == "delete":
        nothing_to_delete((*at, *change.path), node, here, change.value)
    # a sweep lies over lists that it lacks, and the items of a batch may be numbered
    for_an_item = type(change.path[depth + 1]) is int and here[0] not in (SWEEP, SHAPES)
    if not for_an_item and (not change.from_word or here[0] in _OPEN_SECTIONS):
        return
    names = [str(key) for key in node.value]
    if not at and not depth:
        names += [name for name in _CREATABLE_SECTIONS if name not in names]
    nearest = nearest_names(str(segment), names)
    in_a_section = here[0] in _CREATABLE_SECTIONS and (len(here) == 1 or not nearest)
    if not for_an_item and in_a_section:
        return
    item = f": a list with an item {change.path[depth + 1]} must be made first" if for_an_item else ""
    message, fix = f"{format_path(here)} does not exist{item}", ""
    if change.from_word and not at and str(segment)[:1] == "+":  # other tools write a new key so
        meant = format_path((str(segment)[1:], *change.path[1:]))
        fix = f"write ={meant}=… for a new key, or {meant}+=… to append to a list"
    raise merge_error(message, here, change.value, nearest=nearest, expected=tuple(names), fix=fix)


def nothing_to_delete(path: Segments, holder: Node, missing: Segments, cause: Trace) -> NoReturn:
    """Raise the error of a deletion of ``path``, of which ``missing`` is not in ``holder``, a mapping or a leaf."""
    name, where = format_path(path), format_path(missing[:-1])
    if holder.is_leaf:
        reason = does_not_exist(name, path, len(missing) - 1, holder.value).partition(": ")[2]
        fix = f"write ~{where} to delete the whole value"
        fix = f"change what it refers to, or {fix}" if is_computed(holder.value) else fix
        raise merge_error(f"{name} cannot be deleted: {reason}", path, cause, fix=fix)
    lacking = f"{where or 'the config'} has no `{format_segment(missing[-1])}`"
    reason = "it does not exist" if path == missing else lacking
    near = nearest_names(str(missing[-1]), map(str, holder.value))
    nearest = tuple(format_path((*missing[:-1], key)) for key in near)
    raise merge_error(
        f"{name} cannot be deleted: {reason}",
        path,
        cause,
        nearest=nearest,
        expected=tuple(map(str, holder.value)),
        fix=f"write {nearest[0]} instead of {format_path(missing)}" if nearest else "leave it out",
    )


def counted_now(base: Node, path: Segments, cause: Node, at: Segments) -> Segments:
    """Return the path with its indices counted in the present lists, before anything is appended to them."""
    node, counted, rest = follow(base, path)
    if rest and node.is_list:
        no_such_item(node, rest[0], (*at, *counted, rest[0]), cause)
    return (*counted, *rest)


def no_such_item(parent: Node, segment: Key, at: Segments, cause: Trace) -> NoReturn:
    """Raise the error of a segment that names no item of the list ``parent``."""
    num_items = len(parent.value)
    items = f"{num_items} item" + "s" * (num_items != 1)
    name = format_path(at[:-1]) or "the list"
    if type(segment) is int:
        raise merge_error(f"{format_path(at)} does not exist: {name} has {items}", at, cause)
    names = [str(node.value) for _, node in item_names(parent)]
    kind = "an index or a name" if names else "an index"
    raise merge_error(
        f"{format_segment(segment)!r} is not {kind} of the list {format_path(at[:-1])}".rstrip(),
        at,
        cause,
        expected=(*names, expected_index(num_items)),
        nearest=nearest_names(str(segment), names),
    )
