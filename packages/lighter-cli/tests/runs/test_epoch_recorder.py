"""Each fit writes the curve of its epochs, and a resumed one continues that of the run before."""

import csv
import json
import logging
import math
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lighter_cli import Runner
from lighter_cli.runs import epoch_recorder
from lighter_cli.runs.epochs import EPOCHS_FILE, Epoch, read_epochs
from lighter_cli.runs.record import Record, read_records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed from"),
    pytest.mark.filterwarnings("ignore:training resumes in the middle of an epoch"),
    pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before"),
]

Write = Callable[[str, str], Path]
Command = Callable[..., subprocess.CompletedProcess[str]]

CSV = "trainer::logger={_target_: pytorch_lightning.loggers.CSVLogger, save_dir: logs, name: '', version: ''}"
STOPPING = "trainer::callbacks+={_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss/epoch, %s}"
KEPT = ("trainer::callbacks::0::save_top_k=-1", "trainer::callbacks::0::save_last=false")


def newest() -> Record:
    return read_records(Path())[-1]


def fit(*words: str, **options: Any) -> list[Epoch]:
    """Fit, and return the epochs that are then recorded."""
    Runner().run("fit", list(words), **options)
    return read_epochs(newest().folder)


def logged(name: str) -> dict[int, list[float]]:
    """The values that the CSV logger wrote of a name, by epoch."""
    found: dict[int, list[float]] = {}
    with Path("logs/metrics.csv").open() as file:
        for row in csv.DictReader(file):
            if row.get(name):
                found.setdefault(int(row["epoch"]), []).append(float(row[name]))
    return found


def test_each_epoch_has_the_values_that_the_logger_gets(system_config: str) -> None:
    epochs = fit(system_config, "trainer::max_epochs=4", CSV)
    assert [(epoch.epoch, epoch.step, epoch.run) for epoch in epochs] == [(k, 3 * k + 3, None) for k in range(4)]
    names = {"train/loss/epoch", "val/loss/epoch", "val/metrics/Accuracy/epoch"}
    for epoch in epochs:
        assert epoch.metrics.keys() >= names
        for name in names:
            assert logged(name)[epoch.epoch] == [epoch.metrics[name]]
    assert epochs[-1].metrics == newest().content["metrics"]
    assert epochs[0].time_s < epochs[-1].time_s
    assert newest().content["start"] < epochs[0].at < epochs[-1].at < newest().content["end"]


def test_a_logger_changes_nothing_in_the_curve(system_config: str) -> None:
    without = fit(system_config)
    with_logger = fit(system_config, CSV)
    assert [epoch.metrics for epoch in without] == [epoch.metrics for epoch in with_logger]


def test_a_value_is_that_of_all_samples(module_config: str, write: Write) -> None:
    """The loss of a network whose rate is 0, by hand."""
    write("code/constant.py", CONSTANT)
    epochs = fit(module_config, "model::_target_=project.constant.Constant", "~model::criterion")
    assert [epoch.metrics["train/loss/epoch"] for epoch in epochs] == [11 / 2, 11 / 2 + 100]
    assert [epoch.metrics["late"] for epoch in epochs] == [0, 10]


CONSTANT = """
from lighter import LighterModule

class Constant(LighterModule):
    seen = 0

    def training_step(self, batch, batch_idx):
        self.seen = 0 if batch_idx == 0 else self.seen
        values = [float(n) for n in range(self.seen, self.seen + len(batch[0]))]
        self.seen += len(values)
        return self.network(batch[0]).sum() * 0 + sum(values) / len(values) + 100 * self.current_epoch

    def validation_step(self, batch, batch_idx):
        return {"loss": self.network(batch[0]).square().mean()}

    def on_train_epoch_end(self):  # after the hooks of all callbacks but those that save
        self.log("late", 10.0 * self.current_epoch)
"""


def test_an_epoch_without_validation_has_no_value_of_an_earlier_one(system_config: str) -> None:
    epochs = fit(system_config, "trainer::max_epochs=5", "trainer::check_val_every_n_epoch=2", CSV)
    has_values = [{name.split("/")[0] for name in epoch.metrics} for epoch in epochs]
    assert has_values == [{"train"}, {"train", "val"}, {"train"}, {"train", "val"}, {"train"}]
    assert {k: [epochs[k].metrics["val/loss/epoch"]] for k in (1, 3)} == logged("val/loss/epoch")


def test_of_several_validations_an_epoch_has_the_last(system_config: str) -> None:
    epochs = fit(system_config, "trainer::val_check_interval=1", CSV)
    values = logged("val/loss/epoch")
    assert [len(values[k]) for k in (0, 1)] == [3, 3]
    assert [epoch.metrics["val/loss/epoch"] for epoch in epochs] == [values[k][-1] for k in (0, 1)]


@pytest.mark.parametrize(
    "words", [("trainer::limit_val_batches=0", "~trainer::callbacks"), ("trainer::barebones=true",)]
)
def test_a_fit_without_validation_or_logging_has_a_curve(system_config: str, words: tuple[str, ...]) -> None:
    more = (
        "~trainer::logger",
        "~trainer::callbacks",
        "~trainer::enable_progress_bar",
        "~trainer::enable_model_summary",
    )
    is_barebones = "barebones" in words[0]
    epochs = fit(system_config, *words, *(more if is_barebones else ()))
    assert [(epoch.epoch, epoch.step) for epoch in epochs] == [(0, 3), (1, 6)]
    assert [not epoch.metrics for epoch in epochs] == [is_barebones] * 2


@pytest.mark.parametrize("stage", ["validate", "fast_dev_run"])
def test_other_runs_have_no_curve(system_config: str, stage: str) -> None:
    Runner().run(
        *("validate", [system_config])
        if stage == "validate"
        else ("fit", [system_config, "trainer::fast_dev_run=true"])
    )
    assert list(Path().rglob(EPOCHS_FILE)) == []


def test_early_stopping_is_recorded_with_its_values(system_config: str) -> None:
    epochs = fit(system_config, "trainer::max_epochs=20", STOPPING % "patience: 2, min_delta: 100")
    assert newest().content["ended"] == {
        "by": "early_stopping",
        "monitor": "val/loss/epoch",
        "value": epochs[2].metrics["val/loss/epoch"],
        "best": pytest.approx(epochs[0].metrics["val/loss/epoch"]),
        "epoch": 2,
    }
    assert len(epochs) == 3


@pytest.mark.parametrize(
    ("words", "ended", "steps"),
    [
        (("trainer::max_steps=4",), {"by": "max_steps", "limit": 4}, [3, 4]),
        (("trainer::max_epochs=1",), {"by": "max_epochs", "limit": 1}, [3]),
    ],
)
def test_a_limit_is_recorded_and_an_unfinished_epoch_too(
    system_config: str, words: tuple[str, ...], ended: Mapping[str, Any], steps: list[int]
) -> None:
    epochs = fit(system_config, "trainer::max_epochs=20", *words)
    assert newest().content["ended"].items() >= ended.items()
    assert [epoch.step for epoch in epochs] == steps


def test_max_time_is_recorded_and_the_epoch_that_it_ends(system_config: str) -> None:
    epochs = fit(system_config, "trainer::max_epochs=100000", "=trainer::max_time={seconds: 1}")
    ended = newest().content["ended"]
    assert ended["by"] == "max_time"
    assert ended["elapsed_s"] >= 1
    assert epochs[-1].step == newest().content["progress"]["step"]
    assert [epoch.epoch for epoch in epochs] == list(range(len(epochs)))


@pytest.mark.filterwarnings("ignore:.*is nan")
@pytest.mark.parametrize("on_nan", ["stop", "raise"])
def test_a_loss_of_nan_is_plain_json_and_the_end(module_config: str, write: Write, on_nan: str) -> None:
    write("code/nans.py", NANS)
    words = [module_config, "model::_target_=project.nans.Nans", f"model::on_nan={on_nan}", "trainer::max_epochs=5"]
    try:
        fit(*words)
    except Exception:
        assert on_nan == "raise"
    lines = (newest().folder / EPOCHS_FILE).read_text().splitlines()
    values = [json.loads(line, parse_constant=pytest.fail)["metrics"]["train/loss/epoch"] for line in lines]
    assert values[1:] == (["NaN"] if on_nan == "stop" else [])
    assert [math.isnan(epoch.metrics["train/loss/epoch"]) for epoch in read_epochs(newest().folder)] == (
        [False, True] if on_nan == "stop" else [False]
    )
    assert newest().content["ended"] == {"by": "nan"}


NANS = """
from project.models import Classifier

class Nans(Classifier):
    def training_step(self, batch, batch_idx):
        step = super().training_step(batch, batch_idx)
        loss = step["loss"] if isinstance(step, dict) else step
        return loss * float("nan") if self.current_epoch else loss
"""


# Resumed runs


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("trainer::callbacks::0::save_on_train_epoch_end=false",),
        ("trainer::callbacks::0::save_on_train_epoch_end=false", "trainer::val_check_interval=1"),
        ("trainer::callbacks::0::every_n_train_steps=1", "~trainer::callbacks::0::monitor"),
        (
            "trainer::callbacks::0::every_n_train_steps=2",
            "~trainer::callbacks::0::monitor",
            "trainer::val_check_interval=2",
        ),
        ("trainer::check_val_every_n_epoch=2", "~trainer::callbacks::0::monitor"),
        ("trainer::check_val_every_n_epoch=null", "trainer::val_check_interval=2", "~trainer::callbacks::0::monitor"),
    ],
    ids=["epoch", "validation", "validations", "steps", "steps-and-validations", "every-second", "across-epochs"],
)
def test_a_run_resumed_anywhere_has_the_curve_of_an_uninterrupted_one(system_config: str, words: Any) -> None:
    words = (
        *words,
        *KEPT,
        "system::dataloaders::train::_target_=lighter.resumable.ResumableDataLoader",
        "trainer::max_epochs=3",
    )
    words = (*words, "system::dataloaders::val::_target_=torch.utils.data.DataLoader")
    uninterrupted = fit(system_config, *words)
    first = newest().folder.name
    assert [epoch.epoch for epoch in uninterrupted] == [0, 1, 2]
    checkpoints = sorted(Path("checkpoints").glob("*.ckpt"))
    assert len(checkpoints) >= (1 if "trainer::check_val_every_n_epoch=2" in words else 3)
    for number, checkpoint in enumerate(checkpoints):
        again = fit(system_config, *words, f"trainer::callbacks::0::dirpath=again{number}", ckpt_path=str(checkpoint))
        for epoch, expected in zip(again, uninterrupted, strict=True):
            assert (epoch.epoch, epoch.step) == (expected.epoch, expected.step)
            assert epoch.metrics == pytest.approx(dict(expected.metrics), rel=1e-6), (checkpoint, epoch.epoch)
        runs = [epoch.run for epoch in again]
        assert runs == [first] * runs.count(first) + [None] * runs.count(None)
        assert newest().content["resumed"]["run"] == first
        is_trained = newest().content["progress"]["step"] > newest().content["resumed"]["step"]
        assert is_trained <= (None in runs)


PLAIN = """
import torch
from pytorch_lightning import LightningModule

class Plain(LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def training_step(self, batch, batch_idx):
        loss = self.network(batch[0]).square().mean()
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val/loss/epoch", self.network(batch[0]).square().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
"""


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("trainer::callbacks::0::save_on_train_epoch_end=false", "trainer::val_check_interval=2"),
        ("trainer::callbacks::0::every_n_train_steps=2",),
    ],
    ids=["epoch", "validations", "steps"],
)
@pytest.mark.parametrize(("max_epochs", "max_steps"), [(3, -1), (100, 9)])
def test_the_curve_of_a_module_of_lightning_has_no_gap(
    module_config: str, write: Write, words: tuple[str, ...], max_epochs: int, max_steps: int
) -> None:
    write("code/plain.py", PLAIN)
    model = (
        "~trainer::callbacks::0::monitor",
        "model::_target_=project.plain.Plain",
        "~model::criterion",
        "~model::optimizer",
    )
    words = (*model, *words, *KEPT, f"trainer::max_epochs={max_epochs}", f"trainer::max_steps={max_steps}")
    uninterrupted = fit(module_config, *words)
    assert [epoch.step for epoch in uninterrupted] == [3, 6, 9]
    for number, checkpoint in enumerate(sorted(Path("checkpoints").glob("*.ckpt"))):
        again = fit(module_config, *words, f"trainer::callbacks::0::dirpath=again{number}", ckpt_path=str(checkpoint))
        assert [epoch.epoch for epoch in again] == [0, 1, 2], checkpoint
        assert [epoch.step for epoch in again] == [3, 6, 9], checkpoint
        assert [epoch.metrics.keys() for epoch in again] == [epoch.metrics.keys() for epoch in uninterrupted]


def test_each_line_names_the_run_that_trained_its_epoch(system_config: str, in_process: Command) -> None:
    runs = []
    for num in (1, 2, 3):
        fit(system_config, f"trainer::max_epochs={num}", ckpt_path="last" if runs else None)
        runs.append(newest().folder.name)
    epochs = read_epochs(newest().folder)
    assert [epoch.run for epoch in epochs] == [runs[0], runs[1], None]
    assert [epoch.step for epoch in epochs] == [3, 6, 9]
    shown = " ".join(in_process("runs", "show", "last").stdout.split())
    assert (
        f"epochs 3 in lighter_runs/{runs[2]}/{EPOCHS_FILE}, 1 of them of run {runs[0]}, 1 of them of run {runs[1]}"
        in shown
    )
    assert f"resumed run {runs[1]} at step 6" in shown


def test_a_run_that_trains_nothing_more_keeps_the_curve(system_config: str) -> None:
    before = fit(system_config)
    after = fit(system_config, ckpt_path="last")
    assert [epoch._replace(run=None) for epoch in after] == before


def test_a_fit_from_an_earlier_checkpoint_leaves_out_later_epochs(system_config: str) -> None:
    fit(system_config, *KEPT, "trainer::max_epochs=4")
    (second,) = Path("checkpoints").glob("epoch=1-*")
    epochs = fit(system_config, "trainer::max_epochs=3", ckpt_path=str(second))
    assert [(epoch.epoch, epoch.run is None) for epoch in epochs] == [(0, False), (1, False), (2, True)]


def test_a_curve_beside_the_run_is_read_without_the_list_of_runs(
    system_config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fit(system_config)
    searches: list[Path] = []

    def searching(folder: Path) -> Iterator[tuple[str, str]]:
        searches.append(folder)
        yield from ()

    monkeypatch.setattr(epoch_recorder, "found_runs", searching)
    resumed = fit(system_config, "trainer::max_epochs=3", ckpt_path="last")
    assert [epoch.metrics for epoch in resumed[: len(first)]] == [epoch.metrics for epoch in first]
    assert len(resumed) == 3
    assert searches == []


@pytest.mark.parametrize("where", ["moved", "elsewhere"])
def test_the_curve_is_found_where_the_run_was_moved_to(system_config: str, where: str) -> None:
    roots = ("trainer::default_root_dir=outputs", "trainer::callbacks::0::dirpath=outputs/saved")
    fit(system_config, *roots)
    if where == "moved":
        shutil.move("outputs", "kept")
        checkpoint = "kept/saved/last.ckpt"
    else:
        checkpoint = "outputs/saved/last.ckpt"
    epochs = fit(system_config, "trainer::max_epochs=3", "trainer::default_root_dir=new", ckpt_path=checkpoint)
    assert [epoch.epoch for epoch in epochs] == [0, 1, 2]


def test_a_curve_that_is_gone_is_said(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    fit(system_config)
    gone = newest().folder
    shutil.rmtree(gone)
    with caplog.at_level(logging.WARNING):
        epochs = fit(system_config, "trainer::max_epochs=3", ckpt_path="checkpoints/last.ckpt")
    assert f"{EPOCHS_FILE} lacks the epochs of run {gone.name}, whose record is not found" in caplog.messages
    assert [epoch.epoch for epoch in epochs] == [1, 2]  # the checkpoint has its own epoch


# Ended in the middle

KILLING = """
import os, signal
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import Checkpoint

class InAnEpoch(Callback):
    def __init__(self, signal):
        self.signal = getattr(signal_module, signal)

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if trainer.current_epoch == 2 and batch_idx == 1:
            os.kill(os.getpid(), self.signal)

class AfterTheSave(Checkpoint):  # these run last
    def on_train_epoch_end(self, trainer, module):
        if trainer.current_epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)

signal_module = signal
"""


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_a_run_that_a_signal_ends_has_its_epochs(module_config: str, write: Write, lighter: Command, name: str) -> None:
    write("code/killing.py", KILLING)
    callback = f"trainer::callbacks+={{_target_: project.killing.InAnEpoch, signal: {name}}}"
    lighter("fit", module_config, "trainer::max_epochs=4", callback)
    first = newest()
    assert first.status == ("lost" if name == "SIGKILL" else "interrupted")
    ended = None if name == "SIGKILL" else {"by": "interrupted", "signal": name}
    assert first.content.get("ended") == ended
    assert [epoch.epoch for epoch in read_epochs(first.folder)] == [0, 1]
    epochs = fit(module_config, "trainer::max_epochs=4", ckpt_path="last")
    assert [(epoch.epoch, epoch.step) for epoch in epochs] == [(k, 3 * k + 3) for k in range(4)]
    assert [epoch.run for epoch in epochs] == [first.folder.name] * 2 + [None] * 2


def test_an_epoch_whose_line_a_kill_prevented_is_in_its_checkpoint(
    module_config: str, write: Write, lighter: Command
) -> None:
    write("code/killing.py", KILLING)
    lighter("fit", module_config, "trainer::callbacks+={_target_: project.killing.AfterTheSave}")
    first = newest().folder
    assert [epoch.epoch for epoch in read_epochs(first)] == [0]
    epochs = fit(module_config, "trainer::max_epochs=3", ckpt_path="last")
    assert [(epoch.epoch, epoch.step, epoch.run) for epoch in epochs] == [
        (0, 3, first.name),
        (1, 6, first.name),
        (2, 9, None),
    ]
    assert epochs[1].metrics.keys() == epochs[2].metrics.keys()


def test_an_epoch_whose_last_hook_fails_is_recorded(module_config: str, write: Write) -> None:
    write("code/failing.py", FAILING)
    with pytest.raises(RuntimeError, match="the hook failed"):
        fit(module_config, "trainer::callbacks+={_target_: project.failing.Failing}")
    assert [epoch.epoch for epoch in read_epochs(newest().folder)] == [0, 1]
    assert newest().content["status"] == "failed"
    assert newest().content["time_spent"]["total_s"] > 0
    assert "ended" not in newest().content


FAILING = """
from pytorch_lightning.callbacks import Checkpoint

class Failing(Checkpoint):
    def on_train_epoch_end(self, trainer, module):
        if trainer.current_epoch == 1:
            raise RuntimeError("the hook failed")
"""


NEW_FIELDS = ("loggers", "at_best", "ended", "time_spent", "peak_memory", "resumed")


def test_a_record_of_an_earlier_version_is_shown(system_config: str, in_process: Command) -> None:
    fit(system_config)
    file = newest().folder / "record.json"
    content = {name: value for name, value in json.loads(file.read_text()).items() if name not in NEW_FIELDS}
    file.write_text(json.dumps(content))
    (newest().folder / EPOCHS_FILE).unlink()
    shown = in_process("runs", "show", "last")
    assert shown.returncode == 0
    assert not any(f"\n  {name}" in shown.stdout for name in ("epochs", "time ", "peak memory", "resumed"))
    assert "ended by" in shown.stdout


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("loggers", [{"class": 5}]),
        ("loggers", [{"class": "a.B", "folder": ["x"]}]),
        ("at_best", {"epoch": 1, "step": 2, "metrics": {"loss": "low"}}),
        ("ended", {"limit": 3}),
        ("time_spent", {"total_s": 1}),
        ("peak_memory", {"resident_mib": "much"}),
        ("resumed", {"run": 7, "step": 1}),
    ],
)
def test_a_wrong_field_of_a_record_is_named(system_config: str, in_process: Command, name: str, wrong: Any) -> None:
    fit(system_config, "trainer::max_epochs=1")
    file = newest().folder / "record.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), name: wrong}))
    shown = in_process("runs", "show", str(file.parent))
    assert shown.returncode != 0
    assert f"is damaged: its {name} is " in shown.stderr
