"""Which parts of a config a stage uses, and the config without the others."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lighter_config.config import Config
from lighter_config.errors import ConfigError
from lighter_config.sections import (
    ARGS,
    CLASS_NAMES,
    DATA,
    DATA_MODULE_CLASS,
    MODEL,
    MODULE_CLASS,
    SECTIONS,
    SHAPES,
    SWEEP,
    SYSTEM,
    SYSTEM_CLASS,
)
from lighter_config.stages import MODES, Stage
from lighter_config.tree.node import MAX_DEPTH, Node, Segments, key_at
from lighter_config.tree.references import absolute_path, find_references, is_reference
from lighter_config.tree.walking import follow, walk

if TYPE_CHECKING:
    from lighter_config.signatures import SignatureReader

# The classes of Lighter that are judged without reading them, and the arguments that they require.
_REQUIRED_BY = {SYSTEM_CLASS: ("model", "dataloaders"), MODULE_CLASS: (), DATA_MODULE_CLASS: ()}


def prune(config: Config, stage: Stage | str, reader: "SignatureReader | None" = None) -> Config:
    """Return the config without what a stage does not use; ``whole`` of the result is ``config``.

    ``%`` references are copied first, so a copy of a dropped part stays. Never dropped are what a kept part refers to
    and an argument that its target requires.

    Args:
        config: The whole config.
        stage: What is going to run.
        reader: Reads the signatures of targets; made when it is needed and not given, and finds the config's project.

    Raises:
        PathError: A target has to be read, and the ``project`` key names a folder that does not exist.

    >>> from lighter_config import load
    >>> config = load({"args": {"fit": {}, "test": {"verbose": False}}})
    >>> prune(config, "test").tree
    {'args': {'test': {'verbose': False}}}
    """
    stage = Stage(stage)
    expanded = config.expanded()
    root = expanded._root
    readers = _Targets(config.whole, reader)
    dropped = {path for path in _unused(root, stage, readers) if key_at(root, path[0]) is not None}
    if not dropped:
        return expanded._with_root(root, whole=config.whole)
    kept = _Kept(root, dropped)
    return expanded._with_root(kept.tree(), whole=config.whole)


def without_sweep(config: Config) -> Config:
    """Return an expanded config without its ``sweep`` section, which is about the trials of it, not a part of one.

    What something refers to stays.
    """
    if SWEEP not in config._root.value:
        return config
    return config._with_root(_Kept(config._root, {(SWEEP,)}).tree(), whole=config.whole)


class _Targets:
    """What is known about the targets of a config without importing them."""

    def __init__(self, config: Config, reader: "SignatureReader | None") -> None:
        self._config = config
        self._reader = reader

    def is_a(self, node: Node, base: str) -> bool:
        """Say whether a component is surely a subclass of ``base``."""
        target = _target_of(node)
        if target is None:
            return False
        if target in (MODULE_CLASS, DATA_MODULE_CLASS):
            return target == base
        return self._get_reader().is_subclass(target, base) is True

    def requires(self, node: Node, argument: str) -> bool:
        """Say whether the target of a component surely cannot be called without an argument."""
        target = _target_of(node)
        if target is None or target in _REQUIRED_BY:
            return target is not None and argument in _REQUIRED_BY[target]
        signature: Any = self._get_reader().read(target)
        parameters = getattr(signature, "parameters", ())
        return any(parameter.name == argument and parameter.required for parameter in parameters)

    def _get_reader(self) -> "SignatureReader":
        if self._reader is None:
            from lighter_config.project import reader_for

            self._reader = reader_for(self._config)
        return self._reader


def _target_of(node: Node) -> str | None:
    target = node.value.get("_target_") if node.is_mapping else None
    text = None if target is None else target.value
    return CLASS_NAMES.get(text, text) if isinstance(text, str) and text[:1] not in ("@", "%", "$") else None


def _unused(root: Node, stage: Stage, targets: _Targets) -> Iterator[Segments]:
    """Yield the paths that the stage does not use."""
    yield from ((SWEEP,), (SHAPES,))
    other_modes = [mode for mode in MODES if mode not in stage.modes]
    if (args := _child(root, ARGS)) is not None:
        yield from ((ARGS, key) for key in args.value if key in set(Stage) and key != stage)
    if (system := _child(root, SYSTEM)) is not None:
        for part in SECTIONS[SYSTEM].modes_of:
            if (parts := _child(system, part)) is not None and "_target_" not in parts.value:
                yield from ((SYSTEM, part, mode) for mode in other_modes if mode in parts.value)
        names = _unused_arguments(SYSTEM, stage)
        yield from ((SYSTEM, name) for name in names if name in system.value and not targets.requires(system, name))
    of_other_modes = [f"{mode}_dataloader" for mode in other_modes]
    yield from _unused_in(root, DATA, DATA_MODULE_CLASS, of_other_modes, targets)
    of_other_modes = [f"{mode}_metrics" for mode in other_modes]
    yield from _unused_in(root, MODEL, MODULE_CLASS, [*_unused_arguments(MODEL, stage), *of_other_modes], targets)


def _unused_arguments(section: str, stage: Stage) -> list[str]:
    return [name for name, stages in SECTIONS[section].used_in.items() if stage not in stages]


def _unused_in(root: Node, section: str, base: str, names: Sequence[str], targets: _Targets) -> Iterator[Segments]:
    """Yield those arguments of a section that are given and not required, when its class surely derives from base."""
    node = _child(root, section)
    given = [name for name in names if node is not None and name in node.value]
    if node is not None and given and targets.is_a(node, base):
        yield from ((section, name) for name in given if not targets.requires(node, name))


def _child(node: Node, key: str) -> Node | None:
    child = node.value.get(key)
    return child if child is not None and child.is_mapping else None


class _Kept:
    """The parts of a tree that stay, with everything that they refer to."""

    def __init__(self, root: Node, dropped: set[Segments]) -> None:
        self.root = root
        self.dropped = dropped
        self.rescued: set[Segments] = set()
        self.scanned: set[int] = set()
        self.ways: set[Segments] = set()
        """Every path on the way to something rescued."""
        self.parents = {path[:length] for path in dropped for length in range(len(path))}

    def tree(self) -> Node:
        """Return the tree without what is dropped.

        Of a dropped part that something refers *into*, what it refers to stays, marked as there for the reference
        only: it can be built by itself, and its parent is built without it.
        """
        self._scan()
        self.ways = {target[:length] for target in self.rescued for length in range(1, len(target) + 1)}
        return self._pruned(self.root, ())

    def _scan(self) -> None:
        """Find what must stay: go through the kept parts, and through what they refer to in the dropped ones."""
        parts: list[tuple[Node, Segments]] = [(self.root, ())]
        while parts:
            part, at = parts.pop()
            for path, node in walk(part, at, skip=self._is_left_out):
                self.scanned.add(id(node))
                if type(node.value) is str and node.value[:1] in ("@", "%", "$"):
                    for target, other in self._targets(node, path):
                        if self._unit(target) is not None and target not in self.rescued:
                            self.rescued.add(target)
                            parts.append((other, target))

    def _is_left_out(self, path: Segments, node: Node) -> bool:
        return id(node) in self.scanned or (path in self.dropped and path not in self.rescued)

    def _targets(self, node: Node, at: Segments) -> Iterator[tuple[Segments, Node]]:
        """Yield what the references in a text lead to; one that leads nowhere is reported by its check."""
        try:
            references = find_references(node.value)
            starts = [absolute_path(reference, at) for reference in references]
        except ConfigError:
            return
        seen: set[Segments] = set()
        while starts:
            wanted = starts.pop()
            if wanted in seen or len(wanted) > MAX_DEPTH:  # a cycle, which its check reports
                continue
            seen.add(wanted)
            target, path, rest = follow(self.root, wanted)
            if not rest:
                yield path, target
            elif is_reference(target.value):
                yield path, target
                try:
                    inner = find_references(target.value)[0]
                    starts.append((*absolute_path(inner, path), *rest))
                except ConfigError:
                    continue

    def _unit(self, path: Segments) -> Segments | None:
        """Return the dropped part that a path is or lies in."""
        for length in range(1, len(path) + 1):
            if path[:length] in self.dropped:
                return path[:length]
        return None

    def _pruned(self, node: Node, path: Segments) -> Node:
        if path not in self.parents:
            return node
        result = node.like({})
        for key, child in node.value.items():
            here = (*path, key)
            if here not in self.dropped:
                result.value[key] = self._pruned(child, here)
            elif here in self.ways:
                result.value[key] = self._only(child, here)
        return result

    def _only(self, node: Node, path: Segments) -> Node:
        """Return a part with nothing in it but what is rescued."""
        if path in self.rescued:
            return node
        result = node.like({})
        result.for_reference = True
        for key, child in node.children():
            if (*path, key) in self.ways:
                result.value[key] = self._only(child, (*path, key))
        return result
