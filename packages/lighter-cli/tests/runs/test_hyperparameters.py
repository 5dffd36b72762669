"""What loggers get as hyperparameters, and as the result of a run."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pytorch_lightning.loggers import WandbLogger

from lighter_cli import Runner
from lighter_cli.runs.hyperparameters import hyperparameters
from lighter_cli.runs.monitored import Monitor, log_hyperparameters
from lighter_cli.runs.record import read_records
from lighter_config import load

Write = Callable[[str, str], Path]

BOARD = "trainer::logger={_target_: pytorch_lightning.loggers.TensorBoardLogger, save_dir: logs}"
PLATEAU = (
    "=system::scheduler={scheduler: {_target_: torch.optim.lr_scheduler.ReduceLROnPlateau, "
    "optimizer: '@system::optimizer'}, monitor: val/loss/epoch}"
)
WORSE = (  # in the second epoch, so that best and last differ
    "system::scheduler={_target_: torch.optim.lr_scheduler.LambdaLR, optimizer: '@system::optimizer', "
    "lr_lambda: '$lambda epoch: -20 if epoch else 1'}"
)
DECAY = "system::optimizer::weight_decay=$@system::optimizer::lr / 4"


def _events() -> Iterator[Any]:
    from tensorboard.compat.proto.event_pb2 import Event

    for file in sorted(Path("logs").rglob("events.*")):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            yield Event.FromString(data[12 : 12 + length])
            data = data[12 + length + 4 :]


def _scalars(tag: str) -> list[tuple[int, float]]:
    values = [(event.step, value) for event in _events() for value in event.summary.value if value.tag == tag]
    return [(step, value.simple_value or sum(value.tensor.float_val)) for step, value in values]


def _hparams() -> dict[str, Any]:
    """Return the hyperparameters in the event files, as TensorBoard itself reads them."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    for event in _events():
        for value in event.summary.value:
            if value.tag == "_hparams_/session_start_info":
                data = HParamsPluginData.FromString(value.metadata.plugin_data.content)
                return {
                    name: getattr(one, one.WhichOneof("kind")) for name, one in data.session_start_info.hparams.items()
                }
    return {}


def test_vars_come_first_and_numbers_are_numbers() -> None:
    config = load(
        [
            {
                "system": {
                    "_target_": "lighter.System",
                    "optimizer": {"lr": "$@vars::lr * 2", "on": True, "none": None},
                },
                "trainer": {"callbacks": [{"_target_": "a.B", "monitor": "val/loss"}, {"c": [1, "x"]}], "n": r"\@text"},
                "copy": "%system::optimizer",
                "home": "$os.environ['HOME']",
                "net": "@system",
                "seed": 3,
                "vars": {"lr": 0.1, "betas": "$[0.9, 0.99]"},
            }
        ]
    )
    found = hyperparameters(config)
    assert list(found)[:3] == ["vars/lr", "vars/betas", "seed"]
    assert found == {
        "vars/lr": 0.1,
        "vars/betas": [0.9, 0.99],
        "seed": 3,
        "system/_target_": "lighter.System",
        "system/optimizer/lr": 0.2,
        "system/optimizer/on": True,
        "system/optimizer/none": None,
        "trainer/callbacks/0/_target_": "a.B",
        "trainer/callbacks/0/monitor": "val/loss",
        "trainer/callbacks/1/c": [1, "x"],
        "trainer/n": "@text",
        "copy/lr": 0.2,
        "copy/on": True,
        "copy/none": None,
        "home": "$os.environ['HOME']",
        "net": "@system",
    }


@pytest.mark.slow
def test_tensorboard_gets_numbers_and_the_best_and_last_monitor(system_config: str) -> None:
    Runner().run("fit", [system_config, BOARD, DECAY, WORSE, "trainer::callbacks::0::dirpath=checkpoints"])
    hparams = _hparams()
    assert hparams["vars/num_samples"] == 12
    assert hparams["system/optimizer/lr"] == 0.1
    assert hparams["system/optimizer/weight_decay"] == 0.025
    assert hparams["system/dataloaders/val/batch_size"] == 5  # a copy, written out
    losses = [value for _, value in _scalars("val/loss/epoch")]
    assert len(losses) == 2
    assert losses[1] > losses[0]
    assert [value for _, value in _scalars("hp_metric")][1:] == pytest.approx([losses[0], losses[0]])
    assert [value for _, value in _scalars("hp_metric/last")][1:] == pytest.approx(losses)
    assert [step for step, _ in _scalars("hp_metric")] == [0, 3, 6]


@pytest.mark.slow
@pytest.mark.parametrize(
    "inputs",
    [
        ["trainer::callbacks=[{_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss/epoch}]"],
        [
            "~trainer::callbacks",
            "trainer::enable_checkpointing=false",
            PLATEAU,
        ],
    ],
)
def test_the_monitor_of_early_stopping_or_a_scheduler_counts_too(system_config: str, inputs: list[str]) -> None:
    Runner().run("fit", [system_config, BOARD, *inputs])
    losses = [value for _, value in _scalars("val/loss/epoch")]
    assert _scalars("hp_metric")[-1][1] == pytest.approx(min(losses))
    assert _scalars("hp_metric/last")[-1][1] == pytest.approx(losses[-1])


@pytest.mark.slow
def test_a_monitor_of_training_counts_too(system_config: str) -> None:
    Runner().run("fit", [system_config, BOARD, "trainer::callbacks::0::monitor=train/loss/epoch"])
    losses = [value for _, value in _scalars("train/loss/epoch")]
    assert len(losses) == 2
    assert _scalars("hp_metric")[-1][1] == pytest.approx(min(losses))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_resumed_fit_remembers_the_best_before(system_config: str) -> None:
    words = [system_config, WORSE, "trainer::callbacks::0::dirpath=checkpoints"]
    Runner().run("fit", [*words, "trainer::max_epochs=1"])
    first = read_records(Path())[-1].content["metrics"]["val/loss/epoch"]
    Runner().run("fit", [*words, BOARD], ckpt_path="last")
    assert _scalars("hp_metric")[-1][1] == pytest.approx(first)
    assert _scalars("hp_metric/last")[-1][1] > first


@pytest.mark.slow
def test_default_hp_metric_false_turns_it_off(system_config: str) -> None:
    board = BOARD.replace("save_dir", "default_hp_metric: false, save_dir")
    Runner().run("fit", [system_config, board])
    assert _scalars("hp_metric") == []
    assert _scalars("val/loss/epoch")


@pytest.mark.slow
def test_a_csv_logger_gets_the_same_hyperparameters(system_config: str) -> None:
    Runner().run(
        "fit", [system_config, "trainer::logger={_target_: pytorch_lightning.loggers.CSVLogger, save_dir: logs}"]
    )
    (file,) = Path("logs").rglob("hparams.yaml")
    assert load([str(file)]).tree["system/dataloaders/val/batch_size"] == 5


class _StandIn(WandbLogger):
    """The parts of a W&B run that Lighter uses, without the package."""

    made: ClassVar[list[WandbLogger]] = []

    def __init__(self) -> None:
        self.summary: dict[str, float] = {}
        self.config: dict[str, Any] = {}
        self.made.append(self)

    name = version = save_dir = None  # type: ignore[assignment]

    @property
    def experiment(self) -> Any:
        return self

    def log_hyperparams(self, params: Any) -> None:
        self.config.update(params)

    def log_metrics(self, metrics: Any, step: int | None = None) -> None: ...

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None: ...

    def finalize(self, status: str) -> None: ...


@pytest.mark.slow
def test_wandb_gets_best_and_last_in_its_summary(system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_StandIn, "made", [])
    monkeypatch.setattr("pytorch_lightning.loggers.CSVLogger", _StandIn)
    monkeypatch.setattr("pytorch_lightning.loggers.csv_logs.CSVLogger", _StandIn)
    Runner().run(
        "fit", [system_config, "trainer::logger={_target_: pytorch_lightning.loggers.CSVLogger}"], check_first=False
    )
    (logger,) = _StandIn.made
    assert logger.config["vars/num_samples"] == 12
    assert logger.summary.keys() == {"val/loss/epoch/best", "val/loss/epoch/last"}
    assert logger.summary["val/loss/epoch/best"] <= logger.summary["val/loss/epoch/last"]


def test_the_summary_of_wandb_takes_these_values(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed: its own summary cannot be tried")
    logger = WandbLogger(save_dir=str(tmp_path), offline=True)
    log_hyperparameters(logger, {"vars/lr": 0.1}, has_monitor=True)
    logger.experiment.summary.update({"val/loss/epoch/best": 0.5, "val/loss/epoch/last": 0.7})
    assert logger.experiment.config["vars/lr"] == 0.1
    assert logger.experiment.summary["val/loss/epoch/best"] == 0.5
    logger.experiment.finish()


def test_the_better_of_some_values() -> None:
    assert Monitor("a", "min", None).better(None, 2.0, 1.0, float("inf"), float("nan")) == 1.0
    assert Monitor("a", "max", None).better(2.0, float("-inf"), 1.0) == 2.0
    assert Monitor("a", "max", None).better(None, float("nan")) is None
    assert Monitor("a", "", None).better(1.0) is None
