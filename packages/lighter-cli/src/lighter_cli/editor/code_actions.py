"""``textDocument/codeAction``: the fixes of findings that are edits."""

from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types

from lighter_cli.editor.diagnostics import SOURCE, finding_at
from lighter_cli.editor.fixes import Edit, Fixes
from lighter_cli.editor.workspace import Workspace


def code_actions(workspace: Workspace, file: Path, diagnostics: Sequence[types.Diagnostic]) -> list[types.CodeAction]:
    """Return an action for each edit that mends one of some diagnostics, the likeliest first."""
    actions: list[types.CodeAction] = []
    for diagnostic in diagnostics:
        finding = finding_at(workspace, file, diagnostic) if diagnostic.source == SOURCE else None
        if finding is None:
            continue
        edits = dict.fromkeys(Fixes(workspace, file, diagnostic, finding).edits())
        actions += [_action(workspace, file, diagnostic, edit) for edit in edits]
    return actions


def _action(workspace: Workspace, file: Path, diagnostic: types.Diagnostic, edit: Edit) -> types.CodeAction:
    lines, units = workspace.lines(file), workspace.units

    def position(at: tuple[int, int]) -> types.Position:
        line = lines[at[0]] if at[0] < len(lines) else ""
        return types.Position(at[0], units.count(line, at[1]))

    change = types.TextEdit(types.Range(position(edit.start), position(edit.end)), edit.text)
    return types.CodeAction(
        title=edit.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic],
        is_preferred=edit.is_preferred,
        edit=types.WorkspaceEdit(changes={workspace.uri_of(file): [change]}),
    )
