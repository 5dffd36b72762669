"""``textDocument/references`` and ``textDocument/rename``: a key, and all that refers to it in its experiments."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types

from lighter_cli.editor.pointed import pointed_at
from lighter_cli.editor.reference_spans import references_in
from lighter_cli.editor.spans import Span
from lighter_cli.editor.workspace import Checked, Workspace
from lighter_config import Finding, PathError, nearest_names
from lighter_config.regular_files import without_links
from lighter_config.sections import SECTIONS
from lighter_config.sources.file_names import shown
from lighter_config.tree.keys import special_key
from lighter_config.tree.node import Segments

_NAME = re.compile(r"[^\W\d][\w-]*")


def references(
    workspace: Workspace, file: Path, line: int, column: int, *, with_declaration: bool = True
) -> list[types.Location]:
    """Return where a key is referred to, and, if asked for, where it is set."""
    key = _key_at(workspace, file, line, column)
    if key is None:
        return []
    found: list[tuple[Path, Span]] = []
    for checked in _experiments(workspace, file):
        if with_declaration:
            found += _keys(workspace, checked, key)
        found += [(at, whole) for at, whole, _ in _uses(workspace, checked, key)]
    return [_location(workspace, at, span) for at, span in sorted(dict.fromkeys(found))]


def renamed_span(workspace: Workspace, file: Path, line: int, column: int) -> Span | None:
    """Return the stretch that a renaming at a position would change; ``None`` where nothing can be renamed."""
    key = _key_at(workspace, file, line, column)
    if key is None:
        return None
    spans = [
        span
        for checked in _experiments(workspace, file)
        for at, span in _renamed(workspace, checked, key)
        if at == file
    ]
    return next((span for span in spans if span.has(line, column)), None)


def rename(workspace: Workspace, file: Path, line: int, column: int, name: str) -> types.WorkspaceEdit:
    """Return the edits that give a key another name, in every file of its experiments.

    Raises:
        PathError: There is no key, the name cannot be one, or the mapping has such a key already.
    """
    key = _key_at(workspace, file, line, column)
    if key is None:
        raise PathError(
            Finding(message="there is no key of the config here", fix="put the cursor on a key, or on a reference")
        )
    if not _NAME.fullmatch(name):
        raise PathError(
            Finding(message=f"{name!r} cannot be the name of a key", expected=("letters, digits, _ and -",))
        )
    if len(key) == 1 and key[0] in SECTIONS:
        raise PathError(Finding(message=f"{key[0]} is a section of Lighter, which has this name"))
    edits: dict[str, dict[Span, types.TextEdit]] = defaultdict(dict)
    for checked in _experiments(workspace, file):
        _refuse_taken(checked, key, name)
        for at, span in _renamed(workspace, checked, key):
            lines = workspace.lines(at)
            edits[workspace.uri_of(at)][span] = types.TextEdit(workspace.units.range_of(lines, span), name)
    return types.WorkspaceEdit(changes={uri: list(found.values()) for uri, found in edits.items()})


def _refuse_taken(checked: Checked, key: Segments, name: str) -> None:
    beside = {path[-1] for path, _ in checked.config.walk() if path[:-1] == key[:-1]} if checked.config else set()
    if name in beside and name != key[-1]:
        raise PathError(Finding(message=f"there is a key {name!r} beside it already", nearest=nearest_names(name, [])))


def _experiments(workspace: Workspace, file: Path) -> list[Checked]:
    """Return the experiments that a file is a part of, checked as they are now."""
    return workspace.checked_with(file) or [workspace.experiment_for(file)]


def _key_at(workspace: Workspace, file: Path, line: int, column: int) -> Segments | None:
    """Return the path of the key at a position: one that is set there, or the part of a reference that is there."""
    pointed = pointed_at(workspace, file, line, column)
    if pointed is None:
        return None
    if pointed.reference is not None:
        written = pointed.reference
        above = len(written.target) - len(written.reference.path)
        for number, span in enumerate(written.parts):
            if span.has(line, column):
                return written.target[: above + number + 1]
        return written.target or None
    if pointed.part == "value" or pointed.entry.key is None:
        return None
    key = pointed.entry.path[-1]
    special = special_key(key)
    if special is None or pointed.entry.key is None:
        return pointed.path
    holder = pointed.path[: len(pointed.path) - len(special.path)]
    parts = list(_parts_of_key(pointed.entry.key, special.path, workspace.lines(file)))
    number = next((number for number, span in enumerate(parts) if span.has(line, column)), len(parts) - 1)
    return (*holder, *special.path[: number + 1])


def _keys(workspace: Workspace, checked: Checked, key: Segments) -> Iterator[tuple[Path, Span]]:
    """Yield where a key is set, in every file of an experiment: the stretch of its name."""
    for file in sorted(checked.files):
        lines = workspace.lines(file)
        for entry in workspace.entries(file):
            if entry.key is None or type(entry.path[-1]) is not str:
                continue
            special = special_key(entry.path[-1])
            path = checked.path_of(shown(file), entry)
            if special is None:
                if path == key:
                    yield file, _unquoted(entry.key, lines)
            elif path[: len(key)] == key and len(path) - len(special.path) < len(key):
                parts = list(_parts_of_key(entry.key, special.path, lines))
                number = len(key) - (len(path) - len(special.path)) - 1
                if number < len(parts):
                    yield file, parts[number]


def _parts_of_key(span: Span, path: Segments, lines: list[str]) -> Iterator[Span]:
    """Yield the stretch of each segment of a key that is a path."""
    column = span.start
    for segment in path:
        start = lines[span.line].find(str(segment), column, span.end)
        if start < 0:
            return
        column = start + len(str(segment))
        yield Span(span.line, start, column)


def _unquoted(span: Span, lines: list[str]) -> Span:
    is_quoted = lines[span.line][span.start : span.start + 1] in ("'", '"')
    return Span(span.line, span.start + 1, span.end - 1) if is_quoted else span


def _uses(workspace: Workspace, checked: Checked, key: Segments) -> Iterator[tuple[Path, Span, Span | None]]:
    """Yield the references to a key or to something inside it, with the stretch of the key's name in them."""
    for file in sorted(checked.files):
        for written in references_in(workspace, file, checked):
            if written.other_file is not None and not _reads(workspace, written.other_file, checked, key):
                continue
            if written.target[: len(key)] == key:
                number = len(key) - 1 - (len(written.target) - len(written.reference.path))
                part = written.parts[number] if 0 <= number < len(written.parts) else None
                yield file, written.span, part


def _reads(workspace: Workspace, other: Path, checked: Checked, key: Segments) -> bool:
    """Return whether a key is set in the file that a reference names."""
    other = without_links(other)
    return any(
        checked.path_of(shown(other), entry) == key for entry in workspace.entries(other) if entry.key is not None
    )


def _renamed(workspace: Workspace, checked: Checked, key: Segments) -> Iterator[tuple[Path, Span]]:
    yield from _keys(workspace, checked, key)
    yield from ((file, part) for file, _, part in _uses(workspace, checked, key) if part is not None)


def _location(workspace: Workspace, file: Path, span: Span) -> types.Location:
    return types.Location(workspace.uri_of(file), workspace.units.range_of(workspace.lines(file), span))
