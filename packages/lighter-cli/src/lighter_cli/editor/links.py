"""``textDocument/documentLink``: the files that a file names, in ``_base_`` and ``%file.yaml``."""

from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types

from lighter_cli.editor.reference_spans import references_in
from lighter_cli.editor.spans import Span
from lighter_cli.editor.workspace import Workspace
from lighter_config.regular_files import without_links
from lighter_config.sources.bases import BASE


def links(workspace: Workspace, file: Path) -> list[types.DocumentLink]:
    """Return the files that exist."""
    lines = workspace.lines(file)
    return [
        types.DocumentLink(workspace.units.range_of(lines, span), str(without_links(other).as_uri()))
        for span, other in _files(workspace, file)
        if workspace.texts.has(other)
    ]


def _files(workspace: Workspace, file: Path) -> Iterator[tuple[Span, Path]]:
    for entry in workspace.entries(file):
        if entry.path[:1] == (BASE,) and isinstance(entry.node.value, str) and entry.value is not None:
            yield entry.value, file.parent / entry.node.value
    for written in references_in(workspace, file, workspace.experiment_for(file)):
        if written.other_file is not None:
            length = 1 + len(written.reference.file)
            yield Span(written.span.line, written.span.start, written.span.start + length), written.other_file
