"""The same experiment with ``pytorch_lightning`` and with ``lightning``, its copy, and mixtures of the two."""

import csv
import importlib
import importlib.util
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lighter_cli.checkpoints.atomic_io import AtomicCheckpointIO
from lighter_cli.distributed.slurm_requeue import Requeued
from lighter_cli.errors import BuildError
from lighter_cli.lightning_package import derived, package_of
from lighter_cli.running.build import seeded
from lighter_cli.running.runner import Runner
from lighter_cli.runs.record import read_records

pytestmark = pytest.mark.slow

Write = Callable[[str, str], Path]
Command = Callable[..., subprocess.CompletedProcess[str]]

needs_lightning = pytest.mark.skipif(importlib.util.find_spec("lightning") is None, reason="lightning is not installed")
needs_pytorch_lightning = pytest.mark.skipif(
    importlib.util.find_spec("pytorch_lightning") is None, reason="pytorch_lightning is not installed"
)
PACKAGES = [
    pytest.param("pytorch_lightning", marks=needs_pytorch_lightning),
    pytest.param("lightning.pytorch", marks=needs_lightning),
]

CODE = """
import os, signal
import torch
import {package} as pl
from {package}.callbacks import BasePredictionWriter
from torch.utils.data import DataLoader, TensorDataset


class Model(pl.LightningModule):
    def __init__(self, signalled=False):
        super().__init__()
        self.network = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(4, 2))
        self.signalled = signalled

    def loss(self, batch, name):
        loss = torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])
        self.log(name, loss, sync_dist=True)
        return loss

    def training_step(self, batch, batch_idx):
        if self.signalled and self.global_step == 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        return self.loss(batch, "train_loss")

    def validation_step(self, batch, batch_idx):
        self.loss(batch, "val_loss")

    def test_step(self, batch, batch_idx):
        self.loss(batch, "test_loss")

    def predict_step(self, batch, batch_idx):
        return self.network(batch[0])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


class Data(pl.LightningDataModule):
    def train_dataloader(self, shuffle=True):
        samples = TensorDataset(torch.linspace(-1, 1, 48).reshape(12, 4), torch.arange(12) % 2)
        return DataLoader(samples, batch_size=3, shuffle=shuffle)

    def val_dataloader(self):
        return self.train_dataloader(shuffle=False)

    test_dataloader = predict_dataloader = val_dataloader


class Writer(BasePredictionWriter):
    def __init__(self):
        super().__init__("epoch")

    def write_on_epoch_end(self, trainer, pl_module, predictions, batch_indices):
        torch.save(torch.cat(predictions), "predictions.pt")
"""
CONFIG = """
project: code
seed: 3
trainer:
  _target_: {package}.Trainer
  max_epochs: 2
  accelerator: cpu
  devices: 1
  logger: false
  enable_progress_bar: false
  enable_model_summary: false
  callbacks:
    - {{_target_: {package}.callbacks.ModelCheckpoint, monitor: val_loss, save_last: true, save_top_k: -1}}
    - {{_target_: project.models.Writer}}
model: {{_target_: project.models.Model, signalled: false}}
data: {{_target_: project.models.Data}}
"""


def written(write: Write, package: str, code: str | None = None) -> str:
    write("code/models.py", CODE.format(package=code or package))
    write("code/__lighter__.py", "")
    return str(write("config.yaml", CONFIG.format(package=package)))


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def config(write: Write, package: str) -> str:
    return written(write, package)


def with_two_ranks(config: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lighter_cli", "fit", config, "trainer::devices=2", "=trainer::strategy=ddp"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def weights(file: Path) -> Any:
    return torch.load(file, weights_only=True)["state_dict"]


def test_every_stage_runs_and_is_recorded(config: str, package: str) -> None:
    runner = Runner()
    runner.run("fit", [config])
    assert runner.experiment is not None
    assert package_of(runner.experiment.trainer) == package
    assert isinstance(runner.experiment.trainer.strategy.checkpoint_io, AtomicCheckpointIO)
    (fit,) = read_records(Path())
    assert fit.status == "finished"
    assert fit.content["progress"] == {"epoch": 2, "step": 8}
    assert fit.content["metrics"].keys() == {"train_loss", "val_loss"}
    assert fit.content["checkpoints"]["monitor"] == "val_loss"
    best = fit.content["checkpoints"]["best"]
    for stage in ("validate", "test", "predict"):
        Runner().run(stage, [config], ckpt_path="best")
        record = read_records(Path())[-1]
        assert (record.status, record.content["options"]["ckpt_path"]) == ("finished", best)
    assert torch.load("predictions.pt").shape == (12, 2)


def fit_into(folder: str, config: str, package: str, *words: str, ckpt_path: str | None = None) -> tuple[Any, Any]:
    """Return the last weights of a fit, and the values that it logged."""
    logger = f"trainer::logger={{_target_: {package}.loggers.CSVLogger, save_dir: {folder}, name: logs}}"
    words = (logger, f"trainer::default_root_dir={folder}", "trainer::log_every_n_steps=1", *words)
    Runner().run("fit", [config, *words], ckpt_path=ckpt_path)
    (table,) = Path(folder).glob("logs/*/metrics.csv")
    with table.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    return weights(Path(read_records(Path())[-1].content["checkpoints"]["last"])), rows


@needs_pytorch_lightning  # without it a fit resumes as Lightning does it
@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_a_resumed_fit_equals_an_uninterrupted_one(config: str, package: str) -> None:
    whole, rows = fit_into("whole", config, package)
    fit_into("first", config, package, "trainer::max_epochs=1")
    first = read_records(Path())[-1].content["checkpoints"]["last"]
    resumed, rest = fit_into("second", config, package, ckpt_path=first)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert rest == rows[-len(rest) :]
    assert len(rest) == 5


SUMMED = """
import torch
from lighter.resumable import ResumableDataLoader
from torch.utils.data import TensorDataset
from project.models import Data, Model


class Summed(Model):
    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        self.log("both", loss, on_step=True, on_epoch=True)
        self.log("batches", 1.0, on_step=False, on_epoch=True, reduce_fx="sum")
        return loss


class Resumable(Data):
    def train_dataloader(self, shuffle=True):
        return ResumableDataLoader(super().train_dataloader().dataset, batch_size=3, shuffle=shuffle)
"""


@needs_pytorch_lightning
@pytest.mark.filterwarnings("ignore:(The dirpath has changed|You're resuming from a checkpoint that ended before)")
def test_a_fit_resumed_inside_an_epoch_has_the_values_of_all_of_it(config: str, package: str, write: Write) -> None:
    write("code/summed.py", SUMMED)
    words = ("model::_target_=project.summed.Summed", "data::_target_=project.summed.Resumable")
    words = (*words, "trainer::callbacks::0::every_n_train_steps=1", "~trainer::callbacks::0::monitor")
    _, rows = fit_into("whole", config, package, *words)
    for step in range(1, 8):
        (first,) = Path("whole").rglob(f"*step={step}.ckpt")
        _, rest = fit_into(f"from-{step}", config, package, *words, ckpt_path=str(first))
        for name in ("both_epoch", "batches", "val_loss"):
            values = [row[name] for row in rest if row.get(name)]
            assert values
            assert values == [row[name] for row in rows if row[name]][-len(values) :], (step, name)


def test_a_slurm_job_is_requeued(config: str, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write("bin/scontrol", '#!/bin/sh\necho "$@" >> asked\n').chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    variables = {"JOB_ID": "12", "JOB_NAME": "train", "NTASKS": "1", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
    for name, value in variables.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    with pytest.raises(Requeued) as stopped:
        Runner().run("fit", [config, "model::signalled=true"])
    assert stopped.value.code == 75
    (record,) = read_records(Path())
    assert (record.status, record.content["error"]) == ("interrupted", "SIGUSR1: stopped to be requeued")
    assert record.checkpoint("last") == record.folder / "requeue.ckpt"
    assert Path("asked").read_text() == "requeue 12\n"


def test_two_ranks_train_together(config: str, package: str) -> None:
    done = with_two_ranks(config)
    assert done.returncode == 0, done.stderr
    (record,) = read_records(Path())
    assert (record.status, record.content["progress"]) == ("finished", {"epoch": 2, "step": 4})
    assert record.content["devices"]["strategy"] == "DDPStrategy"


def test_a_failing_rank_ends_the_other(config: str) -> None:
    code = Path("code/models.py")
    failing = 'if self.global_rank == 1:\n            raise ValueError("on purpose")\n        if self.signalled'
    code.write_text(code.read_text().replace("if self.signalled", failing))
    done = with_two_ranks(config)
    assert done.returncode == 1
    assert "rank 1 failed: ValueError: on purpose" in done.stderr
    assert read_records(Path())[-1].status == "failed"


@needs_pytorch_lightning
def test_the_copy_is_not_imported_without_need(write: Write) -> None:
    written(write, "pytorch_lightning")
    program = "import sys; from lighter_cli import Runner; Runner().run('fit', ['config.yaml']); "
    program += "print('lightning' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_a_message_of_the_trainer_is_printed_once(config: str, lighter: Command) -> None:
    done = lighter("fit", config)
    assert done.stderr.count("`Trainer.fit` stopped: `max_epochs=2` reached.") == 1
    assert "Tip" not in done.stderr


def test_seeding_is_that_of_the_package(package: str) -> None:
    def drawn() -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(1))

    with seeded(5):
        ours = drawn()
        importlib.import_module(package).seed_everything(5, workers=True, verbose=False)
        assert ours == drawn()


def test_a_derived_callback_can_be_pickled(package: str) -> None:
    trainer = importlib.import_module(package).Trainer(accelerator="cpu", logger=False)
    writer = derived(AtomicCheckpointIO, trainer, "plugins.io.TorchCheckpointIO")()
    copy = pickle.loads(pickle.dumps(writer))
    assert type(copy) is type(writer)
    assert package_of(copy) == package_of(writer)


@needs_lightning
@needs_pytorch_lightning
@pytest.mark.parametrize(("trainer", "code"), [("pytorch_lightning", "lightning"), ("lightning", "pytorch_lightning")])
def test_a_mixture_is_refused_by_the_check(write: Write, trainer: str, code: str, in_process: Command) -> None:
    package = {"lightning": "lightning.pytorch"}.get(code, code)
    config = written(write, {"lightning": "lightning.pytorch"}.get(trainer, trainer), package)
    done = in_process("check", config)
    assert done.returncode == 1
    for section in ("trainer::callbacks::1", "model", "data"):
        assert f"error: {section} is of {code}, the trainer is of " in done.stdout + done.stderr


@needs_lightning
@needs_pytorch_lightning
def test_mixture_that_check_cannot_see_is_refused_before_building(write: Write) -> None:
    config = written(write, "lightning.pytorch", "pytorch_lightning")
    text = Path("code/models.py").read_text()
    hidden = "pl = __import__(''.join(['pytorch', '_lightning']))"
    Path("code/models.py").write_text(text.replace("import pytorch_lightning as pl", hidden))
    with pytest.raises(BuildError, match=r"model is of pytorch_lightning, the trainer is of lightning"):
        Runner().run("fit", [config, "~trainer::callbacks::1"])


FAULTS = """
import torch
from project.models import Model


class Diverging(Model):
    batch_size = 3

    def training_step(self, batch, batch_idx):
        return super().training_step(batch, batch_idx) * float("nan")


class Greedy(Model):
    def training_step(self, batch, batch_idx):
        raise torch.OutOfMemoryError("CUDA out of memory.")
"""


def test_the_end_of_a_run_is_explained_in_both_packages(
    write: Write, package: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = written(write, package)
    write("code/faults.py", FAULTS)
    finder = f"trainer::callbacks+={{_target_: {package}.callbacks.BatchSizeFinder, max_trials: 1}}"
    diverging = [config, "model={_target_: project.faults.Diverging}", "trainer::num_sanity_val_steps=0"]
    stopping = f"{{_target_: {package}.callbacks.EarlyStopping, monitor: val_loss}}"
    with caplog.at_level("INFO", logger="lighter_cli"):
        Runner().run("fit", [*diverging, f"trainer::callbacks+={stopping}"])
    record = read_records(Path())[-1].content
    assert record["ended_by"].startswith("EarlyStopping: Monitored metric val_loss = nan is not finite.")
    assert record["checkpoints"]["best"] is None
    assert len(record["checkpoints"]["nan"]) == 2
    assert record["train_loader"]["num_workers"] == [0]
    with caplog.at_level("INFO", logger="lighter_cli"):
        Runner().run("validate", [*diverging, finder])
    assert [message.split()[0] for message in caplog.messages[-2:]] == ["val_loss", "record"]
    with pytest.raises(torch.OutOfMemoryError) as caught:
        Runner().run("fit", [config, "model={_target_: project.faults.Greedy}", "trainer::default_root_dir=other"])
    assert caught.value.__notes__[-1].endswith("trainer::precision=bf16-mixed")
