"""Load a config: read its sources and merge them in order."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lighter_config.config import Config
from lighter_config.errors import ReferenceNotFoundError, SourceError
from lighter_config.findings import Finding
from lighter_config.merging.merger import Merger
from lighter_config.sources.mapping_reader import node_of
from lighter_config.sources.overrides import parse_override
from lighter_config.sources.recorded_places import Places, recorded_places, remember
from lighter_config.sources.words import (
    RECORDED_CONFIG,
    CheckpointSource,
    FileSource,
    MappingSource,
    OverrideSource,
    RunSource,
    Source,
    StdinSource,
    origin_of_caller,
    parse_sources,
)
from lighter_config.suggestions import nearest_names
from lighter_config.tree.node import Node
from lighter_config.tree.origins import Document, Origin, Word

Words = str | os.PathLike[str] | Mapping[Any, Any] | Sequence[str | os.PathLike[str] | Mapping[Any, Any] | Source]


def load(words: Words) -> Config:
    """Load and merge sources, later ones over earlier ones.

    Args:
        words: One source or several: file names, overrides (``trainer::max_epochs=3``), mappings, or the result
            of ``parse_sources``.

    Raises:
        SourceError: A word is neither a file nor an override.
        YamlError: A file is not valid YAML, or not YAML that a config can use.
        MergeError: Sources do not fit together, or the path of an override does not exist.

    >>> config = load([{"trainer": {"max_epochs": 10}}, "trainer::max_epochs=3"])
    >>> config.get("trainer::max_epochs"), str(config.place("trainer::max_epochs"))
    (3, 'command line, word 2')
    """
    several = not isinstance(words, str | os.PathLike | Mapping)
    sources = parse_sources(list(words) if several else [words])  # type: ignore[arg-type, list-item]
    merger = Merger()
    root: Node | None = None
    origins: list[Origin] = []
    for source in sources:
        if isinstance(source, OverrideSource):
            word = Word(source.text, source.word)
            if root is None:
                root = Node({}, word)
            origins.append(word)
            merger.apply(root, parse_override(source.text, word))  # read anew: merging takes the nodes over
            continue
        tree, places = _read(source)
        origins.append(tree.origin)
        if root is None:
            root = Node({}, tree.origin, tree.mark)
        merger.merge(root, tree)
        remember(root, tree.origin, places)
    if root is None:
        root = Node({}, Document("nothing", ""))
    return Config(
        root, sources=tuple(sources), origins=tuple(origins), growths=tuple(merger.growths), open_file=Files().open
    )


def _read(source: Source) -> tuple[Node, Places]:
    """Read the tree of a source that is not an override, and the places that an earlier run recorded for it."""
    # with it comes the YAML library, a third of all import time
    from lighter_config.sources.yaml_reader import read_mapping

    if isinstance(source, FileSource):
        return _read_file(source.path, source.name), {}
    if isinstance(source, RunSource) or (isinstance(source, CheckpointSource) and source.path.is_dir()):
        name = str(Path(source.name) / RECORDED_CONFIG)
        return _read_file(source.path / RECORDED_CONFIG, name), recorded_places(source.path)
    if isinstance(source, CheckpointSource):
        from lighter_config.sources.checkpoints import stored_config

        text, places = stored_config(source.path, source.name)
        return read_mapping(text, Document(source.name, text)), places
    if isinstance(source, StdinSource):
        return read_mapping(source.text, Document("standard input", source.text)), {}
    assert isinstance(source, MappingSource)
    return node_of(source.mapping, origin_of_caller(source.place)), {}


def _read_file(path: Path, name: str) -> Node:
    from lighter_config.sources.yaml_reader import decode, read_mapping

    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(Finding(message=f"{name} cannot be read: {error.strerror}", excerpt=name)) from error
    text = decode(content, name)
    return read_mapping(text, Document(name, text, path.parent))


class Files:
    """The other files that ``%file.yaml::path`` reads, each once."""

    def __init__(self) -> None:
        self._by_path: dict[Path, tuple[str, Node]] = {}
        self._by_name: dict[str, tuple[str, Node]] = {}

    def open(self, file: str, folder: Path | None) -> tuple[str, Node]:
        """Read a file relative to the folder of the file that names it, else to the working directory.

        Raises:
            ReferenceNotFoundError: The file does not exist.
        """
        if file in self._by_name:
            return self._by_name[file]
        path = self._locate(file, folder)
        if path not in self._by_path:
            try:
                name = str(path.relative_to(Path.cwd()))
            except ValueError:
                name = str(path)
            tree = _read_file(path, name)
            root = Node({}, tree.origin, tree.mark)
            Merger().merge(root, tree)
            self._by_path[path] = self._by_name[name] = (name, root)
        return self._by_path[path]

    def _locate(self, file: str, folder: Path | None) -> Path:
        asked = Path(file).expanduser() if file.startswith("~/") else Path(file)
        folders = [Path.cwd()] if folder is None else [folder, Path.cwd()]
        for base in folders:
            if (base / asked).is_file():
                return (base / asked).resolve()
        around = (folders[0] / asked).parent
        names = [entry.name for entry in around.iterdir()] if around.is_dir() else []
        nearest = tuple(str(asked.with_name(name)) for name in nearest_names(asked.name, names))
        raise ReferenceNotFoundError(Finding(message=f"the file {file!r} does not exist", nearest=nearest))
