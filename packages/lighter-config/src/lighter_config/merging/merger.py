"""Combine trees: later files over earlier ones, and single changes at a path.

Files and words of the command line use the same few changes; what differs is that a file *merges* (lists grow,
missing mappings appear) and a word *sets* (lists are replaced, a missing parent is a mistake).
"""

from dataclasses import dataclass
from typing import Literal

from lighter_config.merging.changes import Change, merge_error
from lighter_config.merging.conflicts import GivenOnce
from lighter_config.merging.deleting import delete, delete_for_file, takes_change
from lighter_config.merging.parents import counted_now, instead_of_leaf, no_such_item, parent_of
from lighter_config.sections import SWEEP
from lighter_config.tree.keys import special_key
from lighter_config.tree.node import MAX_DEPTH, NAME, Key, Node, Segments, Trace, key_at
from lighter_config.tree.paths import format_path, format_segment
from lighter_config.tree.references import is_computed, is_copy
from lighter_config.tree.walking import holds_mappings

_ADDS_UP = "_requires_"
OVER, FILES = (SWEEP, "over"), (SWEEP, "files")
"""The paths below which a sweep has its dimensions, and its choices of files."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A merge whose result may not be what the user wants.

    Attributes:
        kind: ``empty`` is an empty mapping or list that changed nothing; ``components`` is a list of components that a
            list of plain values replaced; ``overwritten`` is an override that a later file replaced.
        node: The value after the merge.
        before: The setting before it.
        given: The setting that was merged.
    """

    kind: Literal["empty", "components", "overwritten"]
    node: Node
    before: Trace
    given: Trace


class Merger:
    """Applies changes to one tree, and records growing lists, which the user may not have meant.

    Nodes of the tree are changed in place; nodes of a change become part of the tree.
    """

    def __init__(self) -> None:
        self.doubts: list[Doubt] = []

    def merge(self, root: Node, incoming: Node) -> None:
        """Merge a later source into ``root``; both are mappings.

        Raises:
            MergeError: The two cannot be combined.
        """
        self._merge_mapping(root, incoming, (), appending=True)

    def apply(self, root: Node, change: Change, at: Segments = ()) -> Node:
        """Apply one change at or below ``root``, which is at the path ``at``; return the node that is there now.

        Raises:
            MergeError: The path does not exist, or its value cannot be changed like this.
        """
        if not change.path:
            return self._changed(root, change, at)
        if type(root.value) not in (dict, list):
            root = instead_of_leaf(root, change, at, change.path[0])
        parent, key, rest = parent_of(root, change, at)
        if rest:
            child = parent.value[key]
            child.patches = (*child.patches, change.below(len(change.path) - len(rest)))
            return root
        here = (*at, *change.path)
        found = key_at(parent, key)
        if change.kind == "delete":
            delete([(root, change)], at)
            return root
        if found is None:
            if type(parent.value) is list:
                no_such_item(parent, key, here, change.value)
            parent.value[key] = self._fresh(change, here)
        else:
            old = parent.value[found.key]
            new = parent.value[found.key] = self._changed(old, change, here)
            if found.key != key and parent.is_list and new.is_mapping and type(key) is str:
                new.value.setdefault(NAME, old.value[NAME])  # what replaces an item keeps its name
        return root

    def settled(self, node: Node) -> Node:
        """Return a tree with every operator and path among its keys carried out, as in a first file.

        Raises:
            MergeError: An operator has nothing to work on.
        """
        return self._settled(node, ())

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
            delete([(old, change)], at)
            return old
        return _succeeding(self._settled(new, at), old)

    def _fresh(self, change: Change, at: Segments) -> Node:
        """Return the node that a change puts where nothing was."""
        value = self._settled(change.value, at)
        if change.kind == "append" and type(value.value) is not list:
            return value.like([value])
        return value

    def _combined(self, old: Node, new: Node, at: Segments, *, appending: bool) -> Node:
        if type(new.value) is dict:
            if not new.value and old.value and (type(old.value) is dict or is_copy(old.value)):
                self.doubts.append(Doubt("empty", old, old.trace, new))
                return old
            if type(old.value) is dict:
                self._merge_mapping(old, new, at, appending=appending)
                return old
            if is_copy(old.value):
                old.patches = (*old.patches, Change("merge" if appending else "set", (), new))
                return old
            if is_computed(old.value):
                message = f"a mapping cannot be merged into {format_path(at)}, which is {old.value!r}"
                key = format_segment(at[-1])
                fix = f"write ={key} to replace it, change what it refers to, or edit it: {old.key_place}"
                raise merge_error(message, at, new, fix=fix)
            new = self._settled(new, at)
        elif type(new.value) is list:
            new = self._settled(new, at)
            if appending and type(old.value) is list and (not at or at[-1] != _ADDS_UP):
                return self._combined_lists(old, new)
        if at and at[-1] == _ADDS_UP and appending:
            return self._added_up(old, new)
        new.previous = old
        return new

    def _combined_lists(self, old: Node, new: Node) -> Node:
        """Append a list that holds mappings; let a list of plain values replace the old list."""
        if holds_mappings(new):
            old.append(new.value, new)
            return old
        if holds_mappings(old):
            if not new.value:
                self.doubts.append(Doubt("empty", old, old.trace, new))
                return old
            self.doubts.append(Doubt("components", new, old.trace, new))
        new.previous = old
        return new

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
            kind = "a mapping" if type(old.value) is dict else repr(old.value)
            sign, key = ("+=", format_path(at)) if change.from_word else ("+", format_segment(at[-1]))
            fix = f"write {key}=… to set it" if change.from_word else f"write `{key}:` without +"
            message = f"{sign} adds to a list, but {format_path(at)} is {kind}"
            raise merge_error(message, at, new, fix=f"{fix}, or edit it: {old.key_place}")
        old.append(list(items), new)
        return old

    def _settled(self, node: Node, at: Segments) -> Node:
        """Return the node with every operator and path among its keys carried out."""
        if node.settled:
            return node
        if type(node.value) is list:
            if at[:2] in (OVER, FILES):  # choices merge into the config of a trial, with their operators
                return node
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
            raise merge_error(f"a config can be {MAX_DEPTH} levels deep; this is deeper", at[:3], incoming)
        if not incoming.settled:
            self._merge_special(base, incoming, at, appending=appending)
            return
        children = base.value
        for key, new in incoming.value.items():
            old = children.get(key)
            children[key] = new if old is None else self._combined(old, new, (*at, key), appending=appending)

    def _merge_special(self, base: Node, incoming: Node, at: Segments, *, appending: bool) -> None:
        """Merge a mapping with special keys: first deletes, then replaces, then merges, then appends."""
        ordinary: dict[Key, Node] = {}
        deletes: list[tuple[Segments, Node]] = []
        replaces: list[tuple[Segments, Node]] = []
        paths: list[tuple[Segments, Node]] = []
        appends: list[tuple[Segments, Node]] = []
        for key, node in incoming.value.items():
            special = special_key(key)
            if special is None:
                ordinary[key] = node
            elif special.operator == "~":
                deletes.append((special.path, node))
            elif special.operator == "=":
                replaces.append((special.path, node))
            elif special.operator == "+":
                appends.append((special.path, node))
            else:
                paths.append((special.path, node))
        given = incoming.like(ordinary)
        GivenOnce(base, given, at).check([*replaces, *paths, *appends])

        delete_for_file(base, given, deletes, at)
        kind: Literal["merge", "set"] = "merge" if appending else "set"
        for path, node in replaces:
            if not takes_change(given, Change("replace", path, node), at):
                self.apply(base, Change("replace", path, node), at)
        located = [(counted_now(base, path, node, at), node) for path, node in paths]
        for key, new in ordinary.items():
            old = base.value.get(key)
            here = (*at, key)
            base.value[key] = (
                self._settled(new, here) if old is None else self._combined(old, new, here, appending=appending)
            )
        for path, node in located:
            self.apply(base, Change(kind, path, node), at)
        for path, node in appends:
            self.apply(base, Change("append", path, node), at)


def _succeeding(new: Node, old: Node) -> Node:
    """Return what replaces ``old``; it, and each path in both, remember the places that set them before."""
    work = [(new, old)]
    while work:
        after, before = work.pop()
        after.previous = before
        if type(after.value) is dict and type(before.value) is dict:
            work.extend((child, before.value[key]) for key, child in after.value.items() if key in before.value)
    return new
