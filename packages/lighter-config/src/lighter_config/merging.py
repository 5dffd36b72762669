"""Combine trees: later files over earlier ones, and single changes at a path.

Files and words of the command line use the same few changes; what differs is that a file *merges* (lists grow,
missing mappings appear) and a word *sets* (lists are replaced, a missing parent is a mistake).
"""

from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from lighter_config.errors import MergeError
from lighter_config.findings import Finding
from lighter_config.keys import special_key
from lighter_config.paths import format_path, format_segment
from lighter_config.provenance import MAX_DEPTH, Key, Node, Segments, Trace, child_at, key_at
from lighter_config.references import is_built, is_copy
from lighter_config.suggestions import nearest_names

FREE_SECTIONS = ("args", "vars", "_imports_")
"""Sections whose content has no fixed shape: a word may create any path in them."""

SECTIONS = ("trainer", "system", "model", "data", *FREE_SECTIONS, "_requires_")
"""Sections that a word may create, with what it sets in them."""

_ADDS_UP = "_requires_"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a tree.

    Attributes:
        kind: ``merge`` combines as a later file does; ``set`` replaces, but merges a mapping; ``replace`` replaces
            whatever was there; ``delete`` removes; ``append`` extends a list.
        path: Where, from the node that the change is applied to.
        value: What to put there, or the node that asks for a deletion.
        from_word: Whether a word of the command line asks for it: then parents must exist.
    """

    kind: Literal["merge", "set", "replace", "delete", "append"]
    path: Segments
    value: Node
    from_word: bool = False

    def below(self, depth: int) -> "Change":
        """Return the change as seen from ``depth`` levels further down."""
        return replace(self, path=self.path[depth:])


@dataclass(frozen=True, slots=True)
class Growth:
    """A list of plain values that grew because two files both give it."""

    node: Node
    before: Trace
    added: Trace


class Merger:
    """Applies changes to one tree, and remembers what the user may not have meant.

    Nodes of the tree are changed in place; nodes of a change become part of the tree.
    """

    def __init__(self) -> None:
        self.growths: list[Growth] = []

    def merge(self, root: Node, incoming: Node) -> None:
        """Merge a later source into ``root``; both are mappings.

        Raises:
            MergeError: The two cannot be combined.
        """
        self._merge_mapping(root, incoming, (), appending=True)

    def apply(self, root: Node, change: Change, at: Segments = ()) -> Node:
        """Apply one change at or below ``root``, which is at the path ``at``; return the node that is there now.

        Raises:
            MergeError: The path leads nowhere, or what is there cannot be changed like this.
        """
        if not change.path:
            return self._changed(root, change, at)
        if type(root.value) not in (dict, list):
            root = self._instead_of_leaf(root, change, at, change.path[0])
        parent, key, rest = self._descend(root, change, at)
        if rest:
            child = parent.value[key]
            child.patches = (*child.patches, change.below(len(change.path) - len(rest)))
            return root
        here = (*at, *change.path)
        found = key_at(parent, key)
        if change.kind == "delete":
            self._delete([(root, change)], at)
            return root
        if found is None:
            if type(parent.value) is list:
                _no_such_item(parent, key, here, change.value)
            parent.value[key] = self._fresh(change, here)
        else:
            parent.value[found.key] = self._changed(parent.value[found.key], change, here)
        return root

    # one value over another

    def _changed(self, old: Node, change: Change, at: Segments) -> Node:
        """Return what replaces ``old`` when the change is exactly there."""
        new = change.value
        if change.kind == "merge":
            return self._combined(old, new, at, appending=True)
        if change.kind == "set":
            return self._combined(old, new, at, appending=False)
        if change.kind == "append":
            return self._appended(old, change, at)
        if change.kind == "delete":
            self._delete([(old, change)], at)
            return old
        new = self._settled(new, at)
        new.previous = old
        return new

    def _fresh(self, change: Change, at: Segments) -> Node:
        """Return the node that a change puts where nothing was."""
        value = self._settled(change.value, at)
        if change.kind == "append" and type(value.value) is not list:
            return value.like([value])
        return value

    def _combined(self, old: Node, new: Node, at: Segments, *, appending: bool) -> Node:
        if type(new.value) is dict:
            if type(old.value) is dict:
                self._merge_mapping(old, new, at, appending=appending)
                return old
            if is_copy(old.value):
                old.patches = (*old.patches, Change("merge" if appending else "set", (), new))
                return old
            if is_built(old.value):
                message = f"{format_path(at)} is {old.value!r}, set at {old.place}; a mapping cannot be merged into it"
                raise _error(
                    message, at, new, fix=f"write ={format_segment(at[-1])} to replace it, or change what it refers to"
                )
            new = self._settled(new, at)
        elif type(new.value) is list:
            new = self._settled(new, at)
            if appending and type(old.value) is list:
                return self._grown(old, new, at)
        if at and at[-1] == _ADDS_UP and appending:
            return self._added_up(old, new)
        new.previous = old
        return new

    def _grown(self, old: Node, new: Node, at: Segments) -> Node:
        items = [*old.value, *new.value]
        if old.value and new.value and (not at or at[-1] != _ADDS_UP) and _is_plain_list(items):
            self.growths.append(Growth(old, old.trace, new.trace))
        old.set_again_by(new)
        old.value.extend(new.value)
        return old

    def _added_up(self, old: Node, new: Node) -> Node:
        items = [*(old.value if type(old.value) is list else [old]), *(new.value if type(new.value) is list else [new])]
        node = new.like(items)
        node.previous = old
        return node

    def _appended(self, old: Node, change: Change, at: Segments) -> Node:
        if is_copy(old.value):
            old.patches = (*old.patches, change.below(len(change.path)))
            return old
        new = self._settled(change.value, at)
        items = new.value if type(new.value) is list else [new]
        if old.value is None:
            node = new.like(list(items))
            node.previous = old
            return node
        if type(old.value) is not list:
            kind = "a mapping" if type(old.value) is dict else f"`{old.value}`"
            message = f"{format_path(at)} is {kind}, set at {old.place}; += adds to a list"
            raise _error(message, at, new, fix=f"write {format_path(at)}=… to set it")
        old.set_again_by(new)
        old.value.extend(items)
        return old

    def _settled(self, node: Node, at: Segments) -> Node:
        """Return the node with every operator and path among its keys carried out."""
        if node.settled:
            return node
        if type(node.value) is list:
            node.value = [self._settled(child, (*at, index)) for index, child in enumerate(node.value)]
            node.settled = True
            return node
        result = node.like({})
        result.settled = True
        self._merge_keys(result, node, at, appending=True)
        return result

    def _merge_mapping(self, base: Node, incoming: Node, at: Segments, *, appending: bool) -> None:
        if at:
            base.set_again_by(incoming)
        self._merge_keys(base, incoming, at, appending=appending)

    def _merge_keys(self, base: Node, incoming: Node, at: Segments, *, appending: bool) -> None:
        if len(at) > MAX_DEPTH:
            raise _error(f"nested deeper than {MAX_DEPTH} levels", at[:3], incoming)
        if not incoming.settled:
            self._merge_special(base, incoming, at, appending=appending)
            return
        children = base.value
        for key, new in incoming.value.items():
            old = children.get(key)
            children[key] = new if old is None else self._combined(old, new, (*at, key), appending=appending)

    # operators and paths among the keys

    def _merge_special(self, base: Node, incoming: Node, at: Segments, *, appending: bool) -> None:
        """Merge a mapping with special keys: deletes, then replaces, then merges, in whatever order they stand."""
        ordinary: dict[Key, Node] = {}
        deletes: list[tuple[Segments, Node]] = []
        replaces: list[tuple[Segments, Node]] = []
        paths: list[tuple[Segments, Node]] = []
        for key, node in incoming.value.items():
            special = special_key(key)
            if special is None:
                ordinary[key] = node
            elif special.operator == "~":
                deletes.append((special.path, node))
            elif special.operator == "=":
                replaces.append((special.path, node))
            else:
                paths.append((special.path, node))
        given = incoming.like(ordinary)
        _GivenOnce(base, given, at).check([*replaces, *paths])

        self._delete_for_file(base, given, deletes, at)
        kind: Literal["merge", "set"] = "merge" if appending else "set"
        for path, node in replaces:
            if not self._takes_change(given, Change("replace", path, node), at):
                self.apply(base, Change("replace", path, node), at)
        located = [(_counted_now(base, path, node, at), node) for path, node in paths]
        for key, new in ordinary.items():
            old = base.value.get(key)
            here = (*at, key)
            base.value[key] = (
                self._settled(new, here) if old is None else self._combined(old, new, here, appending=appending)
            )
        for path, node in located:
            self.apply(base, Change(kind, path, node), at)

    def _delete_for_file(self, base: Node, given: Node, deletes: list[tuple[Segments, Node]], at: Segments) -> None:
        """Delete from what was there, and from what ``<<``, an alias or ``%`` brings in the same mapping."""
        here: list[tuple[Node, Change]] = []
        for path, node in deletes:
            for target in _targets(path, node, at):
                change = Change("delete", target, _nothing_at(node))
                is_brought = _brought(given, target) is not None
                if not self._takes_change(given, change, at) and (not is_brought or _leads_somewhere(base, target)):
                    here.append((base, change))
        self._delete(here, at)

    def _takes_change(self, given: Node, change: Change, at: Segments) -> bool:
        """Let what ``<<``, an alias or ``%`` brings beside a change give way to it.

        Returns:
            Whether that is all: the change is for a copy, which keeps it.
        """
        brought = _brought(given, change.path)
        if brought is None:
            return False
        holder, rest = brought
        if rest and is_copy(holder.value):
            holder.patches = (*holder.patches, change.below(len(change.path) - len(rest)))
            return True
        self._delete([(given, Change("delete", change.path, _nothing_at(change.value)))], at)
        return False

    def _delete(self, deletes: list[tuple[Node, Change]], at: Segments) -> None:
        """Carry out deletions; indices of a list are counted before any of them."""
        doomed: dict[int, tuple[Node, set[int]]] = {}
        for root, change in deletes:
            for target in _targets(change.path, change.value, at):
                parent, key, rest = self._descend(root, replace(change, path=target), at)
                if rest:
                    child = parent.value[key]
                    patch = Change("delete", rest, _nothing_at(change.value), change.from_word)
                    child.patches = (*child.patches, patch)
                    continue
                found = key_at(parent, key)
                here = (*at, *target)
                if found is None:
                    if type(parent.value) is list:
                        _no_such_item(parent, key, here, change.value)
                    raise _error(
                        f"{format_path(here)} cannot be deleted: it does not exist",
                        here,
                        change.value,
                        nearest=nearest_names(str(key), map(str, parent.value)),
                        expected=tuple(map(str, parent.value)),
                    )
                if type(parent.value) is list:
                    doomed.setdefault(id(parent), (parent, set()))[1].add(found.key)
                else:
                    del parent.value[found.key]
        for parent, indices in doomed.values():
            parent.value = [child for index, child in enumerate(parent.value) if index not in indices]

    # finding the way

    def _descend(self, root: Node, change: Change, at: Segments) -> tuple[Node, Key, Segments]:
        """Walk to the parent of the change's path.

        Returns:
            The parent, the last segment and nothing; or, when a ``%`` copy is on the way, the node that holds it, its
            key and the rest of the path, which is a matter of the copy.
        """
        node = root
        path = change.path
        for depth, segment in enumerate(path[:-1]):
            found = key_at(node, segment)
            here = (*at, *path[: depth + 1])
            if found is None:
                self._check_may_create(node, change, at, depth)
                node.value[segment] = Node({}, change.value.origin, change.value.mark, change.value.key_mark)
                node = node.value[segment]
                continue
            child = node.value[found.key]
            if is_copy(child.value):
                return node, found.key, path[depth + 1 :]
            if type(child.value) is dict or (type(child.value) is list and type(path[depth + 1]) is int):
                node = child
                continue
            node.value[found.key] = node = self._instead_of_leaf(child, change, here, path[depth + 1])
        return node, path[-1], ()

    def _instead_of_leaf(self, child: Node, change: Change, at: Segments, segment: Key) -> Node:
        """Return the mapping that replaces a leaf on the way, where that is what the user asks for."""
        if type(child.value) is list:
            expected = (
                f"an index from 0 to {len(child.value) - 1}, or -1 for the last" if child.value else "an empty list"
            )
            raise _error(
                f"{format_path(at)} is a list; {format_segment(segment)!r} is not an index",
                at,
                change.value,
                expected=(expected,),
            )
        creatable = at[0] in FREE_SECTIONS or len(at) == 1
        if (
            change.kind != "delete"
            and not is_built(child.value)
            and (not change.from_word or (child.value is None and creatable))
        ):
            return Node({}, change.value.origin, change.value.mark, change.value.key_mark, previous=child)
        message = f"{format_path(at)} is `{child.value}`, set at {child.place}, and has nothing inside"
        fix = "change what it refers to" if is_built(child.value) else f"write ={format_path(at)}=… to replace it"
        raise _error(message, at, change.value, fix=fix if change.from_word or is_built(child.value) else "")

    def _check_may_create(self, node: Node, change: Change, at: Segments, depth: int) -> None:
        """Raise unless the change may create the missing parent ``change.path[depth]``.

        A file may create any. A word may only create what cannot be a slip of the pen: anything in a section without
        a fixed shape, and in the other sections what has no near name beside it.
        """
        segment = change.path[depth]
        here = (*at, *change.path[: depth + 1])
        if type(node.value) is list:
            _no_such_item(node, segment, here, change.value)
        for_an_item = type(change.path[depth + 1]) is int
        if change.kind != "delete" and not for_an_item and (not change.from_word or here[0] in FREE_SECTIONS):
            return
        names = [str(key) for key in node.value]
        if not at and not depth:
            names += [name for name in SECTIONS if name not in names]
        nearest = nearest_names(str(segment), names)
        in_a_section = here[0] in SECTIONS and (len(here) == 1 or not nearest)
        if change.kind != "delete" and not for_an_item and in_a_section:
            return
        item = f", so it has no item {change.path[depth + 1]}" if for_an_item else ""
        raise _error(
            f"{format_path(here)} does not exist{item}", here, change.value, nearest=nearest, expected=tuple(names)
        )


def _no_such_item(parent: Node, segment: Key, at: Segments, cause: Trace) -> NoReturn:
    num_items = len(parent.value)
    items = f"{num_items} item" + "s" * (num_items != 1)
    name = format_path(at[:-1]) or "the list"
    if type(segment) is int:
        raise _error(f"{format_path(at)} does not exist: {name} has {items}", at, cause)
    expected = (f"an index from 0 to {num_items - 1}, or -1 for the last",) if num_items else ()
    raise _error(
        f"{name} is a list of {items}; {format_segment(segment)!r} is not an index", at, cause, expected=expected
    )


class _GivenOnce:
    """Checks that one mapping does not give a leaf twice, once nested and once by a path."""

    def __init__(self, base: Node, given: Node, at: Segments) -> None:
        self.base = base
        self.given = given
        self.at = at
        self.paths: dict[Key, object] = {}

    def check(self, paths: list[tuple[Segments, Node]]) -> None:
        for path, node in paths:
            self._check_nested(path, node)
            self._check_paths(path, node)

    def _check_nested(self, path: Segments, node: Node) -> None:
        other: Node | None = self.given
        base: Node | None = self.base
        for segment in path:
            assert other is not None
            if base is not None and (type(base.value) is list or is_copy(base.value)):
                return  # an index counts the list before it grows, so it names no item of the given one
            base = child_at(base, segment) if base is not None and type(base.value) is dict else None
            if type(other.value) is dict or (type(other.value) is list and type(segment) is int):
                other = child_at(other, segment)
                if other is None or other.via:
                    return
            elif is_copy(other.value) or type(other.value) is list:
                return
            else:
                self._fail(path, other, node)
        if other is not None and not (type(node.value) is dict and is_copy(other.value)):
            self._check_overlap(path, other, node)

    def _check_overlap(self, path: Segments, first: Node, second: Node) -> None:
        if type(first.value) is dict and type(second.value) is dict:
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
            if isinstance(below, Node) and (type(below.value) is list or is_copy(below.value)):
                return  # an item of the list before it grows, or a change of what the copy brings
            if type(below) is not dict:
                self._fail(path, below, node)
            level = below
        self._enter(level, path, node)

    def _enter(self, level: dict[Key, object], path: Segments, node: Node) -> None:
        there = level.get(path[-1])
        if type(node.value) is dict and node.value and not any(special_key(key) for key in node.value):
            below = level.setdefault(path[-1], {})
            if isinstance(below, Node) and is_copy(below.value):
                return
            if type(below) is not dict:
                self._fail(path, below, node)
            for key, child in node.value.items():
                self._enter(below, (*path, key), child)
        elif there is not None:
            if type(there) is dict and (is_copy(node.value) or type(node.value) is list):
                return
            self._fail(path, there, node)
        else:
            level[path[-1]] = node

    def _fail(self, path: Segments, first: object, second: Node) -> NoReturn:
        while type(first) is dict:
            first = next(iter(first.values()), None)
        where = f" at {first.key_place}" if isinstance(first, Node) else ""
        name = format_path((*self.at, *path))
        raise _error(
            f"{name} is given twice in one mapping, here and{where}",
            (*self.at, *path),
            second,
            fix="remove one of the two",
        )


def _targets(path: Segments, node: Node, at: Segments) -> list[Segments]:
    """Return what a deletion means: the path itself, or the items of it that a list names."""
    if node.value is None:
        return [path]
    if type(node.value) is list and all(type(child.value) in (int, str, bool, float) for child in node.value):
        return [(*path, child.value) for child in node.value]
    name = format_path((*at, *path))
    fix = f"write `~{name}: null`, or `~{name}: [1, 3]` to delete items"
    raise _error(f"~{name} takes null or a list of what to delete", (*at, *path), node, fix=fix)


def _nothing_at(node: Node) -> Node:
    return node.like(None)


def _brought(given: Node, target: Segments) -> tuple[Node, Segments] | None:
    """Find what ``<<``, an alias or ``%`` brings at the target: the node, and the path that is left inside a copy."""
    node = given
    for depth, segment in enumerate(target):
        if is_copy(node.value):
            return node, target[depth:]
        if type(node.value) not in (dict, list):
            return None
        child = child_at(node, segment)
        if child is None:
            return None
        node = child
    return (node, ()) if node.via else None


def _leads_somewhere(node: Node, target: Segments) -> bool:
    for segment in target:
        if is_copy(node.value):
            return True
        child = child_at(node, segment) if type(node.value) in (dict, list) else None
        if child is None:
            return False
        node = child
    return True


def _counted_now(base: Node, path: Segments, cause: Node, at: Segments) -> Segments:
    """Return the path with indices counted in the lists as they are now, before anything is appended to them."""
    counted: list[Key] = []
    node: Node | None = base
    for segment in path:
        if node is not None and type(node.value) is list:
            found = key_at(node, segment)
            if found is None:
                _no_such_item(node, segment, (*at, *counted, segment), cause)
            counted.append(found.key)
            node = node.value[found.key]
        else:
            counted.append(segment)
            node = child_at(node, segment) if node is not None and type(node.value) is dict else None
    return tuple(counted)


def _is_plain_list(items: list[Node]) -> bool:
    return all(type(item.value) not in (dict, list) for item in items)


def _error(
    message: str,
    path: Segments,
    cause: Trace,
    *,
    nearest: tuple[str, ...] = (),
    expected: tuple[str, ...] = (),
    fix: str = "",
) -> MergeError:
    if nearest and not fix:
        fix = f"did you mean {format_path((*path[:-1], nearest[0]))}?"
    return MergeError(
        Finding(
            message=message,
            path=format_path(path),
            place=cause.key_place,
            excerpt=cause.excerpt,
            nearest=nearest,
            expected=expected,
            fix=fix,
        )
    )
