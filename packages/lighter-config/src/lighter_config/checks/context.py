"""What a check looks at, and how it reports."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from lighter_config.checks.components import Component, components_in
from lighter_config.config import Config
from lighter_config.dumping.recording import Secrets
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding, Severity
from lighter_config.sections import SECTIONS, VARS
from lighter_config.signatures import SignatureReader
from lighter_config.sources.overrides import parse_override
from lighter_config.sources.words import OverrideSource
from lighter_config.stages import Stage
from lighter_config.tree.cycles import follow_references
from lighter_config.tree.node import Segments
from lighter_config.tree.origins import Word
from lighter_config.tree.paths import format_path
from lighter_config.tree.reference_syntax import Reference
from lighter_config.tree.references import absolute_path, find_references
from lighter_config.tree.walking import Reached, follow

_NO_KEY = object()
_RUN_SECTIONS = [name for name, section in SECTIONS.items() if section.is_run]


@dataclass(frozen=True)
class CheckContext:
    """What a check may look at.

    Attributes:
        config: The whole config as it is written.
        expanded: The whole config with ``%`` references replaced by their copies.
        subject: What is going to be built: ``expanded``, without what ``stage`` does not use.
        stage: The stage that is going to run; ``None`` when the config is checked for no stage in particular.
        reader: Reads what targets take.
        is_fragment: Whether other files may bring what this config leaves out, and use all that it holds.
    """

    config: Config
    expanded: Config
    subject: Config
    stage: Stage | None
    reader: SignatureReader
    is_fragment: bool = False

    @cached_property
    def tree(self) -> dict[Any, Any]:
        """The subject as plain values, without what waits for a copy that cannot be made: that is one finding."""
        return dict(self.subject._root.plain())

    @cached_property
    def whole_tree(self) -> dict[Any, Any]:
        """The whole expanded config as plain values, as ``tree``."""
        return self.tree if self.expanded is self.subject else dict(self.expanded._root.plain())

    @cached_property
    def _leaves(self) -> tuple[tuple[Segments, Any], ...]:
        """Every leaf of ``tree`` with its path, in order."""
        return tuple(leaves_in(self.tree))

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """Every component of the subject that is not disabled."""
        return tuple(components_in(self.tree, self.is_built))

    @cached_property
    def used(self) -> set[Segments]:
        """Every section, and every variable, that a reference elsewhere in the whole config leads to or into.

        A variable counts by its own path; ``("vars",)`` itself is in it only when something refers to all of them.
        """
        used: set[Segments] = set()
        for at, _, target in self._written_references:
            path = target[:2] if target[:1] == (VARS,) else target[:1]
            if at[: len(path)] != path:
                used.add(path)
        return used

    @cached_property
    def aliased(self) -> set[Segments]:
        """Every section and variable that a YAML alias elsewhere copies from."""
        origins: dict[tuple[str, int | None, int | None], Segments] = {}
        copies: list[tuple[tuple[str, int | None, int | None], Segments]] = []
        for path, _ in self.config._nodes:
            place = self.config.place(format_path(path))
            if place is not None and place.line is not None:
                spot = (place.source, place.line, place.column)
                if place.via.startswith("via alias"):
                    copies.append((spot, path))
                else:
                    origins[spot] = path
        return {
            origins[spot][:length]
            for spot, path in copies
            if spot in origins
            for length in (1, 2)
            if path[:length] != origins[spot][:length]
        }

    @cached_property
    def secrets(self) -> Secrets:
        """The secrets of the whole config."""
        return Secrets(self.config)

    def is_built(self, path: Segments) -> bool:
        """Return whether a run builds what stands at ``path``, as far as the text says."""
        if not path or path[0] in _RUN_SECTIONS or self.is_fragment:
            return True
        reached, on_the_way = self._reached
        return path in on_the_way or any(path[:length] in reached for length in range(1, len(path) + 1))

    @cached_property
    def _written_references(self) -> "list[tuple[Segments, Reference, Segments]]":
        """Every readable reference in the whole config: where it is, itself, where it leads."""
        return self._references if self.config is self.subject else list(references_in(self.config))

    @cached_property
    def _references(self) -> list[tuple[Segments, Reference, Segments]]:
        leaves = self._leaves if self.subject.expanded() is self.subject else None  # without copies, both are the same
        return list(references_in(self.subject, leaves))

    @cached_property
    def _reached(self) -> tuple[set[Segments], set[Segments]]:
        """What references from the sections that a run builds lead to, and all that holds those places."""
        below: dict[Segments, list[Segments]] = {}
        at: dict[Segments, list[Segments]] = {}
        for path, _, target in self._references:
            at.setdefault(path, []).append(target)
            for prefix in _prefixes(path):
                below.setdefault(prefix, []).append(target)
        reached: set[Segments] = set()
        pending: list[Segments] = [(section,) for section in _RUN_SECTIONS]
        while pending:
            start = pending.pop()
            targets = below.get(start) or [target for prefix in _prefixes(start) for target in at.get(prefix, ())]
            new = set(targets) - reached
            reached |= new
            pending.extend(new)
        return reached, {prefix for target in reached for prefix in _prefixes(target)}

    def has(self, path: Segments) -> bool:
        """Return whether a path leads somewhere in the subject, through ``@`` references on the way."""
        try:
            return not follow_references(self.subject._root, path).rest
        except ConfigError:
            return True  # a cycle, or a reference that cannot be read: reported at its own place

    def reached(self, config: Config, path: Segments) -> Reached | None:
        """Return where a path of a config leads, through ``@`` references, also one at its end.

        Returns:
            ``None`` when there is nothing, or a reference that cannot be followed, which is reported at its own place.
        """
        try:
            found = follow_references(config._root, (*path, _NO_KEY))
        except ConfigError:
            return None
        return Reached(found.node, found.path, ()) if found.rest == (_NO_KEY,) else None

    def value(self, path: Segments, default: Any = None) -> Any:
        """Return the subject's value at a path, nothing built; ``default`` when there is none."""
        node, _, rest = follow(self.subject._root, path)
        return default if rest else node.plain()

    @cached_property
    def _deletions(self) -> list[tuple[Segments, Word]]:
        """The paths that arguments delete, with the arguments."""
        words = [Word(one.text, one.word, one.caller) for one in self.config.sources if isinstance(one, OverrideSource)]
        changes = [(parse_override(word.text, word), word) for word in words if word.text[:1] == "~"]
        return [(change.path, word) for change, word in changes]

    def blamed(self, finding: Finding, missing: Segments) -> Finding:
        """Return a finding about a missing value; if an argument deleted the value, the argument is its place."""
        for path, word in self._deletions:
            if missing[: len(path)] == path:
                fix = f"leave out {word.text}" + (f", or {finding.fix}" if finding.fix else "")
                return replace(finding, place=word.place(), excerpt=word.text, fix=fix)
        return finding

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
            excerpt="" if not path else source.key_excerpt(where) if at_key else source.excerpt(where),
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


def references_in(
    config: Config, leaves: Iterable[tuple[Segments, Any]] | None = None
) -> Iterator[tuple[Segments, Reference, Segments]]:
    """Yield every readable reference in a config: where it is, itself, where it leads, by the keys that are there.

    Args:
        config: The config.
        leaves: The leaves of its tree, where they are known.
    """
    for path, value in leaves_in(config.tree) if leaves is None else leaves:
        if isinstance(value, str) and value[:1] in ("@", "%", "$"):
            try:
                for reference in find_references(value):
                    if not reference.file:
                        _, found, rest = follow(config._root, absolute_path(reference, path))
                        yield path, reference, (*found, *rest)
            except ConfigError:
                continue  # reported by the check of references


def _prefixes(path: Segments) -> list[Segments]:
    """The path itself and everything that holds it."""
    return [path[:length] for length in range(1, len(path) + 1)]
