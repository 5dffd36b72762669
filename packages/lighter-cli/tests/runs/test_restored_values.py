"""What a resumed fit says of configured values in whose place a checkpoint restored others."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lighter.restored_values import RestoredValue
from lighter_cli import Runner
from lighter_cli.runs.restored_values import recorded_values, warnings_of
from lighter_config import load, parse_sources

Write = Callable[[str, str], Path]

TO_USE = "add 'trainer::callbacks+={_target_: lighter.callbacks.ConfiguredValues}' to use"

STOPS = """
trainer:
  callbacks:
    - {_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss/epoch, patience: 6}
    - {_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: train/loss/epoch, patience: 8}
system:
  scheduler:
    _target_: torch.optim.lr_scheduler.CosineAnnealingLR
    optimizer: "@system::optimizer"
    T_max: "%trainer::max_epochs"
"""

AT_FIRST_STEP = """
import logging

from pytorch_lightning import Callback


class SayStep(Callback):
    def on_train_batch_start(self, trainer, *args):
        logging.getLogger("lighter").warning("step %d starts", trainer.global_step)
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_resume_names_path_and_place_of_each_value_before_the_first_step(
    system_config: str, write: Write, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    write("stops.yaml", STOPS)
    write("code/__init__.py", "")
    write("code/steps.py", AT_FIRST_STEP)
    words = [system_config, "stops.yaml", "project=code", "trainer::callbacks+={_target_: project.steps.SayStep}"]
    Runner().run("fit", words)
    caplog.clear()
    changed = ["trainer::max_epochs=3", "system::optimizer::lr=0.7", "trainer::callbacks::2::patience=9"]
    Runner().run("fit", parse_sources([*words, *changed], from_command_line=True), ckpt_path="last")
    messages = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert messages[:4] == [
        f"""\
system::optimizer::lr is 0.7, but the checkpoint restored 0.1
  command line, word 6 system::optimizer::lr=0.7
  to fix             {TO_USE} 0.7, or configure 0.1""",
        f"""\
system::scheduler::T_max is 3, but the checkpoint restored 2
  copied by % from command line, word 5 trainer::max_epochs=3
  to fix             {TO_USE} 3, or configure 2""",
        f"""\
trainer::callbacks::2::patience is 9, but the checkpoint restored 8
  command line, word 7 trainer::callbacks::2::patience=9
  to fix             {TO_USE} 9, or configure 8""",
        "step 6 starts",
    ]
    assert not [warning for warning in recwarn if "of the checkpoint" in str(warning.message)]


@pytest.mark.slow
def test_two_ranks_warn_once(system_config: str) -> None:
    Runner().run("fit", [system_config])
    words = ["trainer::max_epochs=3", "trainer::devices=2", "trainer::strategy=ddp", "system::optimizer::lr=0.7"]
    command = [sys.executable, "-m", "lighter_cli", "fit", system_config, *words, "--ckpt-path", "last"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("system::optimizer::lr is 0.7, but the checkpoint restored 0.1") == 1
    assert "of the checkpoint, not the configured" not in done.stderr


def found(value: RestoredValue, config: str, *overrides: str, write: Write) -> tuple[str, str, str]:
    """Return the path, the place and the text there that the warning names."""
    write("config.yaml", config)
    loaded = load(parse_sources(["config.yaml", *overrides], from_command_line=True))
    (finding,) = warnings_of([value], loaded)
    (recorded,) = recorded_values([value], loaded)
    place = None if finding.place is None else str(finding.place)
    assert (recorded["path"] or "", recorded["place"]) == (finding.path, place)
    return finding.path, place or "", finding.excerpt


GROUPS = """
system:
  optimizer:
    _target_: torch.optim.SGD
    params:
      _target_: lighter.optimizers.groups
      groups: {head: {modules: head, lr: 0.5}}
    lr: 0.7
"""

COMBINED = """
system:
  optimizer:
    _target_: lighter.optimizers.CombinedOptimizer
    optimizers:
      head: {optimizer: {_target_: torch.optim.SGD, _mode_: partial, lr: 0.5}, modules: head}
      rest: {optimizer: {_target_: torch.optim.SGD, _mode_: partial, lr: 0.5}}
"""

PARAMS = """
system:
  optimizer:
    _target_: torch.optim.SGD
    params:
      - {params: "$@system::model.body.parameters()"}
      - {params: "$@system::model.head.parameters()", lr: 0.5}
    lr: 0.7
"""

OF_VARS = """
vars:
  lr: 0.5
  unused: {_target_: torch.optim.SGD, lr: 0.5}
system:
  optimizer: {_target_: torch.optim.SGD, lr: "@vars::lr"}
"""

OUTSIDE = """
schedule: {_target_: torch.optim.lr_scheduler.MultiStepLR, milestones: [3], gamma: $1 / 2}
system:
  scheduler: "@schedule"
"""


@pytest.mark.parametrize(
    ("value", "config", "expected"),
    [
        (("SGD", "lr", 0.5, 0.1, "head"), GROUPS, "system::optimizer::params::groups::head::lr"),
        (("SGD", "lr", 0.5, 0.1, "head_no_weight_decay"), GROUPS, "system::optimizer::params::groups::head::lr"),
        (("SGD", "lr", 0.7, 0.1, "default"), GROUPS, "system::optimizer::lr"),
        (("SGD", "lr", 0.35, 0.1, "layer_0"), GROUPS, ""),  # computed by a layer decay
        (("SGD", "lr", 0.5, 0.1, "head"), COMBINED, "system::optimizer::optimizers::head::optimizer::lr"),
        (("SGD", "lr", 0.5, 0.1, "rest"), COMBINED, "system::optimizer::optimizers::rest::optimizer::lr"),
        (("SGD", "lr", 0.5, 0.1, 1), PARAMS, "system::optimizer::params::1::lr"),
        (("SGD", "lr", 0.7, 0.1, 0), PARAMS, "system::optimizer::lr"),
        (("MultiStepLR", "milestones", {3: 1}, {2: 1}, None), OUTSIDE, "schedule::milestones"),
        (("MultiStepLR", "gamma", 0.5, 0.1, None), OUTSIDE, "schedule::gamma"),
        (("EarlyStopping", "patience", 3, 2, None), OUTSIDE, ""),  # made by the user's code
    ],
)
def test_path_of_a_value(value: tuple[Any, ...], config: str, expected: str, write: Write) -> None:
    path, place, _ = found(RestoredValue(*value), config, write=write)
    assert path == expected
    assert place.startswith("config.yaml:") == bool(expected)


def test_place_is_that_of_the_value_that_a_reference_leads_to(write: Write) -> None:
    value = RestoredValue("SGD", "lr", 0.9, 0.1)
    expected = ("system::optimizer::lr", "command line, word 2", "vars::lr=0.9")
    assert found(value, OF_VARS, "vars::lr=0.9", write=write) == expected


def test_value_of_one_of_several_components_names_all_of_them(write: Write) -> None:
    write("config.yaml", COMBINED)
    value = RestoredValue("SGD", "lr", 0.5, 0.1)
    (finding,) = warnings_of([value], load(["config.yaml"]))
    assert finding.message == "lr of SGD is 0.5, but the checkpoint restored 0.1"
    assert finding.place is None
    ways = (
        f"system::optimizer::optimizers::{name}::optimizer::lr (config.yaml:{line}:74)"
        for name, line in (("head", 6), ("rest", 7))
    )
    assert finding.fix == f"{TO_USE} 0.5, or configure 0.1; the value is set at {' or '.join(ways)}"
    (finding,) = warnings_of([value], load(["config.yaml", "system::optimizer::optimizers::rest::optimizer::lr=0.2"]))
    assert finding.path == "system::optimizer::optimizers::head::optimizer::lr"
