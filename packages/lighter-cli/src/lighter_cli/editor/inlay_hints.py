"""``textDocument/inlayHint``: the value that a file changes, and on request the defaults that nothing changes."""

from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types

from lighter_cli.editor.entries import Entry
from lighter_cli.editor.workspace import Checked, Workspace
from lighter_config import Place, Signature, format_path
from lighter_config.regular_files import without_links
from lighter_config.sources.file_names import shown

_MAX_SHOWN = 40


def inlay_hints(
    workspace: Workspace, file: Path, shown_lines: range, *, defaults: bool = False
) -> list[types.InlayHint]:
    """Return the hints of some lines.

    Args:
        workspace: What is open.
        file: The file.
        shown_lines: Their numbers, from 0.
        defaults: Whether to show, behind a target, the defaults of the arguments that are not given.
    """
    lines = workspace.lines(file)
    checked = workspace.experiment_for(file)
    hints: list[types.InlayHint] = []
    for entry in workspace.entries(file):
        span = entry.value
        if span is None or span.line not in shown_lines or not entry.node.is_leaf:
            continue
        texts = [*_changed(workspace, file, entry, checked)]
        if defaults:
            texts += _defaults(workspace, file, entry, checked)
        where = workspace.units.range_of(lines, span).end
        hints += [types.InlayHint(where, text, padding_left=True, tooltip=about) for text, about in texts]
    return hints


def _changed(workspace: Workspace, file: Path, entry: Entry, checked: Checked) -> Iterator[tuple[str, str]]:
    """Say which value a base gives to a key that this file changes."""
    config = checked.config
    if config is None or entry.key is None:
        return
    path = format_path(checked.path_of(shown(file), entry))
    chain = [place for place in config.chain(path) if place.line is not None] if config.has(path) else []
    own = next((at for at, place in enumerate(chain) if without_links(place.source) == file), None)
    before = chain[own + 1] if own is not None and own + 1 < len(chain) else None
    if before is None or without_links(before.source) == file:
        return
    value = _written(workspace, before)
    if value is not None:
        yield f"was {value}", f"{before}"


def _written(workspace: Workspace, place: Place) -> str | None:
    """Return the text of the value at a place of another file; ``None`` for a mapping or list."""
    other = without_links(place.source)
    for entry in workspace.entries(other):
        for span in (entry.key, entry.value):
            if span is not None and (span.line + 1, span.start + 1) == (place.line, place.column):
                if not entry.node.is_leaf or entry.value is None:
                    return None
                text = workspace.lines(other)[entry.value.line][entry.value.start : entry.value.end]
                return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"
    return None


def _defaults(workspace: Workspace, file: Path, entry: Entry, checked: Checked) -> Iterator[tuple[str, str]]:
    target = entry.node.value
    if entry.path[-1] != "_target_" or not isinstance(target, str):
        return
    answer = checked.reader.read(target)
    if not isinstance(answer, Signature):
        return
    given = {other.path[-1] for other in workspace.entries(file) if other.path[:-1] == entry.path[:-1]}
    left = [
        one for one in answer.parameters if one.accepts_keyword and one.default is not None and one.name not in given
    ]
    if left:
        yield ", ".join(f"{one.name}={one.default}" for one in left), f"defaults of {target}"
