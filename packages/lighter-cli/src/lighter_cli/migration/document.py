"""A YAML file to rewrite: its tree with comments, quotes and order, and the findings about it."""

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag
from ruamel.yaml.tokens import CommentToken

from lighter_cli.migration.json_text import is_json, write_json
from lighter_cli.migration.layout import keep_lines
from lighter_cli.migration.size import refuse_oversized
from lighter_config import Finding, Place, Severity, SourceError, YamlError
from lighter_config.regular_files import read_regular
from lighter_config.sources.yaml_reader import read_mapping
from lighter_config.tree.origins import Document as Origin

Container = CommentedMap | CommentedSeq

PLACEHOLDER = "__placeholder__"
"""What a tree holds where the file is to have `...`."""

_NULL = Tag(suffix="tag:yaml.org,2002:null")
_COMMENT = re.compile(r"(?:^|\s)(#.*)$", re.MULTILINE)


class _TextResolver(VersionedResolver):
    """Read every scalar as text, so that `True`, `1e-3` and `010` are written back as they were."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Return the tag of a node."""
        if kind is ScalarNode and implicit[0]:
            return self.DEFAULT_SCALAR_TAG if value else _NULL
        return super().resolve(kind, value, implicit)


@dataclass(slots=True)
class Document:
    """One file of an experiment.

    Attributes:
        name: The file, as the user named it.
        text: The text of the file.
        root: The tree; a scalar is its text in the file.
        findings: What could not be rewritten, and what needs a look.
    """

    name: str
    text: str
    root: CommentedMap
    findings: list[Finding] = field(default_factory=list)
    _lines: dict[tuple[int, Any], tuple[int, int]] = field(default_factory=dict)
    _kept: list[Container] = field(default_factory=list)
    _before: str = ""

    @classmethod
    def read(cls, file: str) -> "Document":
        """Read a file.

        Raises:
            SourceError: The file cannot be read, or is not UTF-8.
            YamlError: The file is not YAML, or not a mapping.
        """
        try:
            text = read_regular(file).decode("utf-8-sig")
        except OSError as error:
            raise SourceError(Finding(message=f"{file} cannot be read: {error.strerror}")) from error
        except UnicodeDecodeError as error:
            raise SourceError(Finding(message=f"{file} is not UTF-8 text", fix="save it as UTF-8")) from error
        refuse_oversized(text, file)
        try:
            root = _yaml(text).load(text)
        except YAMLError as error:
            read_mapping(text, Origin(file, text))  # says better what is wrong, if it finds it too
            mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
            problem = error.problem if isinstance(error, MarkedYAMLError) else None
            place = Place(file, mark.line + 1, mark.column + 1) if mark is not None else Place(file)
            raise YamlError(Finding(message=f"{file} is not YAML: {problem or error}", place=place)) from error
        if not isinstance(root, CommentedMap):
            read_mapping(text, Origin(file, text))
            message = f"the root of a config must be a mapping, {file} is empty"
            raise YamlError(Finding(message=message, place=Place(file)))
        document = cls(file, text, root)
        document._remember_places()
        document._before = document._dump()
        return document

    def written(self) -> str:
        """Return the text of the tree; lines that say the same as before are those of the file."""
        text = self._dump()
        if text == self._before:
            return self.text
        kept = keep_lines(self.text.replace("\r\n", "\n"), self._before, text)
        if _plain(_read(kept)) == _plain(_read(text)):
            text = kept
        return text.replace("\n", "\r\n") if "\r\n" in self.text else text

    def lost_comments(self) -> list[tuple[int, str]]:
        """Return the comments that the tree has lost, each with its line."""
        left = Counter(comment.strip() for comment in _COMMENT.findall(self._dump()))
        lost = []
        for number, line in enumerate(self.text.splitlines(), 1):
            for comment in _COMMENT.findall(line):
                if comment.startswith("# @package"):
                    continue  # of Hydra, and written as what it means
                if not left[comment.strip()]:
                    lost.append((number, comment.strip()))
                left[comment.strip()] -= 1
        return lost

    def say(
        self,
        message: str,
        container: Container,
        key: Any = None,
        *,
        fix: str = "",
        nearest: tuple[str, ...] = (),
        severity: Severity = Severity.WARNING,
    ) -> None:
        """Add a finding about a key or an item: a warning needs a change by hand, a note needs a look."""
        spot = self._lines.get((id(container), key))
        if spot is None and key in (container.lc.data or {}):  # it was renamed
            spot = (container.lc.data[key][0] + 1, container.lc.data[key][1] + 1)
        spot = spot or self._lines.get((id(container), None))
        place = Place(self.name) if spot is None else Place(self.name, *spot)
        excerpt = "" if spot is None else self.text.splitlines()[spot[0] - 1].strip()
        self.findings.append(
            Finding(message=message, severity=severity, place=place, excerpt=excerpt, nearest=nearest, fix=fix)
        )

    def take_place(self, new: Container, old: Container, key: Any) -> None:
        """Give a new mapping the place of a key of an old one, for findings about it."""
        self._kept.append(new)
        place = self._lines.get((id(old), key))
        if place is not None:
            self._lines[(id(new), None)] = place

    def _remember_places(self) -> None:
        for container in containers(self.root):
            self._kept.append(container)  # another object could get the id of a deleted one
            for key, place in (container.lc.data or {}).items():
                self._lines[(id(container), key)] = (place[0] + 1, place[1] + 1)
            if container.lc.line is not None:
                self._lines[(id(container), None)] = (container.lc.line + 1, container.lc.col + 1)

    def _dump(self) -> str:
        return self._dumped().replace(PLACEHOLDER, "...")  # ruamel would quote it, and make it text

    def _dumped(self) -> str:
        if is_json(self.text):
            return write_json(self.root, self.text)
        stream = io.StringIO()
        _yaml(self.text).dump(self.root, stream)
        return stream.getvalue()


def _read(text: str) -> Any:
    try:
        return _yaml(text).load(text)
    except YAMLError:
        return None


def _plain(value: Any) -> Any:
    """Return a tree without its layout, to compare it with another; the order of keys counts."""
    if isinstance(value, CommentedMap):
        return [(key, _plain(child)) for key, child in value.items()]
    if isinstance(value, CommentedSeq):
        return [_plain(child) for child in value]
    return value


def _yaml(text: str) -> YAML:
    yaml = YAML(typ="rt")
    yaml.Resolver = _TextResolver
    yaml.preserve_quotes = True
    yaml.width = 1_000_000  # no line is broken
    mapping, offset = indentation(text)
    yaml.indent(mapping=mapping, sequence=offset + 2, offset=offset)
    return yaml


def indentation(text: str) -> tuple[int, int]:
    """Return the indentation of mappings, and that of the dashes of lists."""
    mapping = offset = None
    parent: int | None = None
    for line in text.splitlines():
        content = line.lstrip(" ")
        if not content or content[0] == "#":
            continue
        indent = len(line) - len(content)
        if parent is not None:
            if content.startswith("- ") and offset is None:
                offset = max(indent - parent, 0)
            elif indent > parent and mapping is None and not content.startswith("- "):
                mapping = indent - parent
        parent = indent if re.match(r"[^\s#].*:\s*(?:#.*)?$", content) and not content.startswith("- ") else None
    return mapping or 2, 2 if offset is None else offset


def containers(value: Any) -> Iterator[Container]:
    """Yield each mapping and list of a tree once."""
    work, seen = [value], set()
    while work:
        part = work.pop()
        if isinstance(part, CommentedMap | CommentedSeq) and id(part) not in seen:
            seen.add(id(part))
            yield part
            work.extend(part.values() if isinstance(part, Mapping) else part)


def comment_lines(token: Any) -> list[str]:
    """Return the comments on the lines after a value."""
    tokens = token if isinstance(token, list) else [token]
    lines: list[str] = []
    for part in tokens:
        if isinstance(part, CommentToken):
            lines += part.value.split("\n")[1:] if not part.value.startswith("\n") else part.value.split("\n")
    return [line.strip() for line in lines if line.strip()]
