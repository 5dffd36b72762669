"""The files that a file builds on: ``_base_`` at its root."""

from collections.abc import Iterator
from pathlib import Path

from lighter_config.errors import CircularReferenceError, SourceError
from lighter_config.findings import Finding
from lighter_config.regular_files import with_home, without_links
from lighter_config.sources.file_names import nearest_files, shown
from lighter_config.sources.texts import Texts
from lighter_config.tree.node import Node

BASE = "_base_"


class Bases:
    """Puts the bases of files before them; each file is a base at most once, so that what bases share is read once."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._done: set[Path] = set()

    def of(self, tree: Node, path: Path | None = None) -> Iterator[Node]:
        """Yield the trees of the bases of a tree, then the tree itself; ``_base_`` is taken out of each.

        Args:
            tree: The root of a source.
            path: Its file, if it has one.

        Raises:
            SourceError: ``_base_`` is not the name of a file, or there is no such file.
            CircularReferenceError: A file is its own base.
        """
        if path is not None:
            self._done.add(without_links(path))
        yield from self._of(tree, [] if path is None else [without_links(path)])

    def _of(self, tree: Node, way: list[Path]) -> Iterator[Node]:
        named = tree.value.pop(BASE, None)
        for node in _files_named(named) if named is not None else ():
            file = _located(node, way[-1] if way else None, self._texts)
            if file in way:
                raise CircularReferenceError(_circular([*way[way.index(file) :], file], node))
            if file not in self._done:
                self._done.add(file)
                yield from self._of(self._texts.tree(file, shown(file)), [*way, file])
        yield tree


def _files_named(named: Node) -> list[Node]:
    nodes = named.value if named.is_list else [named]
    for node in nodes:
        if not isinstance(node.value, str) or not node.value or node.value[0] in "@%$":
            raise _error(f"{BASE} must name a file, is {node.plain()!r}", node, fix=f"write `{BASE}: base.yaml`")
    return list(nodes)


def _located(node: Node, asking: Path | None, texts: Texts) -> Path:
    folder = node.origin.folder or Path.cwd()
    asked = with_home(node.value)
    path = folder / asked
    if texts.has(path):
        return without_links(path)
    where = f"a file, relative to {shown(without_links(folder))}"
    near = nearest_files(asked, folder, besides=asking)
    raise _error(f"the {BASE} {node.value!r} does not exist", node, expected=where, nearest=near)


def _circular(files: list[Path], node: Node) -> Finding:
    names = " -> ".join(shown(file) for file in files)
    message = f"circular {BASE}: {names}"
    return Finding(message=message, path=BASE, place=node.place, excerpt=node.excerpt, fix="remove one of them")


def _error(
    message: str, node: Node, *, expected: str = "", nearest: tuple[str, ...] = (), fix: str = ""
) -> SourceError:
    return SourceError(
        Finding(
            message=message,
            path=BASE,
            place=node.place,
            excerpt=node.excerpt,
            expected=(expected,) if expected else (),
            nearest=nearest,
            fix=fix,
        )
    )
