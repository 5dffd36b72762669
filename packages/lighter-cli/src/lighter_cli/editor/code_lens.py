"""``textDocument/codeLens``: which experiments a file belongs to, on its first line, with what to run."""

import shlex
from pathlib import Path

from lsprotocol import types

from lighter_cli.editor.workspace import Workspace

CHECK, SHOW = "lighter.check", "lighter.show"


def code_lenses(workspace: Workspace, file: Path) -> list[types.CodeLens]:
    """Return, for each experiment of a file, a lens that checks it, and one that shows its merged config."""
    top = types.Range(types.Position(0, 0), types.Position(0, 0))
    lenses = []
    for experiment in workspace.own_experiments(file):
        words = shlex.join(experiment.words)
        name = experiment.name if experiment.name not in ("", words) else ""
        title = f"check {name}: {words}" if name else f"check {words}"
        arguments = [workspace.uri_of(file), experiment.name]
        lenses.append(types.CodeLens(top, types.Command(title, command=CHECK, arguments=arguments)))
        lenses.append(types.CodeLens(top, types.Command("show", command=SHOW, arguments=arguments)))
    return lenses
