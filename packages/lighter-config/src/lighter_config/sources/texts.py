"""Where the texts of config files come from: the disk, or somebody who has not saved them yet."""

import os
from collections.abc import Mapping
from pathlib import Path

from lighter_config.errors import SourceError
from lighter_config.findings import Finding
from lighter_config.regular_files import is_regular, read_regular, without_links
from lighter_config.sources.decoding import decode
from lighter_config.tree.node import Node
from lighter_config.tree.origins import Document


class Texts:
    """The texts of config files: those that are given, and for every other file what is on the disk.

    Args:
        given: The text of each file that is not to be read; the file need not exist.
    """

    def __init__(self, given: Mapping[str | os.PathLike[str], str] | None = None) -> None:
        self._given = {without_links(path): text for path, text in (given or {}).items()}

    def has(self, path: Path) -> bool:
        """Return whether there is a file at a path, or a text that is given for it."""
        return is_regular(path) or (bool(self._given) and without_links(path) in self._given)

    def tree(self, path: Path, name: str) -> Node:
        """Read a file as a tree, which belongs to the caller.

        Args:
            path: The file.
            name: What messages call it.

        Raises:
            SourceError: It cannot be read.
            YamlError: It is not YAML as configs are written in.
        """
        return self._parsed(self._text(path, name), path, name)

    def _text(self, path: Path, name: str) -> str:
        if self._given and (given := self._given.get(without_links(path))) is not None:
            return given
        try:
            content = read_regular(path)
        except OSError as error:
            raise SourceError(Finding(message=f"{name} cannot be read: {error.strerror}", excerpt=name)) from error
        return decode(content, name)

    def _parsed(self, text: str, path: Path, name: str) -> Node:
        from lighter_config.sources.yaml_reader import read_mapping

        return read_mapping(text, Document(name, text, path.parent))
