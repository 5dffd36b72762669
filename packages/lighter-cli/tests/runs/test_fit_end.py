"""The closing lines and the record say why a fit ended; a checkpoint of nan weights is not the best one."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.errors import CheckpointError
from lighter_cli.runs.record import read_records

pytestmark = pytest.mark.slow

Write = Callable[[str, str], Path]

STOPPING = "trainer::callbacks+={_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss/epoch, %s}"
EVERY_EPOCH = ("trainer::callbacks::0::save_top_k=-1", "trainer::num_sanity_val_steps=0")


def _record() -> dict[str, Any]:
    return dict(read_records(Path())[-1].content)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("trainer::max_epochs=3",), "max_epochs=3"),
        (("trainer::max_steps=4",), "max_steps=4"),
        (("trainer::max_time=00:00:00:00",), "max_time, after 0."),
        ((STOPPING % "patience: 1, min_delta: 100",), "EarlyStopping: Monitored metric val/loss/epoch did not improve"),
        ((STOPPING % "stopping_threshold: 100",), "EarlyStopping: Stopping threshold reached: val/loss/epoch = "),
    ],
)
def test_the_reason_of_the_end_is_said_and_recorded(
    system_config: str, caplog: pytest.LogCaptureFixture, in_process: Callable[..., Any], words: Any, reason: str
) -> None:
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("fit", [system_config, "trainer::max_epochs=20", *words])
    assert _record()["ended_by"].startswith(reason)
    assert "Signaling" not in _record()["ended_by"]
    (line,) = [line for line in caplog.messages if line.startswith("ended by ")]
    assert line.endswith(_record()["ended_by"])
    assert f"ended by   {'' * 5}" in (shown := in_process("runs", "show", "last").stdout)
    assert _record()["ended_by"] in shown


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty", "ignore:EarlyStopping has pat")
def test_a_stop_that_a_checkpoint_restored_is_not_the_reason(system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=20", STOPPING % "patience: 1, min_delta: 100"])
    assert _record()["ended_by"].startswith("EarlyStopping")
    Runner().run("fit", [system_config, "trainer::max_epochs=3", STOPPING % "patience: 9"], ckpt_path="last")
    assert _record()["ended_by"] == "max_epochs=3"


def test_a_fit_that_failed_was_ended_by_nothing_else(system_config: str) -> None:
    with pytest.raises(RuntimeError):
        Runner().run("fit", [system_config, "system::model::in_features=5"])
    assert _record()["status"] == "failed"
    assert "ended_by" not in _record()


NAN = """
import torch
from lighter import LighterModule

class Diverging(LighterModule):
    first = 3

    def training_step(self, batch, batch_idx):
        loss = self.network(batch[0]).square().mean()
        return loss * float("nan") if self.trainer.global_step >= self.first else loss

    def validation_step(self, batch, batch_idx):
        return {"loss": self.network(batch[0]).square().mean()}

    def test_step(self, batch, batch_idx):
        return self.validation_step(batch, batch_idx)

class NanInTheFirstStep(Diverging):
    first = 0

class NotMonitored(NanInTheFirstStep):
    def validation_step(self, batch, batch_idx):
        self.log("val/loss/epoch", float(self.current_epoch))
"""


@pytest.fixture
def diverging(module_config: str, write: Write) -> Callable[..., list[str]]:
    """The inputs of a fit whose loss is nan from the second epoch on."""
    write("code/diverging.py", NAN)

    def inputs(name: str = "Diverging", *words: str) -> list[str]:
        return [module_config, f"model::_target_=project.diverging.{name}", "~model::criterion", *EVERY_EPOCH, *words]

    return inputs


@pytest.mark.filterwarnings("ignore:.*is nan")
@pytest.mark.parametrize("has_weights_alone", ["false", "true"])
def test_a_nan_loss_is_in_the_closing_lines_and_the_record(
    diverging: Callable[..., list[str]],
    caplog: pytest.LogCaptureFixture,
    in_process: Callable[..., Any],
    has_weights_alone: str,
) -> None:
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("fit", diverging("Diverging", f"trainer::callbacks::0::save_weights_only={has_weights_alone}"))
    record = _record()
    assert record["nan_losses"] == {"train": "in the mean of epoch 1", "val": "in the mean of epoch 1"}
    said = [" ".join(line.split()) for line in caplog.messages]
    assert "nan loss train, in the mean of epoch 1" in said
    assert [line for line in said if line.startswith("nan weights")] == [
        "nan weights checkpoints/epoch=1-step=6.ckpt, checkpoints/last.ckpt"
    ]
    shown = in_process("runs", "show", "last").stdout
    assert "train, in the mean of epoch 1; val, in the mean of epoch 1" in shown
    assert Path(record["checkpoints"]["best"]).name == "epoch=0-step=3.ckpt"
    weights = torch.load(record["checkpoints"]["best"], weights_only=True)["state_dict"]
    assert all(weight.isfinite().all() for weight in weights.values())


@pytest.mark.filterwarnings("ignore:.*is nan")
@pytest.mark.parametrize("name", ["NanInTheFirstStep", "NotMonitored"])
def test_checkpoints_of_nan_weights_are_never_the_best(diverging: Callable[..., list[str]], name: str) -> None:
    """The score of the first is nan, which Lightning keeps as infinite; that of the second is a number."""
    Runner().run("fit", diverging(name))
    checkpoints = _record()["checkpoints"]
    assert checkpoints["best"] is None
    assert len(checkpoints["nan"]) == 3
    assert {Path(file).exists() for file in checkpoints["nan"]} == {True}
    with pytest.raises(CheckpointError, match="has no 'best' checkpoint: it saved nan weights"):
        Runner().run("test", [str(read_records(Path())[-1].folder)])


@pytest.mark.filterwarnings("ignore:.*is nan")
def test_the_newest_checkpoint_of_nan_weights_is_not_the_best(diverging: Callable[..., list[str]]) -> None:
    """Without a monitor, Lightning calls the newest one the best."""
    Runner().run("fit", diverging("Diverging", "~trainer::callbacks::0::monitor"))
    assert _record()["checkpoints"]["best"] is None
    assert Path("checkpoints/epoch=0-step=3.ckpt").exists()


@pytest.mark.filterwarnings("ignore:.*is nan")
def test_on_nan_stop_is_the_reason_of_the_end(diverging: Callable[..., list[str]]) -> None:
    Runner().run("fit", diverging("Diverging", "model::on_nan=stop", "trainer::max_epochs=20"))
    assert _record()["status"] == "finished"
    assert _record()["ended_by"] == "on_nan=stop, as a loss is nan"
    assert _record()["progress"]["epoch"] == 2


def test_a_save_that_lightning_never_made_is_in_the_closing_lines(
    system_config: str, caplog: pytest.LogCaptureFixture
) -> None:
    words = ["trainer::max_epochs=1", "trainer::num_sanity_val_steps=0"]
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("fit", [system_config, *words, "trainer::callbacks::0::every_n_train_steps=2"])
    assert _record()["deferred_saves"] == ["val/loss/epoch"]
    (line,) = [line for line in caplog.messages if line.startswith("not saved")]
    assert "due before the first val/loss/epoch; `save_on_train_epoch_end: false` saves" in line


@pytest.mark.filterwarnings("ignore:.*is nan", "ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.filterwarnings("ignore:the run had ended inside an epoch")
def test_a_run_that_starts_from_nan_weights_says_so(
    diverging: Callable[..., list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    Runner().run("fit", diverging("Diverging", "model::on_nan=stop", "trainer::max_epochs=20"))
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("validate", diverging(), ckpt_path="last")
        Runner().run("validate", diverging(), ckpt_path="best")
    last, best = [line for line in caplog.messages if " checkpoint of run " in line]
    assert ".ckpt, of nan weights" in last
    assert "nan weights" not in best
