"""Replace every ``%`` reference by a copy of what it names, once all sources are merged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lighter_config.building.trampoline import Steps, run
from lighter_config.errors import CircularReferenceError, ConfigError, MergeError, ReferenceNotFoundError
from lighter_config.findings import Finding
from lighter_config.merging.changes import Change
from lighter_config.merging.merger import Merger
from lighter_config.suggestions import nearest_names
from lighter_config.tree.cycles import circular_reference
from lighter_config.tree.missing import does_not_exist, expected_index, how_to_refer
from lighter_config.tree.node import MAX_DEPTH, MAX_VALUES, Node, Segments, key_at
from lighter_config.tree.paths import format_path, with_separators
from lighter_config.tree.reference_syntax import Reference
from lighter_config.tree.references import absolute_path, default_of, find_references, is_copy, written
from lighter_config.tree.walking import follow, walk

OpenFile = Callable[[str, Path | None], tuple[str, Node]]
"""Reads another file, relative to a folder: its name among the roots, and its tree."""

VIA_COPY = "copied by % from"


class Copier:
    """Copies within one merged tree. The tree itself is left as it is.

    References are looked up in the tree as written. Each ``%`` on the way is opened on demand: it is copied, without
    copying the ``%`` references in it, and its pending patches are applied. So the result does not depend on the order
    of the references.
    """

    def __init__(self, root: Node, open_file: OpenFile) -> None:
        self.root = root
        self.open_file = open_file
        self.files: dict[str, Node] = {}
        self.errors: dict[int, ConfigError] = {}
        """Why a reference could not be copied, by the identity of its node, which stays in the tree."""
        self.pristine: dict[int, Node] = {}
        """For each patched reference its copy before the patches, by the identity of the node."""
        self._opened: dict[int, Node] = {}
        self._opening: dict[int, tuple[Segments, Node]] = {}
        self._kept: list[Node] = []  # nodes whose identity is used must stay alive
        self._num_values = 0

    def copied(self) -> Node:
        """Return the tree with every reference copied; a reference that cannot be copied stays, and has a finding."""
        tree = self._all_copied(self.root, ())
        for name in self.files_referred_to(tree):
            tree.value[name] = self._all_copied(self.files[name], (name,))
        return tree

    def opened(self, node: Node, at: Segments) -> Node:
        """Return the copy that replaces the reference in ``node``; the references in the copy are not copied yet.

        Raises:
            ConfigError: The reference does not exist or is circular, or a patch does not fit.
        """
        found: Node = run(self._open(node, at))
        return found

    def _all_copied(self, root: Node, at: Segments) -> Node:
        holder = root.like({None: root})
        work: list[tuple[Node, object, Segments]] = [(holder, None, at)]
        while work:
            parent, key, path = work.pop()
            node: Node = parent.value[key]
            if is_copy(node.value):
                node = self._opened_or_left(node, path)
            if type(node.value) is dict:
                node = node.like(dict(node.value))
                for name, child in node.value.items():
                    if type(child.value) in (dict, list) or is_copy(child.value):
                        work.append((node, name, (*path, name)))
            elif type(node.value) is list:
                node = node.like(list(node.value))
                for index, child in enumerate(node.value):
                    if type(child.value) in (dict, list) or is_copy(child.value):
                        work.append((node, index, (*path, index)))
            parent.value[key] = node
        tree: Node = holder.value[None]
        return tree

    def _opened_or_left(self, node: Node, path: Segments) -> Node:
        try:
            return self.opened(node, path)
        except ConfigError as error:
            self.errors[id(node)] = error
            return node

    def _open(self, node: Node, at: Segments) -> Steps:
        if id(node) in self._opened:
            return self._opened[id(node)]
        if id(node) in self._opening:
            raise self._cycle(node)
        reference = self._reference(node, at)
        self._opening[id(node)] = (at, node)
        try:
            source_at = self._target(reference, node, at)
            if source_at == at[: len(source_at)] or self._written_as(node) in node.lineage:
                raise CircularReferenceError(circular_reference([(at, node)]))
            try:
                source = yield self._find(source_at, reference, node, at)
            except ReferenceNotFoundError:
                if reference.default is None:
                    raise
                source = node.like(default_of(reference))
                source.patches = ()
            if is_copy(source.value):
                source = yield self._open(source, source_at)
            pristine = self._copy(source, source_at, at, node, (*node.lineage, self._written_as(node)))
            result = pristine
            if node.patches:
                self.pristine[id(node)] = pristine
                result = self._copy_again(pristine)
                for change in node.patches:
                    fresh = Change(change.kind, change.path, self._copy_again(change.value), change.from_word)
                    result = Merger().apply(result, fresh, at)
        finally:
            del self._opening[id(node)]
        self._opened[id(node)] = result
        self._kept.append(node)
        return result

    def _written_as(self, node: Node) -> object:
        """Identify the reference as the user wrote it, which its copies share."""
        return (id(node.origin), node.mark)

    def _reference(self, node: Node, at: Segments) -> Reference:
        try:
            return find_references(node.value)[0]
        except ConfigError as error:
            raise type(error)(*(_at(finding, node, at) for finding in error.findings)) from error

    def _target(self, reference: Reference, node: Node, at: Segments) -> Segments:
        try:
            if reference.file:
                name = self._mount(reference.file, node, at)
                return (name, *reference.path)
            return self._led_to(reference, at)
        except ReferenceNotFoundError as error:
            raise type(error)(*(_at(finding, node, at) for finding in error.findings)) from error

    def _led_to(self, reference: Reference, at: Segments) -> Segments:
        """Return the absolute path; in another file it leads into that file if the path exists there."""
        path = absolute_path(reference, at)
        in_file = not reference.levels and at and at[0] in self.files and at[0] not in self.root.value
        if in_file and path and key_at(self.files[at[0]], path[0]) is not None:
            return (at[0], *path)
        return path

    def _mount(self, file: str, node: Node, at: Segments) -> str:
        folder = node.origin.folder
        if folder is None and at and at[0] in self.files:
            folder = self.files[at[0]].origin.folder
        name, tree = self.open_file(file, folder)
        self.files.setdefault(name, tree)
        return name

    def _find(self, path: Segments, reference: Reference, cause: Node, at: Segments) -> Steps:
        """Walk to ``path`` in the tree as written, through the copies on the way."""
        if path and path[0] in self.files and path[0] not in self.root.value:
            node, start = self.files[path[0]], 1
        else:
            node, start = self.root, 0
        rest = path[start:]
        while True:
            node, _, rest = follow(node, rest)
            if not rest:
                return node
            depth = len(path) - len(rest)
            if not is_copy(node.value):
                raise not_found(reference, path, depth, node, cause, at)
            node = yield self._open(node, path[:depth])

    def _copy(self, source: Node, source_at: Segments, at: Segments, cause: Node, lineage: tuple[object, ...]) -> Node:
        copy = self._copy_node(source, source_at, source_at, at, lineage)
        copy.key_mark, copy.key_origin = cause.key_mark, cause.key_origin
        copy.previous = cause.trace
        return copy

    def _copy_node(
        self, node: Node, here: Segments, source_at: Segments, at: Segments, lineage: tuple[object, ...]
    ) -> Node:
        """Copy one node; references into the copied part move with it, the others keep their targets."""
        self._count(node, at)
        if len(at) + len(here) - len(source_at) > MAX_DEPTH:
            message = f"copies are nested deeper than {MAX_DEPTH} levels"
            raise MergeError(_at(Finding(message=message), node, at[:3]))
        value = node.value
        if type(value) is dict:
            value = {key: self._copy_node(child, (*here, key), source_at, at, lineage) for key, child in value.items()}
        elif type(value) is list:
            value = [
                self._copy_node(child, (*here, index), source_at, at, lineage) for index, child in enumerate(value)
            ]
        elif type(value) is str and value[:1] in ("@", "%", "$"):
            value = self._rewritten(value, here, source_at, at)
        copy = node.like(value)
        copy.via = node.via or VIA_COPY
        if is_copy(value):
            copy.lineage = (*node.lineage, *(one for one in lineage if one not in node.lineage))
            copy.patches = tuple(
                Change(
                    change.kind,
                    change.path,
                    self._copy_node(change.value, (*here, *change.path), source_at, at, ()),
                    change.from_word,
                )
                for change in node.patches
            )
        return copy

    def _copy_again(self, node: Node) -> Node:
        self._count(node, ())
        value = node.value
        if type(value) is dict:
            value = {key: self._copy_again(child) for key, child in value.items()}
        elif type(value) is list:
            value = [self._copy_again(child) for child in value]
        return node.like(value)

    def _rewritten(self, text: str, here: Segments, source_at: Segments, at: Segments) -> str:
        try:
            references = find_references(text)
            pieces, end = [], 0
            for reference in references:
                target = self._mounted_or(reference, here)
                if target is None:
                    continue
                inside = target[: len(source_at)] == source_at
                if inside and reference.levels:
                    continue
                if not inside and not reference.levels and target == reference.path:
                    continue
                path = (*at, *target[len(source_at) :]) if inside else target
                pieces.append(text[end : reference.start])
                pieces.append(written(reference, path, in_expression=text[0] == "$"))
                end = reference.end
        except ConfigError:
            return text  # as wrong as the original, whose place is reported
        return "".join([*pieces, text[end:]])

    def _mounted_or(self, reference: Reference, here: Segments) -> Segments | None:
        return None if reference.file else self._led_to(reference, here)

    def files_referred_to(self, tree: Node) -> list[str]:
        """Return the other files that references of the copied tree still lead into."""
        if not self.files:
            return []
        found: dict[str, None] = {}
        trees = [tree]
        while trees:
            for _, node in walk(trees.pop()):
                if type(node.value) is not str or node.value[:1] not in ("@", "$"):
                    continue
                try:
                    for reference in find_references(node.value):
                        name = reference.path[0] if reference.path and not reference.levels else None
                        if name in self.files and name not in found and name not in tree.value:
                            found[name] = None
                            trees.append(self.files[name])
                except ConfigError:
                    continue  # reported where it is used
        return list(found)

    def _count(self, node: Node, at: Segments) -> None:
        self._num_values += 1
        if self._num_values > MAX_VALUES:
            message = f"% references copy more than {MAX_VALUES:,} values"
            raise MergeError(_at(Finding(message=message, fix="refer with @ to share instead of copying"), node, at))

    def _cycle(self, node: Node) -> CircularReferenceError:
        way = list(self._opening.values())
        start = next(index for index, (_, other) in enumerate(way) if other is node)
        return CircularReferenceError(circular_reference(way[start:]))


def not_found(
    reference: Reference, path: Segments, depth: int, parent: Node, cause: Node, at: Segments
) -> ReferenceNotFoundError:
    """Make the error of a reference whose segment ``depth`` is not there."""
    names: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    if parent.is_mapping:
        names = nearest_names(str(path[depth]), map(str, parent.value))
        expected = tuple(map(str, parent.value))
    elif parent.is_list:
        expected = (expected_index(len(parent.value)),)
    path = (reference.file, *path[1:]) if reference.file else path  # as written, not relative to the working directory
    nearest = tuple(format_path((*path[:depth], name)) for name in names)
    fix = f"write {reference.kind}{format_path((*path[:depth], names[0], *path[depth + 1 :]))}" if names else ""
    text = cause.value if type(cause.value) is str else str(reference)
    meant = with_separators(reference.path)
    if meant is not None and not depth and not follow(parent, meant).rest:
        nearest, fix = (format_path(meant),), f"write {reference.kind}{format_path(meant)}"
    if not fix and text[:1] in "@%":
        dotted = text[1:].replace("(", ".").partition(".")[0]
        if text[0] == "@" and dotted != text[1:]:
            fix = f"write '${text}' to take an attribute or call a method"
        elif parent.is_mapping:
            fix = how_to_refer(text, path)
    message = does_not_exist(str(reference), path, depth, parent.value)
    return ReferenceNotFoundError(_at(Finding(message=message, nearest=nearest, expected=expected, fix=fix), cause, at))


def _at(finding: Finding, node: Node, at: Segments) -> Finding:
    return replace(finding, path=format_path(at), place=node.place, excerpt=node.excerpt)
