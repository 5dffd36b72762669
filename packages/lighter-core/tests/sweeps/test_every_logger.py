"""Every logger that works offline keeps of a System what it keeps of plain Lightning, also after a resume.

The list of Lightning's loggers is what the package holds: a class that a new release brings fails until somebody looks
at it. Names, steps, numbers and hyperparameters are read from what the logger has written, and equal those of a module
that calls `self.log` by hand. Loggers whose packages are not installed are skipped.
"""

import csv
import importlib
import inspect
import json
import pkgutil
import struct
import sys
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning.loggers
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.core.saving import load_hparams_from_yaml
from pytorch_lightning.loggers import CometLogger, CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.loggers.neptune import NeptuneLogger

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the packages of loggers warn of their own matters
]

PACKAGE = pytorch_lightning.loggers
CLASSES = {
    name: value
    for module in pkgutil.walk_packages(PACKAGE.__path__, f"{PACKAGE.__name__}.")
    for name, value in vars(importlib.import_module(module.name)).items()
    if inspect.isclass(value) and name.endswith("Logger") and value.__module__.startswith(PACKAGE.__name__)
}

ABSTRACT = {"DummyLogger", "Logger"}
"""The base class, and what takes the place of loggers with `fast_dev_run`."""

UNTESTED = {"LitLogger": "it logs in to a server when it is made"}
"""Loggers of Lightning that do not work offline, and why.

Of other packages: SwanLab's logger is one of the package `lightning`, not of `pytorch_lightning`; Aim 3.29 needs
`pkg_resources`, which setuptools no longer has; ClearML has no logger and copies what TensorBoard's gets.
"""

REFUSED = {"NeptuneLogger": "no longer supported"}
"""Loggers that Lightning refuses, with the reason in the error."""

HYPERPARAMETERS = {"width": 6, "name": "tiny", "rates": {"head": 0.5}}


@dataclass
class Written:
    """What a logger has written.

    Attributes:
        values: The steps and numbers of each name.
        hyperparameters: As text, by name.
    """

    values: dict[str, list[tuple[int, float]]]
    hyperparameters: dict[str, str]


def read_hparams_yaml(folder: str) -> dict[str, str]:
    hyperparameters = load_hparams_from_yaml(Path(folder) / "hparams.yaml")
    return {name: str(value) for name, value in hyperparameters.items()}


def read_csv(folder: Path, logger: Any) -> Written:
    values = defaultdict(list)
    with (Path(logger.log_dir) / "metrics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if value and name != "step":
                    values[name].append((int(row["step"]), float(value)))
    return Written(values, read_hparams_yaml(logger.log_dir))


def read_tensorboard(folder: Path, logger: Any) -> Written:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(logger.log_dir).Reload()
    values = {name: [(event.step, event.value) for event in events.Scalars(name)] for name in events.Tags()["scalars"]}
    return Written(values, read_hparams_yaml(logger.log_dir))


def read_mlflow(folder: Path, logger: Any) -> Written:
    run = logger.experiment.get_run(logger.run_id)
    values = {
        name: [(one.step, one.value) for one in logger.experiment.get_metric_history(logger.run_id, name)]
        for name in run.data.metrics
    }
    return Written(values, dict(run.data.params))


def read_wandb(folder: Path, logger: Any) -> Written:
    import wandb
    from wandb.proto import wandb_internal_pb2

    wandb.finish()
    wandb.teardown()  # waits for the process that writes
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    values, config = defaultdict(list), {}
    for data in records_of_log(file.read_bytes()[7:]):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        config |= {item.key: str(json.loads(item.value_json)) for item in record.config.update}
        row = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for name, value in row.items():
            values[name].append((row.get("trainer/global_step"), value))
    return Written(values, config)


def records_of_log(data: bytes) -> Iterator[bytes]:
    """Yield the records of a file in the log format of LevelDB: parts in blocks of 32 KiB, each with a header."""
    place, record = 7, b""  # the file's own header counts in its first block
    data = bytes(7) + data
    while place + 7 <= len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        record += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # the only or the last part
            yield record
            record = b""


def read_comet(folder: Path, logger: Any) -> Written:
    logger.experiment.end()
    (file,) = folder.glob("*.zip")
    lines = zipfile.ZipFile(file).read("messages.json").decode().splitlines()
    values, parameters = defaultdict(list), {}
    for message in map(json.loads, lines):
        if message["type"] == "metric_msg":
            metric = message["payload"]["metric"]
            values[metric["metricName"]].append((metric["step"], metric["metricValue"]))
        elif message["type"] == "parameter_msg" and message["payload"]["param"]["source"] == "manual":
            parameter = message["payload"]["param"]
            parameters[parameter["paramName"]] = str(parameter["paramValue"])
    return Written(values, parameters)


@dataclass
class Row:
    """One logger.

    Attributes:
        package: What it needs.
        make: Makes it, in a folder of its own.
        read: Reads what it has written.
    """

    package: str
    make: Callable[[Path], Any]
    read: Callable[[Path, Any], Written]


ROWS = {
    "CSVLogger": Row("pytorch_lightning", lambda folder: CSVLogger(folder, flush_logs_every_n_steps=1), read_csv),
    # its option `online=False` turns off all it writes, so the environment says it below
    "CometLogger": Row(
        "comet_ml",
        lambda folder: CometLogger(
            offline_directory=str(folder), project="sweep", log_code=False, log_env_details=False
        ),
        read_comet,
    ),
    "MLFlowLogger": Row(
        "mlflow",
        lambda folder: MLFlowLogger(tracking_uri=f"sqlite:///{folder}/mlflow.db", artifact_location=str(folder)),
        read_mlflow,
    ),
    "TensorBoardLogger": Row("tensorboard", TensorBoardLogger, read_tensorboard),
    "WandbLogger": Row("wandb", lambda folder: WandbLogger(save_dir=folder, project="sweep", offline=True), read_wandb),
}


def test_every_class_of_the_package_is_known() -> None:
    assert ROWS.keys() | UNTESTED.keys() | REFUSED.keys() | ABSTRACT == set(CLASSES)


@pytest.fixture
def _guarded_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what the packages of loggers change."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    for name in ("COMET_DISABLE_AUTO_LOGGING", "MLFLOW_TRACKING_URI", "WANDB_MODE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("COMET_START_ONLINE", "0")
    monkeypatch.setenv("WANDB_SILENT", "true")


def configure(network: torch.nn.Module) -> Any:
    return torch.optim.SGD(network.parameters(), lr=0.1), None


@pytest.mark.usefixtures("_guarded_process")
@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_logger_keeps_what_it_keeps_of_lightning(train, parts, tmp_path, monkeypatch, name):
    row = ROWS[name]
    pytest.importorskip(row.package)
    monkeypatch.chdir(tmp_path)

    def written(kind: str, part: str) -> Written:
        def make(configure: Any, *, is_random: bool) -> Any:
            module = {"plain": parts.Plain, "system": parts.make_system}[kind](configure, is_random=is_random)
            module.save_hyperparameters(HYPERPARAMETERS)
            return module

        folder = tmp_path / f"{kind}-{part}"
        folder.mkdir()
        saves = ModelCheckpoint(tmp_path / kind, "{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
        options = {"callbacks": [saves], "enable_checkpointing": True, "is_random": False}
        if part == "resumed":
            options["ckpt_path"] = tmp_path / kind / "epoch=0.ckpt"
        logger = row.make(folder)
        train(make, configure, logger=logger, **options)
        return row.read(folder, logger)

    plain, system = written("plain", "whole"), written("system", "whole")
    resumed = written("system", "resumed")
    assert system.hyperparameters == resumed.hyperparameters == plain.hyperparameters
    assert len(plain.hyperparameters) == len(HYPERPARAMETERS) or {"rates/head", "rates|head"} & set(
        plain.hyperparameters
    )
    names = {key for key in plain.values if key.startswith(("train/", "val/"))}
    assert len(names) == 4
    own = {key for key in system.values if key.startswith(("train/", "val/"))} - names
    assert own == {f"train/optimizer/SGD/{value}" for value in ("lr", "momentum", "weight_decay")}
    for key in names:
        expected = [(step, pytest.approx(value, rel=1e-5)) for step, value in plain.values[key]]
        assert system.values[key] == expected, key
        rest = resumed.values[key]
        assert rest == expected[len(expected) - len(rest) :], key
        assert len(rest) >= 2, key


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_logger_that_lightning_refuses_says_why(name):
    with pytest.raises(RuntimeError, match=REFUSED[name]):
        NeptuneLogger()


@pytest.mark.usefixtures("_guarded_process")
def test_comet_with_online_false_keeps_nothing(train, tmp_path):
    """Lightning 2.6 disables the experiment then; `COMET_START_ONLINE=0` in the environment is the way."""
    pytest.importorskip("comet_ml")
    logger = CometLogger(online=False, offline_directory=str(tmp_path), project="sweep")
    train("system", configure, logger=logger, max_epochs=1)
    logger.experiment.end()
    assert list(tmp_path.iterdir()) == []
