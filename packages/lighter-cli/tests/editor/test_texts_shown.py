"""Every kind of text that hovering and completing show, as a user reads it; ``messages/`` is reviewed like code.

``python test_texts_shown.py`` writes the snapshots again.
"""

import contextlib
import re
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("pygls")

sys.path.append(str(Path(__file__).parent))
from open_files import MULTI_FILE, edit

from lighter_cli.editor.completion import completion
from lighter_cli.editor.hover import hover
from lighter_cli.editor.workspace import Workspace

SNAPSHOTS = Path(__file__).with_name("messages")
NUM_ITEMS = 12

NETWORKS = '''\
from enum import Enum
from typing import Literal


class Norm(Enum):
    BATCH = "batch"
    LAYER = "layer"


class Net:
    """A network for tests.

    More of it.

    Args:
        width: How many channels its layers have.
        kind: What its layers are.
    """

    def __init__(self, width: int, *, kind: Literal["dense", "conv"] = "dense", norm: Norm = Norm.BATCH, bias=True): ...


def make(**options):
    """Make a network."""
'''

FILES = MULTI_FILE | {
    "project/networks.py": NETWORKS,
    "own.yaml": """\
project: project
vars: {rate: 0.1, twice: "%vars::rate", text: &name caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{ROCKET}, again: *name}
model:
  _target_: project.networks.Net
  width: 3
  kind: conv
  bias: "@vars::nothing?7"
other: {_target_: project.networks.make, depth: 3}
wrong: {_target_: project.networks.Nett}
unknown: {_target_: project.networks.Norm.BATCH.value}
sum: "$@vars::rate * 2 + @model.width"
""",
}
"""The files of the questions: a line of one of them, in which ``|`` is where somebody points or types."""

HOVERS = [
    ("base.yaml", "  _target_: pytorch_lightning.callbacks.Early|Stopping"),
    ("base.yaml", "  ma|x_epochs: 2"),
    ("base.yaml", "      pa|tience: 3"),
    ("base.yaml", '    l|r: "%vars::rate"'),
    ("base.yaml", '    lr: "%vars|::rate"'),
    ("base.yaml", '    params: "$@system|::model.parameters()"'),
    ("base.yaml", "  ra|te: 0.1"),
    ("base.yaml", '    val: "%::tr|ain"'),
    ("exp.yaml", "  r|ate: 0.2"),
    ("exp.yaml", "trainer::max_epo|chs: 5"),
    ("exp.yaml", '    in_features: "%data.yaml::shape::w|ide"'),
    ("exp.yaml", "    out_fea|tures: 3"),
    ("exp.yaml", "see|d: 3"),
    ("over.yaml", "  max_ep|ochs: 7"),
    ("own.yaml", "  _target_: project.networks.N|et"),
    ("own.yaml", "  wid|th: 3"),
    ("own.yaml", "  ki|nd: conv"),
    ("own.yaml", '  bias: "@vars::no|thing?7"'),
    ("own.yaml", "other: {_target_: project.networks.make, de|pth: 3}"),
    ("own.yaml", "wrong: {_target_: project.networks.Ne|tt}"),
    ("own.yaml", "unknown: {_target_: project.networks.Norm.BATCH.va|lue}"),
    ("own.yaml", 'sum: "$@vars::ra|te * 2 + @model.width"'),
]

COMPLETIONS = [
    ("base.yaml", "|"),
    ("base.yaml", "tr|"),
    ("base.yaml", "  max_epochs: 2\n  |"),
    ("base.yaml", "  max_epochs: 2\n  log|"),
    ("base.yaml", "  logger: |"),
    ("base.yaml", "    _target_: torch.optim.SG|"),
    ("base.yaml", "    _target_: AdamW|"),
    ("base.yaml", "  model: {_target_: torch.nn.Conv2d, |}"),
    ("base.yaml", "  model: {_target_: torch.nn.Conv2d, padding_mode: |}"),
    ("base.yaml", "    - _target_: pytorch_lightning.callbacks.EarlyStopping\n      |"),
    ("base.yaml", "      monitor: |"),
    ("base.yaml", '    lr: "%vars::|'),
    ("base.yaml", "    lr: %|"),
    ("base.yaml", '    val: "%::|"'),
    ("base.yaml", '    params: "$@system::|'),
    ("base.yaml", "  dataloaders:\n    |"),
    ("exp.yaml", "_base_: |"),
    ("exp.yaml", '    in_features: "%data.yaml::shape::|"'),
    ("exp.yaml", "  optimizer: {|}"),
    ("exp.yaml", "  =|"),
    ("over.yaml", "  max_epochs: 7\n  ~|"),
    ("own.yaml", "  _target_: project.networks.|"),
    ("own.yaml", "  kind: |"),
    ("own.yaml", "  bias: |"),
    ("own.yaml", "  width: 3\n  |"),
    ("own.yaml", "  width: 3\n  _mode_: |"),
    ("own.yaml", "project: project # |"),
]


def ask(name: str, question: str) -> tuple[Workspace, Path, int, int]:
    """Open the files with the line of a question in the place of the line that it resembles, or at the end."""
    before, _, _ = question.partition("|")
    line = question.replace("|", "")
    lines = FILES[name].rstrip("\n").split("\n")
    first = line.split("\n")[0]
    key = first.partition(":")[0] + ":"
    at = next((at for at, one in enumerate(lines) if one == first), None)
    if at is None:
        at = next((at for at, one in enumerate(lines) if first.strip() and one.startswith(key)), len(lines))
    lines[at : at + 1] = line.split("\n")
    workspace = Workspace()
    for other, text in FILES.items():
        if other.endswith(".yaml"):
            edit(workspace, Path(other).resolve(), text)
    edit(workspace, Path(name).resolve(), "\n".join(lines) + "\n")
    return workspace, Path(name).resolve(), at + before.count("\n"), len(before.rpartition("\n")[2])


def hovered(name: str, question: str) -> str:
    found = hover(*ask(name, question))
    return found.contents.value if found is not None else "(nothing)"  # type: ignore[union-attr]


def completed(name: str, question: str) -> str:
    found = completion(*ask(name, question))
    lines = []
    for item in sorted(found.items, key=lambda item: item.sort_text or "")[:NUM_ITEMS]:
        about = " ".join(str(item.documentation or "").split())[:60]
        shown = " | ".join(part for part in (item.label, item.detail or "", about) if part)
        lines.append(f"  {shown}  ->  {item.text_edit.new_text!r}")  # type: ignore[union-attr]
    rest = len(found.items) - NUM_ITEMS
    return "\n".join([*lines, *([f"  and {rest} more"] if rest > 0 else [])]) or "  (nothing)"


GROUPS = {"hovers": (HOVERS, hovered), "completions": (COMPLETIONS, completed)}


def written(group: str) -> str:
    """Ask the questions of a group in an empty folder and return the answers."""
    for name, text in FILES.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    questions, answer = GROUPS[group]
    text = "\n".join(f"==== {name}: {question}\n{answer(name, question)}\n" for name, question in questions)
    text = text.replace(Path.cwd().as_uri(), "file:///FOLDER")
    text = re.sub(r"file:///(?!FOLDER)[^)]*/(?=[^/)]*/[^/)]*\))", "file:///FOLDER/", text)
    return re.sub(r"(\.py:)\d+|(\.py#L)\d+", lambda match: (match[1] or match[2]) + "1", text)  # lines of libraries


@pytest.mark.parametrize("group", GROUPS)
def test_texts_are_as_they_were_reviewed(group: str) -> None:
    assert written(group) == (SNAPSHOTS / f"{group}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for each in GROUPS:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            text = written(each)
        (SNAPSHOTS / f"{each}.txt").write_text(text, encoding="utf-8")
