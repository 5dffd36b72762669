"""Where references are written in a file, with the stretch of each part of their paths."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lighter_cli.editor.entries import Entry
from lighter_cli.editor.spans import Span
from lighter_cli.editor.workspace import Checked, Workspace
from lighter_config import ConfigError, find_references
from lighter_config.sources.file_names import shown
from lighter_config.tree.node import Segments
from lighter_config.tree.reference_syntax import Reference
from lighter_config.tree.references import absolute_path

_PART = re.compile(r"(?:(?!::)[^#\s{}?])+")


@dataclass(frozen=True, slots=True)
class WrittenReference:
    """A reference in the text of a file.

    Attributes:
        file: The file.
        at: The path of the value that holds it, in the merged config.
        reference: What it says.
        target: The absolute path that it leads to; in another file if it names one.
        span: Where it is written, with its sign.
        parts: The stretch of each segment of its path as it is written.
        other_file: The file that it reads, for ``%file.yaml::path``.
    """

    file: Path
    at: Segments
    reference: Reference
    target: Segments
    span: Span
    parts: tuple[Span, ...]
    other_file: Path | None = None


def references_in(workspace: Workspace, file: Path, checked: Checked) -> Iterator[WrittenReference]:
    """Yield the references that are written in a file, in the order of its text."""
    lines = workspace.lines(file)
    for entry in workspace.entries(file):
        yield from references_of(entry, lines, file, checked)


def references_of(entry: Entry, lines: Sequence[str], file: Path, checked: Checked) -> Iterator[WrittenReference]:
    """Yield the references in one value."""
    text, span = entry.node.value, entry.value
    if type(text) is not str or span is None or text[:1] not in ("@", "%", "$"):
        return
    try:
        references = find_references(text)
    except ConfigError:
        return
    at = checked.path_of(shown(file), entry)
    line, column = span.line, span.start
    for reference in references:
        written = text[reference.start : reference.end]
        place = _place_of(lines, written, line, column)
        if place is None:
            continue
        line, start = place
        column = start + len(written)
        try:
            target = absolute_path(reference, at)
        except ConfigError:
            continue
        yield WrittenReference(
            file,
            at,
            reference,
            target,
            Span(line, start, column),
            tuple(_parts(reference, written, line, start)),
            (file.parent / reference.file) if reference.file else None,
        )


def _place_of(lines: Sequence[str], written: str, line: int, column: int) -> tuple[int, int] | None:
    """Find the text of a reference at or behind a place; an expression may take several lines."""
    for number in range(line, min(line + 50, len(lines))):
        start = lines[number].find(written, column if number == line else 0)
        if start >= 0:
            return number, start
    return None


def _parts(reference: Reference, written: str, line: int, start: int) -> Iterator[Span]:
    at = len(written) - len(written.lstrip("@%{"))
    if reference.file:
        at = written.index(reference.file) + len(reference.file)
    found = [match for match in _PART.finditer(written, at) if match.group().strip(":")]
    for match in found[: len(reference.path)]:
        begin = match.start() + len(match.group()) - len(match.group().lstrip(":"))
        yield Span(line, start + begin, start + match.end())
