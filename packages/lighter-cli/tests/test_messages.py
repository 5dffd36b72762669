"""Every kind of message on the command line, as a user reads it; ``messages/`` is reviewed like code.

``python test_messages.py`` writes the snapshots again.
"""

import contextlib
import io
import os
import re
import shlex
import tempfile
from pathlib import Path
from unittest import mock

import pytest

from lighter_cli.app import app
from lighter_cli.terminal import standard_input
from lighter_cli.terminal.process import reporting_errors
from lighter_config.signatures.answers import short_names

SNAPSHOTS = Path(__file__).with_name("messages")

GOOD = """
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 2
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
    lr: 0.1
  dataloaders:
    train: {_target_: torch.utils.data.DataLoader, dataset: [1, 2]}
    val: "%::train"
"""

FILES = {
    "good.yaml": GOOD,
    "empty.yaml": "",
    "list.yaml": "- 1\n- 2\n",
    "text.txt": "a: 1\n",
    "unclosed.yaml": "a: [1, 2\nb: 3\n",
    "indented.yaml": "trainer:\n  a: 1\n b: 2\n",
    "twice.yaml": "a: 1\nb: 2\na: 3\n",
    "tab.yaml": "a:\n\tb: 1\n",
    "tag.yaml": "a: !!python/object:os.system {}\n",
    "overlay.yaml": "system: {~optimiser: null}\n",
    "shared_logs.yaml": "trainer: {logger: {_target_: pytorch_lightning.loggers.CSVLogger, save_dir: out}}\n",
    "full/held.txt": "",
    "damaged.ckpt": "no checkpoint",
}

COMMAND_LINE = [
    "fitt good.yaml",
    "fit good.yaml --chkpt-path last",
    "fit --config=good.yaml --vars#name=x",
    "check good.yaml --stage fitt",
    "check good.yaml --stage fit --all-stages",
    "check good.yaml --shapes",
    "check good.yaml --allow torch",
    "check good.yaml shapes::0=4,x shapes::1=4:int65",
    "preflight",
    "preflight good.yaml trainer::fast_dev_run=true",
    "preflight good.yaml ~system::dataloaders",
    "preflight good.yaml --batches 0",
    "preflight good.yaml --allow torch",
    "diff good.yaml",
    "diff --against good.yaml",
    "fit",
    "check",
    "show",
    "explain trainer::max_epochs",
    "explain good.yaml trainer::max_epochs",
    "explain trainer::max_epoch good.yaml",
    "explain trainer::max_epochs::x good.yaml",
    "describe",
    "describe AdmW",
    "describe torch.optim.AdmW",
    "describe torchh.nn.Linear",
    "describe good.yaml",
    "describe project.models.Net",
    "schema",
    "schema god.yaml",
    "eject",
    "eject good.yaml --stage test",
    "init",
    "init full",
    "init text.txt",
    "init new --template digit",
    "init new system",
    "runs diff a b c",
    "init text.txt/new",
    "--install-completion tcsh",
    "migrate",
    "migrate god.yaml",
    "runs",
    "runs list",
    "runs show",
    "runs show last",
    "runs diff last last",
    "runs compare",
    "runs compare last last",
    "runs compare --last 0",
    "runs compare --last many",
    "runs plot",
    "runs plot val/loss",
    "runs plot val/loss last",
    "runs plot val/loss --output plot.gif",
    "report",
    "report last",
    "report --last 3",
    "report last --last 3",
    "runs remove",
    "runs remove last",
    "runs prune",
    "runs prune --keep 0",
    "runs prune --keep 3",
    "runs prune --metric val/loss",
    "runs prune --mode best",
]

SOURCES = [
    "show god.yaml",
    "show good.yaml,god.yaml",
    "show full",
    "check good.yaml trainer:max_epochs=3",
    "show good.yaml nothing",
    "show good.yaml trainer::=3",
    "show good.yaml trainer::max_epochs=[1",
    "fit empty.yaml",
    "show list.yaml",
    "show unclosed.yaml",
    "show indented.yaml",
    "show twice.yaml",
    "show tab.yaml",
    "show tag.yaml",
    "show good.yaml overlay.yaml",
    "show good.yaml ~trainer::max_epoch",
    "show good.yaml trainer::max_epochs::x=1",
    "show good.yaml trainer::callbacks::7::patience=1",
    "show good.yaml trainer::callbacks::first::patience=1",
    "show good.yaml trainer+=1",
    "show damaged.ckpt",
]

MISTAKES = [
    "trainer::max_epoch=3",
    "trainr::max_epochs=3",
    "trainer::callbacks::0::patiance=5",
    "trainer::callbacks::0::monitor=val/los",
    "trainer::_target_=pytorch_lightning.Trianer",
    "trainer::_target_=nowhere.Trainer",
    "trainer::_target_=3",
    "trainer::_mode_=late",
    "trainer::_taget_=x",
    "~trainer",
    "~trainer::_target_",
    "~system",
    "~system::model::in_features",
    "~system::optimizer",
    "~system::criterion",
    "~system::dataloaders::train",
    "system::model::_args_=[1,2,3,4,5,6,7,8,9]",
    "model={_target_: torch.nn.Linear}",
    "seed=many",
    "project=nowhere",
    "args::fit::ckpt_pth=a.ckpt",
    "args::fitt::ckpt_path=a.ckpt",
    "args::fit::ckpt_path=a.ckpt",
    "system::optimizer::lr=@vars::lr",
    "system::optimizer::lr=%vars::lr",
    "system::optimizer::lr=@system::optimizer::lr",
    "system::optimizer::lr=%god.yaml::lr",
    "system::optimizer::lr=$1 +",
    "system::optimizer::lr=$maths.pi",
    "system::optimizer::lr=@@x",
    "system::optimizer::lr=@trainer::callbacks::7",
    "system::model::_target_=project.models.Net",
    "datamodule={}",
]
CHECKS = [f"fit good.yaml {shlex.quote(mistake)}" for mistake in MISTAKES] + [
    "check good.yaml trainer::max_epochs=three",
    "check good.yaml vars::a=@vars::b::k vars::b=@vars::a::k",
    "check good.yaml =vars::seed=1 '=vars::text=$\"@vars::seed\"' 'seed=$len(@vars::text)'",
    "fit good.yaml ~system 'model={_target_: pytorch_lightning.LightningModule}'",
    "fit good.yaml seed=many --no-check",
    "check good.yaml 'trainer::logger={_target_: pytorch_lightning.loggers.CometLogger, api_key: abcdef}'",
    "fit good.yaml 'trainer::logger={_target_: pytorch_lightning.loggers.CometLogger, api_key: <secret not recorded>}'",
    "fit good.yaml --ckpt-path nope.ckpt",
    "fit good.yaml --ckpt-path last",
    "test good.yaml system::dataloaders::test=%::val --ckpt-path best",
    "test good.yaml",
    "fit good.yaml --allow os.system",
    "fit good.yaml --safe --allow os:system",
    "fit good.yaml --safe --no-check system::model::_target_=os.system",
    "fit good.yaml --safe --no-check system::model::_target_=@vars::x",
    "fit good.yaml --safe --no-check system::model::_target_=torch.nn.modules.Linear",
    "fit good.yaml --safe --no-check system::optimizer::lr=$eval(1)",
    "fit good.yaml --safe --no-check system::optimizer::lr=$@system::model.__class__",
    "fit good.yaml --safe --no-check '_imports_={x: os}'",
    "fit good.yaml --safe --no-check args::fit::weights_only=false",
    "fit good.yaml --safe --no-check 'system::model::compile={options: {}}'",
]

SWEEPS = [
    f"sweep {words} --dry-run"
    for words in (
        "",
        "good.yaml",
        "good.yaml system::optimzer::lr:=0.1..1",
        "good.yaml lr:=0.1..1 --trials 5 --min val/loss/epoch",
        "good.yaml system::optimizer::lr:=1e-1..1e-4",
        "good.yaml system::optimizer::lr:=0..1:log",
        "good.yaml system::optimizer::lr:=0.1..x",
        "good.yaml system::optimizer::lr:=",
        "good.yaml trainer::max_epochs:=1..10:4 trainer::fast_dev_run=true",
        "good.yaml trainer::max_epochs:=1..3:4",
        "good.yaml trainer::max_epochs:=7",
        "good.yaml trainer::max_epochs:=7,8,7",
        "good.yaml trainer::max_epochs:=1..3,7",
        "good.yaml trainer::max_epochs:=2,3x",
        "good.yaml trainer::max_epochs:=1,2 system::optimizer::lr=0.1,0.2",
        "good.yaml 'system::optimizer:={lr: 0.1},{_target_: torch.optim.Adam, momentum: 0..9:3}'",
        "good.yaml system::optimizer::lr:=0.1,0.2 system::optimizer:=1,2",
        "good.yaml :=small.yaml,good.yaml",
        "good.yaml :=good.yaml",
        "good.yaml sweep::trials:=1,2",
        "good.yaml trainer::max_epochs:=1,2 sweep::trails=3",
        "good.yaml trainer::max_epochs:=1,2 sweep::sampler=tpee",
        "good.yaml trainer::max_epochs:=1,2 sweep::where=trainer",
        "good.yaml trainer::max_epochs:=1,2 'sweep::where=$@system::optimizer.lr > 1'",
        "good.yaml trainer::max_epochs:=1,2 sweep::constraints=fast",
        "good.yaml trainer::max_epochs:=1,2 'sweep::first=[{seed: 3}]'",
        "good.yaml trainer::max_epochs:=1,2 'sweep::first=[{trainer::max_epochs: 3}]'",
        "good.yaml trainer::max_epochs:=1,2 --repeat seed",
        "good.yaml system::optimizer::lr:=0.1..0.5 --repeat system::optimizer::lr",
        "good.yaml system::optimizer::lr:=0.1..0.5 --trials 5",
        "good.yaml system::optimizer::lr:=1e-4..1e-1:log --sampler grid",
        "good.yaml system::optimizer::lr:=0.1..0.5 --min val/loss/epoch",
        "good.yaml trainer::max_epochs:=1..12 --trials 10",
        "good.yaml trainer::max_epochs:=1..12 --sampler tpe --trials 10",
        "good.yaml trainer::max_epochs:=1..12 --max val/acc --trials 10",
        "good.yaml trainer::max_epochs:=1..12 --max val/loss/epoch --trials 10 trainer::fast_dev_run=true",
        "good.yaml trainer::max_epochs:=1..12 --max val/loss/epoch --min train/loss/epoch --prune --trials 10",
        "good.yaml trainer::max_epochs:=1..12 --prune",
        "good.yaml trainer::max_epochs:=1..12 --trials 0",
        "good.yaml trainer::max_epochs:=1..12 --sampler tpee",
        "good.yaml trainer::max_epochs:=1,2 trainer::fast_dev_run=true",
        "good.yaml shared_logs.yaml trainer::max_epochs:=1,2",
        "good.yaml system::model::_target_:=torch.nn.Linear,os.system --safe",
        "good.yaml trainer::max_epochs:=1,2 --allow os",
    )
] + ["fit good.yaml system::optimizer::lr:=0.1..1", "check good.yaml :=a.yaml,b.yaml"]  # fmt: skip

MAX_FIRST_LINE = 80
DIALECT = re.compile(
    r"\bgo(es)? on\b|\b(is|are) no |\bstands?\b|\bnowhere: |\bcircle\b|\b(its|their|your|one's) own\b|\bbe it\b|"
    r"\basks? for\b|\bthere is (no|nothing)\b|\bany more\b"
)
"""Words that no message uses."""

GROUPS = {"command_line": COMMAND_LINE, "sources": SOURCES, "checks": CHECKS, "sweeps": SWEEPS}


def written(group: str) -> str:
    """Run the commands of a group in an empty folder and return their output."""
    for name, text in FILES.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    with mock.patch.object(short_names, "_FURTHER_PACKAGES", ()):  # the nearest names are of packages that all have
        return "\n".join(f"$ lighter {command}\n{said(shlex.split(command))}" for command in GROUPS[group])


def said(words: list[str]) -> str:
    output, code = io.StringIO(), 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            with reporting_errors():
                result = app(standard_input.protect(words), result_action="return_value")
                code = result if isinstance(result, int) else 0
        except SystemExit as end:
            code = int(end.code or 0)
    text = re.sub(r"\x1b\[[0-9;]*m", "", output.getvalue()).replace(str(Path.cwd()), "FOLDER")
    lines = "\n".join(line.rstrip() for line in text.rstrip().splitlines())
    return f"{lines}\nexit code {code}\n"


@pytest.mark.parametrize("group", GROUPS)
def test_messages_are_as_they_were_reviewed(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert written(group) == (SNAPSHOTS / f"{group}.txt").read_text(encoding="utf-8")


def snapshots() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(SNAPSHOTS.glob("*.txt")))


def first_lines() -> list[str]:
    return re.findall(r"^(?:error|warning|note): (.*)$", snapshots(), re.MULTILINE)


def test_the_first_line_of_a_message_is_short() -> None:
    assert [line for line in first_lines() if len(line) > MAX_FIRST_LINE] == []


def test_messages_are_in_plain_english() -> None:
    assert [line for line in snapshots().splitlines() if DIALECT.search(line)] == []


if __name__ == "__main__":
    with mock.patch.dict(os.environ, {"COLUMNS": "100"}):
        for each in GROUPS:
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                text = written(each)
            (SNAPSHOTS / f"{each}.txt").write_text(text, encoding="utf-8")
