"""``textDocument/definition``: from a path to its source, from a reference to its key, from a key to its base."""

from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types

from lighter_cli.editor.diagnostics import location
from lighter_cli.editor.pointed import Pointed, pointed_at
from lighter_cli.editor.reference_spans import WrittenReference
from lighter_cli.editor.workspace import Workspace
from lighter_config import Config, ConfigError, Place, Signature, format_path, load
from lighter_config.regular_files import without_links
from lighter_config.sources.bases import BASE
from lighter_config.sources.file_names import shown


def definitions(workspace: Workspace, file: Path, line: int, column: int) -> list[types.Location]:
    """Return where what is at a position is defined."""
    pointed = pointed_at(workspace, file, line, column)
    if pointed is None:
        return []
    if pointed.reference is not None:
        return list(_of_reference(workspace, pointed.checked.config, pointed.reference))
    if pointed.target is not None:
        return list(_of_target(pointed, column))
    if pointed.part == "value" and BASE in pointed.entry.path and isinstance(pointed.entry.node.value, str):
        base = without_links(file.parent / pointed.entry.node.value)
        return [location(workspace, base, Place(str(base), 1, 1))] if workspace.texts.has(base) else []
    return list(_settings(workspace, pointed))


def _of_reference(workspace: Workspace, config: Config | None, written: WrittenReference) -> Iterator[types.Location]:
    if written.other_file is not None:
        other = without_links(written.other_file)
        if not written.reference.path:
            yield location(workspace, other, Place(shown(other), 1, 1))
            return
        try:
            config = load(str(other), texts=workspace.texts, strict=False)
        except ConfigError:
            return
    path = format_path(written.target)
    place = None
    if config is not None:
        part = config if config.has(path) else config.expanded()
        place = part.key_place(path)
    if place is not None and place.line is not None:
        yield location(workspace, without_links(place.source), place)


def _of_target(pointed: Pointed, column: int) -> Iterator[types.Location]:
    """Yield the source of the class or function; of the module when the position is in an earlier part of the path."""
    target, span = pointed.target or "", pointed.entry.value
    quote = 1 if span is not None and span.end - span.start > len(target) else 0
    start = span.start + quote if span is not None else 0
    behind = target[max(column - start, 0) :].find(".")
    up_to = target if behind < 0 else target[: max(column - start, 0) + behind]
    answer = pointed.checked.reader.read(target)
    if up_to == target and isinstance(answer, Signature) and answer.file:
        yield _line_of(answer.file, answer.line)
        return
    for module in (up_to, up_to.rpartition(".")[0]):
        source = pointed.checked.reader.file_of(module) if module else None
        if source is not None:
            yield _line_of(source, 1)
            return


def _line_of(file: str, line: int) -> types.Location:
    at = types.Position(max(line - 1, 0), 0)
    return types.Location(Path(file).as_uri(), types.Range(at, at))


def _settings(workspace: Workspace, pointed: Pointed) -> Iterator[types.Location]:
    """Yield the other places that set a value, newest first: those of base files, or of files that change it."""
    config, path = pointed.checked.config, format_path(pointed.path)
    for place in config.chain(path) if config is not None and config.has(path) else ():
        if place.line is not None and not place.via:
            yield location(workspace, without_links(place.source), place)
