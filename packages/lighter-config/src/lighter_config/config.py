"""A loaded config: the merged tree, where each value came from, and what it builds."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from lighter_config.building.copying import Copier, OpenFile
from lighter_config.errors import ConfigError, PathError
from lighter_config.findings import Finding
from lighter_config.merging.merger import Doubt
from lighter_config.notes import notes_of
from lighter_config.places import Place
from lighter_config.regular_files import without_links
from lighter_config.sources.words import CheckpointSource, FileSource, OverrideSource, RunSource, Source
from lighter_config.suggestions import nearest_names
from lighter_config.tree.history import Setting, settings_of
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.origins import Origin
from lighter_config.tree.paths import format_path, parse_path
from lighter_config.tree.references import is_copy
from lighter_config.tree.walking import follow, walk
from lighter_config.writing.plain_tree import as_written

_NO_DEFAULT = object()


class Config:
    """A merged config. It is read-only: load it with more sources, ``load([config, "seed=2"])``, to change something.

    Attributes:
        sources: What it was loaded from, in order.
        whole: The config before pruning; itself when nothing was pruned.
    """

    def __init__(
        self,
        root: Node,
        *,
        sources: tuple[Source, ...],
        origins: tuple[Origin, ...],
        doubts: tuple[Doubt, ...],
        open_file: OpenFile,
        whole: "Config | None" = None,
        copy_errors: Mapping[int, ConfigError] | None = None,
    ) -> None:
        self.sources = sources
        self.whole: Config = self if whole is None else whole
        self._root = root
        self._origins = origins
        self._doubts = doubts
        self._open_file = open_file
        self._copy_errors = copy_errors

    @cached_property
    def notes(self) -> tuple[Finding, ...]:
        """The notes of loading: old syntax, words that other tools read otherwise, merges that may not be meant.

        Of an expanded config also what could not be expanded, as errors.
        """
        found = list(notes_of(self._root, self._nodes, self._origins, self._doubts))
        for _, node in self._nodes if self._copy_errors else ():
            if id(node) in (self._copy_errors or {}):
                found.extend((self._copy_errors or {})[id(node)].findings)
        return tuple(dict.fromkeys(found))

    @cached_property
    def tree(self) -> dict[str, Any]:
        """The merged config as plain dicts, lists and leaves, with ``%``, ``@`` and ``$`` as written.

        A ``%`` reference that later sources changed has the changes beside it, as paths. Treat it as read-only.
        """
        return as_written(self._root, self._copier)

    def expanded(self) -> "Config":
        """Return the config with every ``%`` reference replaced by its copy, and changes to copies applied.

        A reference that cannot be copied stays as it is; the result's ``notes`` have the error, and building it raises.
        """
        return self._expanded

    @cached_property
    def _copier(self) -> Copier:
        """Copies what ``%`` references name."""
        return Copier(self._root, self._open_file)

    @cached_property
    def _expanded(self) -> "Config":
        if self._copy_errors is not None or not any(is_copy(node.value) for _, node in self._nodes):
            return self
        root = self._copier.copied()
        return self._with_root(root, whole=None if self.whole is self else self.whole, copy_errors=self._copier.errors)

    def _with_root(
        self, root: Node, *, whole: "Config | None", copy_errors: Mapping[int, ConfigError] | None = None
    ) -> "Config":
        """Return a config with another, expanded tree from the same sources."""
        return Config(
            root,
            sources=self.sources,
            origins=self._origins,
            doubts=self._doubts,
            open_file=self._open_file,
            whole=whole,
            copy_errors=self._copy_errors if copy_errors is None else copy_errors,
        )

    def get(self, path: str, default: Any = _NO_DEFAULT) -> Any:
        """Return the configured value at a path, nothing built; of a mapping or list a plain copy.

        A path may lead through a ``%`` reference into its copy.

        Raises:
            PathError: There is nothing at the path and no default is given, or the path cannot be read.

        >>> from lighter_config import load
        >>> load({"model": {"depth": 18}}).get("model::depth")
        18
        """
        if not path:
            return self.tree
        node = self._node_at(parse_path(path))
        if node is not None:
            return node.plain()
        if default is not _NO_DEFAULT:
            return default
        raise self._nothing_at(path)

    def has(self, path: str) -> bool:
        """Return whether a path has a value; null is one."""
        return not path or self._node_at(parse_path(path)) is not None

    def place(self, path: str) -> Place | None:
        """Return the place that set the value at a path; ``None`` when there is no such value."""
        node = self._node_at(parse_path(path)) if path else self._root
        return None if node is None else node.place

    def key_place(self, path: str) -> Place | None:
        """Return the place of the key at a path; of an item of a list the item's own."""
        node = self._node_at(parse_path(path)) if path else self._root
        return None if node is None else node.key_place

    def chain(self, path: str) -> tuple[Place, ...]:
        """Return every place that set the value at a path, newest first."""
        node = self._node_at(parse_path(path)) if path else self._root
        return () if node is None else tuple(node.chain())

    def history(self, path: str) -> tuple[Setting, ...]:
        """Return every setting of the value at a path, newest first: its place, what the user wrote, what it did.

        >>> from lighter_config import load
        >>> [text for _, text, _ in load([{"lr": 0.1}, "lr=0.2"]).history("lr")]
        ['lr=0.2', '']
        >>> [effect for *_, effect in load([{"sizes": [1]}, {"sizes": [2]}, "sizes+=3"]).history("sizes")]
        ['appended 1 item', 'replaced', '']
        """
        node = self._node_at(parse_path(path)) if path else self._root
        return () if node is None else tuple(settings_of(node))

    def paths_by_place(self) -> dict[tuple[str, int, int], Segments]:
        """Return the path that each key of a file sets, or each item of a list, by file, line and column, from 1.

        A key that another source sets as well is among them; one whose value was deleted or replaced is not.
        """
        found: dict[tuple[str, int, int], Segments] = {}
        for path, node in self._nodes:
            for trace in node.traces():
                place = trace.key_place
                if place.line is not None and place.column is not None:
                    found.setdefault((place.source, place.line, place.column), path)
        return found

    def excerpt(self, path: str) -> str:
        """Return what the user wrote at the place of a path: the line of the file, or the override."""
        node = self._node_at(parse_path(path)) if path else self._root
        return "" if node is None else node.excerpt

    def key_excerpt(self, path: str) -> str:
        """Return what the user wrote at the place of the key at a path."""
        node = self._node_at(parse_path(path)) if path else self._root
        return "" if node is None else node.key_excerpt

    def leaf_paths(self) -> Iterator[str]:
        """Yield the path of every value that is not a mapping or list."""
        for path, node in self._nodes:
            if node.is_leaf:
                yield format_path(path)

    def walk(self) -> Iterator[tuple[Segments, Any]]:
        """Yield the path and value of every mapping, list and leaf, parents first."""
        for path, node in self._nodes:
            yield path, node.value if node.is_leaf else node.plain()

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The files that it was loaded from, resolved, in order."""
        return tuple(without_links(source.path) for source in self.sources if isinstance(source, FileSource))

    @property
    def words(self) -> tuple[str, ...]:
        """The words that it was loaded from, as they were given; a mapping as Python shows it.

        >>> from lighter_config import load
        >>> load([{"seed": 1}, "seed=2"]).words
        ("{'seed': 1}", 'seed=2')
        """
        by_word = groupby(self.sources, key=_word_of)
        return tuple(",".join(map(str, sources)) for _, sources in by_word)

    @property
    def overrides(self) -> tuple[str, ...]:
        """The words that changed single values, in order."""
        return tuple(source.text for source in self.sources if isinstance(source, OverrideSource))

    def resolve(self, path: str = "", default: Any = _NO_DEFAULT) -> Any:
        """Build the value at a path, and what it refers to; each object is built once for this config.

        With a ``default``, that is returned when there is nothing at the path.

        Raises:
            PathError: There is nothing at the path, and no default is given.
            ReferenceNotFoundError: The target of a reference does not exist.
            CircularReferenceError: References lead back to themselves.
            ExpressionError: An expression fails.
            TargetError: A ``_target_`` does not exist or cannot be called.
            Exception: What a constructor raises, as it is, with a note that names the path.

        >>> from lighter_config import load
        >>> load({"counts": {"_target_": "collections.Counter", "_args_": ["abca"]}}).resolve("counts")["a"]
        2
        """
        if path and self._node_at(parse_path(path)) is None:
            if default is not _NO_DEFAULT:
                return default
            raise self._nothing_at(path)
        return self._resolver.resolve(parse_path(path) if path else ())

    def built_parts(self) -> Iterator[tuple[Segments, Any]]:
        """Yield the path and the object of each component that ``resolve`` has built by now, parents first.

        >>> from lighter_config import load
        >>> config = load({"counts": {"_target_": "collections.Counter", "_args_": ["abca"]}})
        >>> counts = config.resolve("counts")
        >>> [(path, part is counts) for path, part in config.built_parts()]
        [(('counts',), True)]
        """
        yield from self._resolver.built_parts()

    @cached_property
    def _resolver(self) -> Any:
        from lighter_config.building.resolving import Resolver

        expanded = self.expanded()
        return Resolver(expanded._root, expanded._copy_errors or {})

    @cached_property
    def _nodes(self) -> tuple[tuple[Segments, Node], ...]:
        """Every node below the root with its path, parents first: a check looks at all of them many times."""
        _, *nodes = walk(self._root)
        return tuple(nodes)

    def _node_at(self, segments: Segments) -> Node | None:
        """Return the node at a path, through copies on the way."""
        node, _, rest = follow(self._root, segments)
        if not rest:
            return node
        is_in_copy = is_copy(node.value) and self._expanded is not self
        return self._expanded._node_at(segments) if is_in_copy else None

    def _nothing_at(self, path: str) -> PathError:
        node, holder, rest = follow(self._root, parse_path(path))
        keys = [str(key) for key, _ in node.children()] if node.is_mapping else []
        names = nearest_names(str(rest[0]), keys)
        finding = Finding(
            message=f"{path} does not exist",
            path=path,
            expected=tuple(keys),
            nearest=tuple(format_path((*holder, name)) for name in names),
        )
        return PathError(finding)


def _word_of(source: Source) -> tuple[int, int]:
    """Identify the word that a source comes from: the files of a comma list share one."""
    return (source.word, 0 if isinstance(source, FileSource | CheckpointSource | RunSource) else id(source))
