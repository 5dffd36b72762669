"""Read dimensions: ranges and choices at the paths of ``over`` and ``repeat``, and choices of files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lighter_config.config import Config
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding, Severity
from lighter_config.loading import parts_of
from lighter_config.merging.merger import Merger
from lighter_config.regular_files import is_regular, with_home
from lighter_config.sections import SWEEP
from lighter_config.sources.bases import BASE
from lighter_config.sources.file_names import nearest_files
from lighter_config.space.choice_labels import labels_of
from lighter_config.space.domains import Choice, Dimension, Range
from lighter_config.space.paths import nothing_at
from lighter_config.space.range_text import EXPECTED, RangeError, is_like_a_range, is_range, read_range
from lighter_config.tree.copies import copied
from lighter_config.tree.keys import special_key
from lighter_config.tree.node import NAME, Node, Segments
from lighter_config.tree.origins import Word
from lighter_config.tree.paths import SEPARATOR, format_path
from lighter_config.tree.walking import walk

FILES = "files"


class DimensionReader:
    """Reads the dimensions of one config, and collects what is wrong with them.

    Attributes:
        findings: Errors and warnings, each with its place.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._of_files: list[Dimension] = []
        self.findings: list[Finding] = []

    def over(self, section: Node, *, repeats: bool = False) -> Iterator[Dimension]:
        """Yield the dimensions at the paths below a section."""
        pending: list[tuple[Segments, Node]] = [((), section)]
        while pending:
            path, node = pending.pop(0)
            if node.is_mapping and (path == () or node.value):
                pending[:0] = [((*path, key), child) for key, child in node.value.items()]
                continue
            domain = self._domain(format_path(path), node)
            if domain is None:
                continue
            if (finding := nothing_at(self._config, self._of_files, path, node)) is not None:
                self.findings.append(finding)
                continue
            name = format_path(path)
            dimension = Dimension(name, name, (), node.place, repeats, node)
            yield self._with_domain(dimension, domain)

    def files(self, section: Node) -> Iterator[Dimension]:
        """Yield the dimensions of files: the names in the list are one, each list in it is another."""
        if not section.is_list:
            section = section.like([section])
        plain = [node for node in section.value if not node.is_list]
        lists = [node.value for node in section.value if node.is_list]
        for index, nodes in enumerate([*([plain] if plain else []), *lists]):
            name = FILES if index == 0 else f"{FILES}{SEPARATOR}{index}"
            choices = [choice for node in nodes if (choice := self._file(node)) is not None]
            if len(choices) < len(nodes):
                continue
            holder = section.value[0] if not nodes else nodes[0]
            if len(nodes) < 2:
                given = str(nodes[0].value) if nodes else ""
                fix = f"give it as an input instead: {given}" if given else "name at least two files"
                self._error(holder, name, f"{name} has only one choice{given and f': {given}'}", fix=fix)
                continue
            dimension = Dimension(name, "", tuple(self._different(name, choices)), holder.place, False, holder)
            self._of_files.append(dimension)
            yield dimension

    def _file(self, node: Node) -> Choice | None:
        if node.is_mapping:
            return _mapping_among_files(node)
        name = node.value
        if not isinstance(name, str) or not name:
            self._error(node, FILES, f"{FILES} must name files, has {node.plain()!r}", fix="write the name of a config")
            return None
        folder = node.origin.folder or Path.cwd()
        asked = with_home(name) if name.startswith("~/") else Path(name)
        path = next((base / asked for base in (folder, Path.cwd()) if is_regular(base / asked)), None)
        if path is None:
            self._error(node, FILES, f"the file {name!r} does not exist", nearest=nearest_files(asked, folder))
            return None
        try:
            parts = parts_of(path, name)
        except ConfigError as error:
            self.findings += error.findings
            return None
        if any(SWEEP in part.value for part in parts):
            fix = f"move its {SWEEP} section to a file that is given as an input"
            self._error(node, FILES, f"the file {name!r} has a {SWEEP} section, which a choice cannot have", fix=fix)
            return None
        return Choice(name, name, node.place, is_file=True, node=node, parts=parts)

    def _domain(self, path: str, node: Node) -> Range | list[Node] | None:
        """Return the range, or the node of each choice; ``None`` after an error."""
        if node.is_list and len(node.value) > 1:
            ranges = [one for one in node.value if is_range(one.value)]
            if not ranges:
                return list(node.value)
            self._error(
                ranges[0],
                path,
                f"{ranges[0].value} is a range among the choices of {path}",
                expected=("values, mappings or null",),
                fix="list the values, or write the range alone",
            )
            return None
        if node.is_list or node.is_mapping or not is_like_a_range(node.value):
            self._one_choice(path, node)
            return None
        return self._range(path, node)

    def _range(self, path: str, node: Node) -> Range | None:
        try:
            found = read_range(node.value)
        except RangeError as error:
            expected = () if error.fix else (EXPECTED,)
            self._error(node, path, error.message, fix=error.fix, expected=expected)
            return None
        if found.step is not None and found.largest != found.high:
            values = found.values()
            shown = ", ".join(map(str, values if len(values) <= 4 else (*values[:2], "...", values[-1])))
            self._error(
                node,
                path,
                f"{found.high} is never tried: the steps of {path} are {shown}",
                severity=Severity.WARNING,
                fix=f"write {found.low}..{found.largest}:{found.step}",
            )
        return found

    def _one_choice(self, path: str, node: Node) -> None:
        nodes = node.value if node.is_list else [node]
        if not nodes or (node.is_mapping and not node.value):
            self._error(node, path, f"{path} has no choices", expected=("a range, or at least two choices",))
            return
        value = labels_of([nodes[0].plain()])[0]
        fix = f"write {path}={value}, which sets it in every trial"
        if isinstance(node.value, str) and "," in node.value:
            fix = f"write the choices in brackets: [{node.value}]"
        self._error(node, path, f"{path} has only one choice: {value}", expected=("a range, or choices",), fix=fix)

    def _with_domain(self, dimension: Dimension, domain: Range | list[Node]) -> Dimension:
        if isinstance(domain, Range):
            return replace(dimension, domain=domain)
        domain = [_settled(node) for node in domain]
        labels = labels_of([node.plain() for node in domain])
        choices = [
            self._choice(dimension, label, node) for label, node in zip(labels, domain, strict=True)
        ]  # fmt: skip
        return replace(dimension, domain=tuple(self._different(dimension.name, choices)))

    def _choice(self, dimension: Dimension, label: str, node: Node) -> Choice:
        inside: list[Segments] = []
        dimensions: list[Dimension] = []
        for path, leaf in walk(node) if node.is_mapping else ():
            if not is_range(leaf.value):
                continue
            below = format_path(path)
            where = f"{dimension.path}{SEPARATOR}{below}"
            found = self._range(where, leaf)
            if found is not None:
                inside.append(path)
                name = f"{dimension.name}[{label}]{SEPARATOR}{below}"
                dimensions.append(Dimension(name, where, found, leaf.place, dimension.repeats, leaf))
        return Choice(label, node.plain(), node.place, tuple(dimensions), False, node, tuple(inside))

    def _different(self, path: str, choices: list[Choice]) -> list[Choice]:
        """Report choices that are given twice."""
        seen: dict[str, Choice] = {}
        for number, choice in enumerate(choices, start=1):
            if choice.label in seen:
                message = f"choice {number} of {path} repeats {choice.label}"
                first = seen[choice.label].place
                fix = f"remove it; the first is at {first}" if first != choice.place else "remove it"
                self._error(choice.node, path, message, fix=fix)
            seen.setdefault(choice.label, choice)
        return list(seen.values())

    def _error(
        self,
        node: Node,
        path: str,
        message: str,
        *,
        severity: Severity = Severity.ERROR,
        expected: tuple[str, ...] = (),
        nearest: tuple[str, ...] = (),
        fix: str = "",
    ) -> None:
        excerpt = node.origin.excerpt(node.mark) if isinstance(node.origin, Word) else node.excerpt
        self.findings.append(
            Finding(
                message=message,
                severity=severity,
                path=path,
                place=node.place,
                excerpt=excerpt,
                expected=expected,
                nearest=nearest,
                fix=fix,
                check="space",
            )
        )


def _mapping_among_files(node: Node) -> Choice:
    """Return the choice of a mapping that merges at the root; its name is its ``_name_``."""
    content = dict(node.value)
    name, bases = content.pop(NAME, None), content.pop(BASE, None)
    label = str(name.value) if name is not None else labels_of([node.plain()])[0]
    earlier = bases.value if bases is not None and bases.is_list else ()
    return Choice(label, label, node.place, is_file=True, node=node, parts=(*earlier, node.like(content)))


def _settled(node: Node) -> Node:
    """Return a choice with its paths as nested keys; one with operators, which need the config, as it is written."""
    if node.settled:
        return node
    keys = [special_key(key) for _, one in walk(node) if one.is_mapping for key in one.value]
    if any(key is not None and key.operator for key in keys):
        return node
    return Merger().settled(copied(node))
