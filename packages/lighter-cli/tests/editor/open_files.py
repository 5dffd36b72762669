"""Files that are open in an editor, and what `lighter check` says of the same texts."""

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types

from lighter_cli.app import app
from lighter_cli.editor.diagnostics import diagnostics_of
from lighter_cli.editor.workspace import Workspace
from lighter_config.sources.file_names import shown

MULTI_FILE = {
    "base.yaml": """\
vars:
  batch_size: 8
  rate: 0.1
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 2
  logger: false
  callbacks:
    - _target_: pytorch_lightning.callbacks.EarlyStopping
      monitor: val/loss/epoch
      patience: 3
system:
  _target_: lighter.System
  model: {_target_: torch.nn.Linear, in_features: 4, out_features: 2}
  criterion: {_target_: torch.nn.CrossEntropyLoss}
  optimizer:
    _target_: torch.optim.SGD
    params: "$@system::model.parameters()"
    lr: "%vars::rate"
  dataloaders:
    train: {_target_: torch.utils.data.DataLoader, dataset: [1, 2], batch_size: "%vars::batch_size"}
    val: "%::train"
""",
    "exp.yaml": """\
_base_: base.yaml
seed: 3
vars:
  rate: 0.2
trainer::max_epochs: 5
trainer:
  =callbacks:
    - _target_: pytorch_lightning.callbacks.ModelCheckpoint
      monitor: val/loss/epoch
system:
  model:
    in_features: "%data.yaml::shape::wide"
    out_features: 3
  optimizer: {momentum: 0.9}
""",
    "data.yaml": "shape: {wide: 3, high: 4}\n",
    "over.yaml": """\
# lighter: base.yaml, this, seed=4
trainer:
  max_epochs: 7
  ~logger: null
system::optimizer::lr: "%vars::rate"
""",
}
"""A base, a file that builds on it, one that the second reads, and one that names its experiment in its first line."""

Said = tuple[str, int, int, str]
"""The first line of a message, its line and column from 1, and its severity."""

_SEVERITIES = {
    types.DiagnosticSeverity.Error: "error",
    types.DiagnosticSeverity.Warning: "warning",
    types.DiagnosticSeverity.Information: "note",
}


def edit(workspace: Workspace, file: Path, text: str) -> None:
    """Take the text of a file, and check what it belongs to, as the server does."""
    workspace.edit(file, text, file.as_uri())
    for experiment in workspace.affected(file):
        workspace.check(experiment)


def said_by_editor(workspace: Workspace, file: Path) -> set[Said]:
    """Return the diagnostics of a file."""
    return {said_by(one, workspace.text(file), workspace.units) for one in diagnostics_of(workspace, file)}


def said_by(diagnostic: types.Diagnostic, text: str, units: Any) -> Said:
    """Return a diagnostic as `said_by_check` has it."""
    start = diagnostic.range.start
    line = text.split("\n")[start.line]
    severity = _SEVERITIES[diagnostic.severity]  # type: ignore[index]
    return diagnostic.message.split("\n")[0], start.line + 1, units.column(line, start.character) + 1, severity


def said_by_check(files: Sequence[Path]) -> dict[Path, set[Said]]:
    """Return what ``lighter check --each --format json`` says of files on the disk, by the file that it is about."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        app(["check", "--each", "--format", "json", *map(shown, files)], result_action="return_value")
    said: dict[Path, set[Said]] = {}
    for experiment in json.loads(output.getvalue())["experiments"]:
        for finding in experiment["findings"]:
            place = finding["place"] or {"line": None, "source": ""}
            is_in_file = place["line"] is not None and place["source"].endswith((".yaml", ".yml"))
            named = [word for word in experiment["words"] if word.endswith((".yaml", ".yml"))]
            file = Path(place["source"] if is_in_file else named[-1]).resolve()
            message = finding["message"].split("\n")[0]
            line, column = (place["line"], place["column"]) if is_in_file else (1, 1)
            said.setdefault(file, set()).add((message, line, column, finding["severity"]))
    return said
