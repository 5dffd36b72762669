"""What a check looks at, and how it reports."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from lighter_config.checks.components import Component, components_in
from lighter_config.config import Config
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding, Severity
from lighter_config.paths import format_path
from lighter_config.provenance import Segments
from lighter_config.references import Reference, absolute_path, find_references, is_reference
from lighter_config.signatures import SignatureReader
from lighter_config.stages import Stage

ROOT_SECTIONS = ("trainer", "system", "model", "data", "args")
"""The sections that a run builds; everything else is built only when something refers to it."""


@dataclass(frozen=True)
class CheckContext:
    """What a check may look at.

    Attributes:
        config: The whole config as it is written.
        expanded: The whole config with ``%`` references replaced by their copies.
        subject: What is going to be built: ``expanded``, without what ``stage`` does not use.
        stage: The stage that is going to run; ``None`` when the config is checked for no stage in particular.
        reader: Reads what targets take.
    """

    config: Config
    expanded: Config
    subject: Config
    stage: Stage | None
    reader: SignatureReader

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """Every component of the subject that is not disabled."""
        return tuple(components_in(self.subject.tree, self.is_built))

    @cached_property
    def uses(self) -> tuple[tuple[Segments, Reference, Segments], ...]:
        """Every readable reference of the whole config: where it stands, itself, where it leads."""
        return tuple(references_in(self.config.tree))

    def is_built(self, path: Segments) -> bool:
        """Whether a run builds what stands at ``path``, as far as the text says."""
        if not path or path[0] in ROOT_SECTIONS:
            return True
        return any(_overlap(path, target) for target in self._targets_of_built)

    @cached_property
    def _targets_of_built(self) -> tuple[Segments, ...]:
        """What is reached by references from the sections that a run builds."""
        by_root: dict[Any, list[tuple[Segments, Segments]]] = {}
        for path, _, target in references_in(self.subject.tree):
            by_root.setdefault(path[0], []).append((path, target))
        reached: dict[Segments, None] = {}
        pending: list[Segments] = [(section,) for section in ROOT_SECTIONS]
        while pending:
            start = pending.pop()
            for path, target in by_root.get(start[0], ()):
                if _overlap(path, start) and target not in reached:
                    reached[target] = None
                    pending.append(target)
        return tuple(reached)

    def has(self, path: Segments) -> bool:
        """Whether a path leads somewhere in the subject, through ``@`` references on the way."""
        return self._leads_to(path, set())

    def _leads_to(self, path: Segments, seen: set[Segments]) -> bool:
        node: Any = self.subject.tree
        if path in seen:
            return True  # a circle, which is another check's finding
        seen.add(path)
        for depth, segment in enumerate(path):
            found = child_of(node, segment)
            if found is not None:
                node = found[0]
                continue
            if not is_reference(node):
                return False
            try:
                reference = find_references(node)[0]
                return self._leads_to((*absolute_path(reference, path[:depth]), *path[depth:]), seen)
            except ConfigError:
                return True  # cannot be read, which is reported where it stands
        return True

    def value(self, path: Segments, default: Any = None) -> Any:
        """The subject's value at a path, nothing built; ``default`` when there is none."""
        node: Any = self.subject.tree
        for segment in path:
            found = child_of(node, segment)
            if found is None:
                return default
            node = found[0]
        return node

    def finding(
        self,
        path: Segments,
        message: str,
        *,
        at_key: bool = False,
        severity: Severity = Severity.ERROR,
        expected: Iterable[str] = (),
        nearest: Iterable[str] = (),
        fix: str = "",
        config: Config | None = None,
    ) -> Finding:
        """Make a finding about a path, with its place and the text there."""
        where = format_path(path)
        # a key stands where it is written, also when its value is a copy
        source = config or (self.config if at_key else self.subject)
        return Finding(
            message=message,
            severity=severity,
            path=where,
            place=source.key_place(where) if at_key else source.place(where),
            excerpt=source.excerpt(where) if path else "",
            expected=tuple(expected),
            nearest=tuple(nearest),
            fix=fix,
        )


Check: TypeAlias = Callable[[CheckContext], Iterable[Finding]]


def leaves_in(tree: Any, path: Segments = ()) -> Iterator[tuple[Segments, Any]]:
    """Yield every leaf of a plain tree with its path, in order."""
    work: list[tuple[Segments, Any]] = [(path, tree)]
    while work:
        at, value = work.pop()
        if isinstance(value, dict):
            work.extend(((*at, key), child) for key, child in reversed(value.items()))
        elif isinstance(value, list):
            work.extend(((*at, index), value[index]) for index in range(len(value) - 1, -1, -1))
        else:
            yield at, value


def references_in(tree: Any) -> Iterator[tuple[Segments, Reference, Segments]]:
    """Yield every readable reference in a plain tree: where it stands, itself, where it leads."""
    for path, value in leaves_in(tree):
        if isinstance(value, str) and value[:1] in ("@", "%", "$"):
            try:
                for reference in find_references(value):
                    if not reference.file:
                        yield path, reference, absolute_path(reference, path)
            except ConfigError:
                continue  # reported by the check of references


def _overlap(one: Segments, other: Segments) -> bool:
    """Whether one path is the other or holds it."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def child_of(node: Any, segment: Any) -> tuple[Any] | None:
    """The child of a mapping or list, in a tuple, since it may itself be ``None``."""
    if isinstance(node, dict):
        if segment in node:
            return (node[segment],)
        return (node[str(segment)],) if isinstance(segment, int) and str(segment) in node else None
    if isinstance(node, list) and isinstance(segment, int) and -len(node) <= segment < len(node):
        return (node[segment],)
    return None
