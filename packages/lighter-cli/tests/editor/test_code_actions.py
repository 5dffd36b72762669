"""Each mistake in the table is mended by an action alone, and `lighter check` then finds nothing."""

from pathlib import Path

import pytest

pytest.importorskip("pygls")

from lsprotocol import types
from open_files import edit, said_by_check, said_by_editor

from lighter_cli.editor.code_actions import code_actions
from lighter_cli.editor.diagnostics import diagnostics_of
from lighter_cli.editor.spans import Units
from lighter_cli.editor.workspace import Workspace

SAME = "SAME"
"""The mended text is the one before the mistake."""

SEGMENTATION = """\
# segmentation of made volumes
seed: 7
project: code
vars: {name: "caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{ROCKET}", size: 16, num_classes: 3}
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 4
  logger: {_target_: pytorch_lightning.loggers.CSVLogger, save_dir: logs, name: "%vars::name"}
  callbacks:
    - _target_: pytorch_lightning.callbacks.ModelCheckpoint
      monitor: val/loss/epoch
      mode: min
    - {_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss/epoch, patience: 3}
system:
  _target_: lighter.System
  model: {_target_: project.volumes.Net, channels: 1, classes: "%vars::num_classes"}
  criterion: {_target_: torch.nn.CrossEntropyLoss, reduction: mean}
  optimizer:
    _target_: torch.optim.SGD
    params: "$@system::model.parameters()"
    lr: 0.01
  scheduler: {_target_: torch.optim.lr_scheduler.StepLR, optimizer: "@system::optimizer", step_size: 2}
  dataloaders:
    train: &loader
      _target_: torch.utils.data.DataLoader
      dataset: {_target_: project.volumes.Volumes, size: "%vars::size", channels: 1}
      batch_size: 2
    val: *loader
"""

VOLUMES = """\
import torch


class Volumes(torch.utils.data.Dataset):
    def __init__(self, size: int, channels: int = 1): ...


class Net(torch.nn.Module):
    def __init__(self, channels: int, classes: int): ...
"""

IN_DIGITS = {
    "text for a number, whose default is written": ("lr: 3e-3", "lr: 3e-3x", "lr: 0.001"),
    "text for a count, whose default is null": ("max_epochs: 10", "max_epochs: ten", "max_epochs: null"),
    "an argument": ("  max_epochs: 10", "  max_epoch: 10", SAME),
    "an argument in braces": ("kernel_size: 3", "kernel_sise: 3", SAME),
    "another argument": ("shuffle: true", "shufle: true", SAME),
    "a class": ("torch.nn.Conv2d", "torch.nn.Conv2D", SAME),
    "a module": ("torch.optim.AdamW", "torch.optm.AdamW", SAME),
    "a class of torchmetrics": ("torchmetrics.Accuracy", "torchmetrics.Acuracy", SAME),
    "a short name": ("pytorch_lightning.loggers.CSVLogger", "CSVLogger", SAME),
    "a class of Lighter": ("lighter.callbacks.CsvWriter", "lighter.callbacks.CsvWritter", SAME),
    "a path to copy": ("%vars::num_classes", "%vars::num_clases", SAME),
    "a path to refer to": ('dataset: "@dataset"', 'dataset: "@datset"', SAME),
    "a path in an expression": ("$@system::model.parameters()", "$@system::modle.parameters()", SAME),
    "a relative path": ('    test: "%::train"\n', '    test: "%::trian"\n', SAME),
    "a choice": ("task: multiclass", "task: multiclas", SAME),
    "another choice": ("mode: max", "mode: maximum", SAME),
    "a monitor": ("monitor: val/metrics/MulticlassAccuracy/epoch", "monitor: val/acc", SAME),
    "a section": ("\ntrainer:", "\ntrainr:", SAME),
    "an accelerator": ("accelerator: auto", "accelerator: gpuu", "accelerator: gpu"),
    "yes for true": ("shuffle: true", "shuffle: yes", SAME),
    "a reference without quotes": ('batch_size: "%vars::batch_size"', "batch_size: %vars::batch_size", ""),
    "text with a colon": ("default_root_dir: outputs", "default_root_dir: a: b", ""),
    "a key twice in braces": ("padding: 1", "padding: 1, padding: 2", SAME),
    "a key twice": ("  max_epochs: 10\n", "  max_epochs: 10\n  max_epochs: 12\n", SAME),
    "a special key": ("_target_: torch.nn.CrossEntropyLoss", "_targt_: torch.nn.CrossEntropyLoss", SAME),
    "a part of the system": ("  criterion:\n", "  criteron:\n", SAME),
    "a missing argument": ('    params: "$@system::model.parameters()"\n', "", ""),
    "a tab": ("    task: multiclass", "\ttask: multiclass", SAME),
    "a missing colon": ("  max_epochs: 10", "  max_epochs 10", SAME),
    "an open list": ("keys: [pred, target]", "keys: [pred, target", SAME),
    "an open bracket": ("$torch.tensor(@digits.target)", "$torch.tensor(@digits.target", SAME),
    "the old separator": ("%vars::batch_size", "%vars#batch_size", SAME),
}
IN_SEGMENTATION = {
    "a class of the project": ("project.volumes.Net", "project.volumes.Nett", SAME),
    "a module of the project": ("project.volumes.Volumes", "project.volume.Volumes", SAME),
    "an argument of the project": ("channels: 1, classes", "chanels: 1, classes", SAME),
    "a variable": ('"%vars::size"', '"%vars::sise"', SAME),
    "a callback by name": (
        "pytorch_lightning.callbacks.EarlyStopping",
        "pytorch_lightning.callbacks.EarlyStoping",
        SAME,
    ),
    "a stop value": ("patience: 3", "patiance: 3", SAME),
    "a monitor in braces": ("monitor: val/loss/epoch, patience", "monitor: val/los/epoch, patience", SAME),
    "an optimizer of a scheduler": ('"@system::optimizer"', '"@system::optimiser"', SAME),
    "a class of Lighter": ("lighter.System", "lighter.Sytem", SAME),
    "a loader of a mode": ("    val: *loader", "    vall: *loader", SAME),
    "a key twice behind an emoji": ("size: 16,", "size: 16, size: 17,", SAME),
    "a reference behind an emoji": ("%vars::name", "%vars::nam", SAME),
}
IN_FILES = {
    "an argument in a base": ("base.yaml", "  max_epochs: 2", "  max_epoch: 2", SAME),
    "a variable in a base": ("base.yaml", '"%vars::rate"', '"%vars::rat"', SAME),
    "a base": ("exp.yaml", "_base_: base.yaml", "_base_: bas.yaml", SAME),
    "a file of a reference": ("exp.yaml", "%data.yaml::shape", "%dat.yaml::shape", SAME),
    "a path in another file": ("exp.yaml", "%data.yaml::shape::wide", "%data.yaml::shape::wid", SAME),
    "a callback that a file replaces with": ("exp.yaml", "callbacks.ModelCheckpoint", "callbacks.ModelCheckpont", SAME),
    "an argument that a file changes": ("exp.yaml", "momentum: 0.9", "momentm: 0.9", SAME),
    "a key that a file deletes": ("over.yaml", "  ~logger: null", "  ~loger: null", SAME),
    "a file in the first line": ("over.yaml", "# lighter: base.yaml", "# lighter: bass.yaml", SAME),
    "a path that a file sets": ("over.yaml", "system::optimizer::lr:", "system::optimizer::l:", SAME),
}


def mend(workspace: Workspace, file: Path) -> list[str]:
    """Take the action after which the least is wrong, until nothing is; return the titles."""
    taken: list[str] = []
    while len(taken) < 3:
        found = diagnostics_of(workspace, file)
        actions = [action for one in found for action in code_actions(workspace, file, [one])]
        if not actions:
            break
        best = min(actions, key=lambda action: _num_left(workspace, file, action))
        taken.append(best.title)
        edit(workspace, file, applied(workspace, file, best))
    return taken


def _num_left(workspace: Workspace, file: Path, action: types.CodeAction) -> int:
    before = workspace.text(file)
    edit(workspace, file, applied(workspace, file, action))
    left = len(diagnostics_of(workspace, file))
    edit(workspace, file, before)
    return left


def applied(workspace: Workspace, file: Path, action: types.CodeAction) -> str:
    """Return the text of a file after an action."""
    assert action.edit is not None
    assert action.edit.changes is not None
    ((uri, edits),) = action.edit.changes.items()
    assert uri == file.as_uri()
    text = workspace.text(file)
    for one in edits:
        lines = text.split("\n")
        start, end = (_offset(lines, at, workspace.units) for at in (one.range.start, one.range.end))
        text = text[:start] + one.new_text + text[end:]
    return text


def _offset(lines: list[str], at: types.Position, units: Units) -> int:
    before = sum(len(line) + 1 for line in lines[: at.line])
    return before + (units.column(lines[at.line], at.character) if at.line < len(lines) else -1)


def assert_an_action_mends(file: Path, old: str, new: str, mended: str) -> None:
    original = file.read_text(encoding="utf-8")
    assert old in original
    assert not said_by_check([file]), "the config was whole"
    mistaken = original.replace(old, new, 1)
    workspace = Workspace()
    edit(workspace, file, mistaken)
    file.write_text(mistaken, encoding="utf-8")
    before = said_by_check([file]).get(file, set())
    assert before
    assert said_by_editor(workspace, file) >= before
    taken = mend(workspace, file)
    assert taken
    text = workspace.text(file)
    file.write_text(text, encoding="utf-8")
    assert not said_by_check([file]), taken
    assert not said_by_editor(workspace, file)
    if mended == SAME:
        assert text == original, taken
    elif mended:
        assert text == original.replace(old, mended, 1), taken


@pytest.mark.parametrize("mistake", IN_DIGITS)
def test_a_mistake_in_the_digits_example_is_mended(mistake: str, digits: Path) -> None:
    assert_an_action_mends(digits, *IN_DIGITS[mistake])


@pytest.mark.parametrize("mistake", IN_SEGMENTATION)
def test_a_mistake_in_an_experiment_with_code_is_mended(mistake: str, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "volumes.py").write_text(VOLUMES, encoding="utf-8")
    file = tmp_path / "config.yaml"
    file.write_text(SEGMENTATION, encoding="utf-8")
    assert_an_action_mends(file, *IN_SEGMENTATION[mistake])


@pytest.mark.parametrize("mistake", IN_FILES)
def test_a_mistake_in_one_of_several_files_is_mended(mistake: str, multi_file: Path) -> None:
    name, *change = IN_FILES[mistake]
    assert_an_action_mends(multi_file / name, *change)
