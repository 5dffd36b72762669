"""Load a config: read its sources and merge them in order."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lighter_config.config import Config
from lighter_config.errors import MergeError, ReferenceNotFoundError, SourceError
from lighter_config.findings import Finding
from lighter_config.loading.unread_overrides import unread_overrides
from lighter_config.merging.item_names import wrong_item_names
from lighter_config.merging.merger import Doubt, Merger
from lighter_config.places import Place
from lighter_config.regular_files import is_regular, with_home, without_links
from lighter_config.sources.bases import Bases
from lighter_config.sources.dimensions import check_overlap, parse_dimension
from lighter_config.sources.file_names import nearest_files, shown
from lighter_config.sources.mapping_reader import node_of
from lighter_config.sources.overrides import parse_override
from lighter_config.sources.recorded_places import Places, recorded_places, remember
from lighter_config.sources.run_folders import RECORDED_CONFIG, TRIAL_FILE
from lighter_config.sources.texts import Texts
from lighter_config.sources.words import (
    CheckpointSource,
    DimensionSource,
    FileSource,
    LookUpRun,
    MappingSource,
    OverrideSource,
    RunSource,
    Source,
    StdinSource,
    caller_place,
    origin_of_caller,
    parse_sources,
)
from lighter_config.tree.credentials import hidden_secrets
from lighter_config.tree.node import BeforeAppending, Node, Segments
from lighter_config.tree.origins import Document, Origin, Word
from lighter_config.tree.walking import follow, walk

Input = str | os.PathLike[str] | Mapping[Any, Any] | Config | Source
Words = Input | Sequence[Input]


def load(
    words: Words,
    *,
    strict: bool = True,
    look_up_run: LookUpRun | None = None,
    texts: Texts | Mapping[str | os.PathLike[str], str] | None = None,
) -> Config:
    """Load and merge sources, later ones over earlier ones.

    Args:
        words: One source or several: file names, overrides (``trainer::max_epochs=3``), mappings, or the result
            of ``parse_sources``. The first can be a config, which is not read again and stays as it is.
        strict: Refuse an override that makes a key at the root or in ``vars`` which nothing refers to.
        look_up_run: Finds the runs that words name, where nothing else fits.
        texts: The texts of files that are not to be read from the disk, such as those of an editor.

    Raises:
        SourceError: A word is neither a file nor an override, or a ``_base_`` does not exist.
        YamlError: A file is not valid YAML, or not YAML that a config can use.
        MergeError: Sources do not fit together, the path of an override does not exist, or nothing reads its value.

    >>> config = load([{"trainer": {"max_epochs": 10}}, "trainer::max_epochs=3"])
    >>> config.get("trainer::max_epochs"), str(config.place("trainer::max_epochs")).rpartition(", ")[2]
    (3, 'argument 2')
    >>> load([config, "trainer::max_epochs=4"]).get("trainer::max_epochs"), config.get("trainer::max_epochs")
    (4, 3)
    >>> load("exp.yaml", texts={"exp.yaml": "_base_: base.yaml", "base.yaml": "seed: 7"}).get("seed")
    7
    """
    with hidden_secrets():
        return _loaded(
            words,
            strict=strict,
            look_up_run=look_up_run,
            texts=texts if isinstance(texts, Texts) else Texts(texts),
        )


def _loaded(words: Words, *, strict: bool, look_up_run: LookUpRun | None, texts: Texts) -> Config:
    given: list[Any] = [words] if isinstance(words, str | os.PathLike | Mapping | Config | Source) else list(words)
    before = given.pop(0).whole if given and isinstance(given[0], Config) else None
    sources = _parsed(given, first=1 if before is None else 2, look_up_run=look_up_run, texts=texts)
    merged = _Merged(texts) if before is None else _Merged.from_config(before, texts)
    for source in sources:
        if isinstance(source, OverrideSource):
            merged.override(source)
        elif isinstance(source, DimensionSource):
            merged.vary(source)
        else:
            merged.add(source)
    root = Node({}, Document("nothing", "")) if merged.root is None else merged.root
    if any(origin.names_items for origin in merged.origins) and (wrong := list(wrong_item_names(walk(root)))):
        raise MergeError(*wrong)
    config = Config(
        root,
        sources=tuple(sources) if before is None else (*before.sources, *sources),
        origins=tuple(merged.origins),
        doubts=(*merged.merger.doubts, *merged.overwritten()),
        open_file=Files(texts).open,
    )
    is_built_on_something = any(not isinstance(one, OverrideSource | DimensionSource) for one in config.sources)
    if strict and is_built_on_something and (unread := unread_overrides(config, merged.new)):
        raise MergeError(*unread)
    return config


def _parsed(given: Sequence[Any], *, first: int, look_up_run: LookUpRun | None, texts: Texts) -> list[Source]:
    for number, later in enumerate(given, first):
        if isinstance(later, Config):
            place = Place.of_input(number, caller_place())
            raise SourceError(Finding(message="a Config can only be the first input", place=place))
    return parse_sources(given, look_up_run=look_up_run, first=first, texts=texts)


class _Merged:
    """Sources merged so far.

    Attributes:
        root: The tree; ``None`` before the first source.
        origins: What set values, in order.
        new: The overrides that made a key where nothing was, with its path.
    """

    def __init__(self, texts: Texts) -> None:
        self.root: Node | None = None
        self.origins: list[Origin] = []
        self.merger = Merger()
        self.new: list[tuple[Segments, Word]] = []
        self._texts = texts
        self._bases = Bases(texts)
        self._given: list[tuple[Segments, Node]] = []
        self._is_file_after_override = False

    @classmethod
    def from_config(cls, config: Config, texts: Texts) -> "_Merged":
        """Start from the sources of a config, as they were read; the config stays as it is."""
        merged = cls(texts)
        merged.root, merged.origins = config._root.copied(), list(config._origins)
        copies = {id(node): copy for (_, node), (_, copy) in zip(walk(config._root), walk(merged.root), strict=True)}
        doubts = [doubt for doubt in config._doubts if id(doubt.node) in copies]
        merged.merger.doubts += [replace(doubt, node=copies[id(doubt.node)]) for doubt in doubts]
        return merged

    def add(self, source: Source) -> None:
        """Merge a source that is not an override, after the files that it names as its bases."""
        tree, places = _read(source, self._texts)
        for part in self._bases.of(tree, source.path if isinstance(source, FileSource) else None):
            self.origins.append(part.origin)
            if self.root is None:
                self.root = Node({}, part.origin, part.mark)
            self.merger.merge(self.root, part)
        assert self.root is not None
        remember(self.root, tree.origin, places)
        self._is_file_after_override = bool(self._given)

    def override(self, source: OverrideSource) -> None:
        """Apply an override."""
        word = Word(source.text, source.word, source.caller)
        self.origins.append(word)
        if self.root is None:
            self.root = Node({}, word)
        change = parse_override(source.text, word)  # read anew: merging takes the nodes over
        if change.kind == "set" and follow(self.root, change.path).rest:
            self.new.append((change.path, word))
        if change.kind in ("set", "replace"):
            self._given.append((change.path, Node(None, word)))
        self.merger.apply(self.root, change)

    def vary(self, source: DimensionSource) -> None:
        """Put a dimension into the ``sweep`` section."""
        word = Word(source.text, source.word, source.caller)
        self.origins.append(word)
        if self.root is None:
            self.root = Node({}, word)
        change = parse_dimension(source.text, word)
        check_overlap(self.root, change)
        self.merger.apply(self.root, change)

    def overwritten(self) -> Iterator[Doubt]:
        """Yield the overrides whose value a later file replaced."""
        if not self._is_file_after_override:
            return
        assert self.root is not None
        for path, given in self._given:
            node, _, rest = follow(self.root, path)
            is_grown = isinstance(node.previous, BeforeAppending)
            if not rest and not node.is_mapping and not is_grown and not isinstance(node.origin, Word):
                yield Doubt("overwritten", node, node.trace, given.trace)


def _read(source: Source, texts: Texts) -> tuple[Node, Places]:
    """Read the tree of a source that is not an override, and the places that an earlier run recorded for it."""
    # with it comes the YAML library, a third of all import time
    from lighter_config.sources.yaml_reader import read_mapping

    if isinstance(source, FileSource):
        is_of_trial = is_regular(source.path.with_name(TRIAL_FILE))
        return texts.tree(source.path, source.name), recorded_places(source.path.parent) if is_of_trial else {}
    if isinstance(source, RunSource) or (isinstance(source, CheckpointSource) and source.path.is_dir()):
        name = str(Path(source.name) / RECORDED_CONFIG)
        return texts.tree(source.path / RECORDED_CONFIG, name), recorded_places(source.path)
    if isinstance(source, CheckpointSource):
        from lighter_config.sources.checkpoints import stored_config

        text, places = stored_config(source.path, source.name)
        return read_mapping(text, Document(source.name, text)), places
    if isinstance(source, StdinSource):
        return read_mapping(source.text, Document("standard input", source.text)), {}
    assert isinstance(source, MappingSource)
    return node_of(source.mapping, origin_of_caller(source.place)), {}


def parts_of(path: Path, name: str, texts: Texts | None = None) -> tuple[Node, ...]:
    """Read a file as the trees that merge one after another: those of its bases, then its own.

    Raises:
        ConfigError: It, or a base of it, cannot be read.
    """
    texts = texts or Texts()
    return tuple(Bases(texts).of(texts.tree(path, name), path))


class Files:
    """The other files that ``%file.yaml::path`` reads, each once."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
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
            name = shown(path)
            parts = parts_of(path, name, self._texts)
            root = Node({}, parts[-1].origin, parts[-1].mark)
            merger = Merger()
            for part in parts:
                merger.merge(root, part)
            self._by_path[path] = self._by_name[name] = (name, root)
        return self._by_path[path]

    def _locate(self, file: str, folder: Path | None) -> Path:
        asked = with_home(file) if file.startswith("~/") else Path(file)
        folders = [Path.cwd()] if folder is None else [folder, Path.cwd()]
        for base in folders:
            if self._texts.has(base / asked):
                return without_links(base / asked)
        nearest = nearest_files(asked, folders[0])
        raise ReferenceNotFoundError(Finding(message=f"the file {file!r} does not exist", nearest=nearest))
