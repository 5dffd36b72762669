"""The texts of files that somebody is editing: read again only when they change, and read although they are broken."""

from dataclasses import dataclass
from pathlib import Path

from lighter_config.errors import YamlError
from lighter_config.findings import Finding
from lighter_config.regular_files import is_regular, read_regular, without_links
from lighter_config.sources.broken_text import mended
from lighter_config.sources.texts import Texts
from lighter_config.tree.node import Node


@dataclass(frozen=True, slots=True)
class EditedFile:
    """A file as it was read last.

    Attributes:
        text: Its text.
        tree: What it holds; of a broken file what could be read of it.
        findings: Why it could not be read as it is; empty if it could.
        read_from: The text that the tree was read from: `text`, unless it is broken.
    """

    text: str
    tree: Node
    findings: tuple[Finding, ...]
    read_from: str


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """A file of which nothing can be read, and why."""

    findings: tuple[Finding, ...]


class EditedTexts(Texts):
    r"""Texts that change while somebody types.

    A file that is not valid YAML for a moment is read as it was before, as far as it has changed there. ``load`` then
    does not raise an error; ``findings`` has it. A file of which nothing can be read still raises.

    >>> texts = EditedTexts()
    >>> texts.edit(Path("exp.yaml"), "seed: 1\nvars: {rate: 0.1}")
    >>> texts.edit(Path("exp.yaml"), "seed: 1\nvars: {rate: 0.1, wei")
    >>> texts.tree(Path("exp.yaml"), "exp.yaml").plain()
    {'seed': 1}
    >>> texts.findings(Path("exp.yaml"))[0].message
    'not YAML: the mapping in braces is not closed; it begins here'
    """

    def __init__(self) -> None:
        super().__init__()
        self._read: dict[Path, tuple[object, EditedFile | _Unreadable]] = {}
        self._last_good: dict[Path, str] = {}

    def edit(self, path: Path, text: str) -> None:
        """Take a text in the place of what is on the disk."""
        self._given[without_links(path)] = text

    def close(self, path: Path) -> None:
        """Read a file from the disk again."""
        path = without_links(path)
        for kept in (self._given, self._read, self._last_good):
            kept.pop(path, None)

    def raw(self, path: Path) -> str:
        """Return the text of a file as it is now, whatever it holds; empty if there is no such file."""
        path = without_links(path)
        if path in self._given:
            return self._given[path]
        try:
            return read_regular(path).decode(errors="replace")
        except OSError:
            return ""

    def size(self, path: Path) -> int:
        """Return how long the text of a file is: characters, or bytes on the disk; 0 if there is no such file."""
        path = without_links(path)
        if path in self._given:
            return len(self._given[path])
        return path.stat().st_size if is_regular(path) else 0

    def tree(self, path: Path, name: str) -> Node:
        """Read a file, unless it has not changed since; the tree belongs to the caller."""
        return self.file(path, name).tree.copied()

    def findings(self, path: Path) -> tuple[Finding, ...]:
        """Return why a file could not be read as it is, when it was read last."""
        kept = self._read.get(without_links(path))
        return kept[1].findings if kept is not None else ()

    def file(self, path: Path, name: str) -> EditedFile:
        """Return a file as it is now.

        Raises:
            SourceError: It cannot be read.
            YamlError: Nothing of it can be read as YAML.
        """
        path = without_links(path)
        state = self._given[path] if path in self._given else _state_on_disk(path)
        kept = self._read.get(path)
        if kept is not None and kept[0] == state and state is not None:
            if isinstance(kept[1], _Unreadable):
                raise YamlError(*kept[1].findings)
            return kept[1]
        self._read.pop(path, None)  # what was wrong with it is so no longer
        text = self._text(path, name)
        try:
            file = EditedFile(text, self._parsed(text, path, name), (), text)
        except YamlError as error:
            partly = mended(text, error, lambda repaired: self._parsed(repaired, path, name), self._last_good.get(path))
            if partly is None:
                self._read[path] = (state, _Unreadable(error.findings))
                raise
            file = EditedFile(text, partly.tree, error.findings, partly.text)
        self._read[path] = (state, file)
        self._last_good[path] = file.read_from
        return file


def _state_on_disk(path: Path) -> object:
    if not is_regular(path):
        return None
    status = path.stat()
    return (status.st_mtime_ns, status.st_size)
