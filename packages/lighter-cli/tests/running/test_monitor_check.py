"""A monitor that a fit does not log, in the model of a user, of which no check knows the names."""

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lighter_cli import Runner
from lighter_cli.errors import MonitorError
from lighter_cli.runs.record import read_records

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:`ModelCheckpoint.*could not find the monitored key")]

Write = Callable[[str, str], Path]

CODE = """
import torch
import {package} as pl
from torch.utils.data import DataLoader, TensorDataset


class Model(pl.LightningModule):
    def __init__(self, follows=None, strict=True):
        super().__init__()
        self.network = torch.nn.Linear(4, 2)
        self.follows = follows
        self.strict = strict

    def loss(self, batch, name):
        loss = torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])
        self.log(name, loss)
        return loss

    def training_step(self, batch, batch_idx):
        return self.loss(batch, "train_loss")

    def validation_step(self, batch, batch_idx):
        self.loss(batch, "val_loss")
        if not self.trainer.sanity_checking:
            self.log("val_late", 1.0)

    def on_train_epoch_end(self):
        self.log("at_end", 1.0)

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        if self.follows is None:
            return optimizer
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        settings = {{"scheduler": scheduler, "monitor": self.follows, "strict": self.strict}}
        return {{"optimizer": optimizer, "lr_scheduler": settings}}

    def train_dataloader(self):
        samples = TensorDataset(torch.linspace(-1, 1, 48).reshape(12, 4), torch.arange(12) % 2)
        return DataLoader(samples, batch_size=3)

    val_dataloader = train_dataloader
"""

CONFIG = """\
trainer:
  _target_: {package}.Trainer
  max_epochs: 2
  accelerator: cpu
  logger: false
  enable_progress_bar: false
  enable_model_summary: false
  callbacks:
  - _target_: {package}.callbacks.{callback}
    monitor: {monitor}
model:
  _target_: project.models.Model
project: code
"""

SCHEDULER_ONLY = "~trainer::callbacks"
NO_VALIDATION = "trainer::limit_val_batches=0"

INSTALLED = [
    name
    for root, name in (("pytorch_lightning", "pytorch_lightning"), ("lightning", "lightning.pytorch"))
    if importlib.util.find_spec(root) is not None
]
package = pytest.mark.parametrize("package", INSTALLED)


@pytest.fixture
def config(write: Write) -> Callable[..., str]:
    def write_config(monitor: str, callback: str = "EarlyStopping", package: str = INSTALLED[0]) -> str:
        write("code/__lighter__.py", "")
        write("code/models.py", CODE.format(package=package))
        write("config.yaml", CONFIG.format(package=package, callback=callback, monitor=monitor))
        return "config.yaml"

    return write_config


def error_of(*inputs: str) -> Any:
    with pytest.raises(MonitorError) as raised:
        Runner().run("fit", list(inputs))
    (finding,) = raised.value.findings
    return finding


@package
@pytest.mark.parametrize("callback", ["EarlyStopping", "ModelCheckpoint"])
def test_callback_names_its_place_and_the_nearest_name(config: Any, package: str, callback: str) -> None:
    finding = error_of(config("val_los", callback, package))
    assert finding.message == "trainer::callbacks::0::monitor is 'val_los', but nothing logged that name"
    assert str(finding.place) == "config.yaml:10:14"
    assert finding.excerpt == "monitor: val_los"
    assert finding.nearest[0] == "val_loss"
    assert set(finding.expected) >= {"train_loss", "val_loss"}
    assert "write val_loss, or log it" in finding.fix
    (record,) = read_records(Path())
    assert record.status == "failed"
    assert "val_los" in record.content["error"]


@package
def test_scheduler_names_the_argument_of_the_model(config: Any, package: str) -> None:
    finding = error_of(config("val_loss", package=package), SCHEDULER_ONLY, "model::follows=val_los")
    assert finding.path == "model::follows"
    assert str(finding.place).endswith(", argument 3")
    assert finding.nearest[0] == "val_loss"


def test_monitor_behind_a_reference_is_found(config: Any) -> None:
    finding = error_of(config("'@vars::monitor'"), "vars::monitor=val_los")
    assert finding.path == "trainer::callbacks::0::monitor"
    assert str(finding.place) == "config.yaml:10:14"


def test_monitor_that_only_the_code_has_is_named_with_its_class(config: Any, write: Write) -> None:
    inputs = [config("val_loss"), SCHEDULER_ONLY]
    write("code/models.py", CODE.format(package=INSTALLED[0]).replace("follows=None", "follows='val_' + 'los'"))
    finding = error_of(*inputs)
    assert finding.message == "ReduceLROnPlateau monitors 'val_los', but nothing logged that name"
    assert (finding.path, finding.place) == ("", None)


def test_checkpoint_without_validation_fails_after_one_epoch(config: Any) -> None:
    # Lightning warns, trains to the end and saves nothing
    finding = error_of(config("val_los", "ModelCheckpoint"), NO_VALIDATION)
    assert finding.path == "trainer::callbacks::0::monitor"
    (record,) = read_records(Path())
    assert record.status == "failed"
    assert record.content["progress"] == {"epoch": 1, "step": 4}


def test_monitor_of_a_validation_that_is_switched_off_says_so(config: Any) -> None:
    for callback in ("ModelCheckpoint", "EarlyStopping"):
        finding = error_of(config("val_loss", callback), NO_VALIDATION)
        assert finding.fix.endswith("; limit_val_batches is 0, which switches validation off")


def test_checkpoint_that_is_not_due_does_not_fail(config: Any) -> None:
    every = "trainer::callbacks::0::every_n_epochs=5"
    Runner().run("fit", [config("val_los", "ModelCheckpoint"), NO_VALIDATION, every])


@pytest.mark.parametrize("callback", ["EarlyStopping", "ModelCheckpoint"])
@pytest.mark.parametrize(("monitor", "words"), [("val_late", []), ("at_end", [NO_VALIDATION]), ("at_end", [])])
def test_name_that_is_logged_late_is_no_error(
    config: Any, callback: str, monitor: str, words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    Runner().run("fit", [config(monitor, callback), *words])
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING and "log" in record.message]


@pytest.mark.parametrize("words", [["model::strict=false", "model::follows=val_los", SCHEDULER_ONLY]])
@pytest.mark.filterwarnings("ignore:ReduceLROnPlateau conditioned")
def test_what_is_not_strict_is_no_error(config: Any, words: list[str]) -> None:
    Runner().run("fit", [config("val_loss"), *words])


def test_the_sanity_check_already_warns(config: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(MonitorError):
        Runner().run("fit", [config("val_los")])
    (message,) = [record.message for record in caplog.records if "sanity check did not log" in record.message]
    assert "config.yaml:10:14" in message
    assert "nearest            val_loss" in message


def test_other_errors_stay_as_they_are(config: Any, write: Write) -> None:
    inputs = [config("val_los")]
    code = CODE.format(package=INSTALLED[0]).replace('self.log("at_end", 1.0)', "raise RuntimeError('mine')")
    write("code/models.py", code)
    with pytest.raises(RuntimeError, match="mine"):
        Runner().run("fit", inputs)


def test_nothing_is_left_in_the_trainer(config: Any) -> None:
    runner = Runner()
    runner.run("fit", [config("val_loss")])
    assert runner.experiment is not None
    names = [type(callback).__name__ for callback in runner.experiment.trainer.callbacks]  # type: ignore[attr-defined]
    assert "MonitorCheck" not in names
