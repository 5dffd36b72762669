"""The record names where the loggers write, and how much memory the run needed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger

from lighter_cli import Runner
from lighter_cli.runs.logger_places import logger_places
from lighter_cli.runs.record import read_records

pytestmark = pytest.mark.slow

LOGGERS = """=trainer::logger=[
    {_target_: pytorch_lightning.loggers.CSVLogger, save_dir: csv},
    {_target_: pytorch_lightning.loggers.TensorBoardLogger, save_dir: board, name: digits, version: first}]"""


def test_each_logger_is_recorded_with_its_folder(system_config: str, in_process: Callable[..., Any]) -> None:
    for stage in ("fit", "test"):
        Runner().run(stage, [system_config, LOGGERS])
    fitted, tested = (record.content["loggers"] for record in read_records(Path()))
    assert [logger["class"].rpartition(".")[2] for logger in fitted] == ["CSVLogger", "TensorBoardLogger"]
    assert [(logger["name"], logger["version"]) for logger in fitted] == [("lightning_logs", "0"), ("digits", "first")]
    assert tested[0]["version"] == "1"
    csv, board = (Path(logger["folder"]) for logger in fitted)
    assert csv == Path("csv/lightning_logs/version_0").absolute()
    assert (csv / "metrics.csv").is_file()
    assert list(board.glob("events.*"))
    assert Path(fitted[1]["folder"]) == Path("board/digits/first").absolute()
    assert all("url" not in logger for logger in fitted)
    shown = " ".join(in_process("runs", "show", "last").stdout.split())
    assert "TensorBoardLogger digits, first, board/digits/first" in shown


def test_a_run_without_loggers_names_none(system_config: str) -> None:
    Runner().run("fit", [system_config])
    assert read_records(Path())[-1].content["loggers"] == []


class OfOnes:
    """What is read of a trainer."""

    def __init__(self, *loggers: Any) -> None:
        self.loggers = loggers


def test_asking_makes_no_folder(tmp_path: Path) -> None:
    loggers = CSVLogger(tmp_path / "csv"), TensorBoardLogger(tmp_path / "board")
    assert len(logger_places(OfOnes(*loggers))) == 2  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


class Remote(CSVLogger):
    """A logger whose experiment has an address, such as that of W&B or Comet."""

    class Experiment:
        url = "https://someone:secret@example.org/runs/7"

    def __init__(self) -> None:
        super().__init__("remote")
        self._experiment = self.Experiment()  # type: ignore[assignment]


def test_an_address_is_recorded_without_its_password() -> None:
    (place,) = logger_places(OfOnes(Remote()))  # type: ignore[arg-type]
    assert place["url"] == "https://example.org/runs/7"


class WithoutServer(CSVLogger):
    """A logger whose experiment fails when it is asked for its address, as SwanLab's offline."""

    class Experiment:
        dir = "offline"

        @property
        def url(self) -> str:
            raise ValueError("there is no address")

    def __init__(self) -> None:
        super().__init__("local", name="here", version="one")
        self._experiment = self.Experiment()  # type: ignore[assignment]


def test_a_tracker_without_an_address_keeps_its_folder() -> None:
    places = logger_places(OfOnes(WithoutServer(), CSVLogger("second")))  # type: ignore[arg-type]
    assert [place.get("name") for place in places] == ["here", "lightning_logs"]
    assert places[0]["folder"] == str(Path("local/here/one").absolute())
    assert "url" not in places[0]


@pytest.mark.filterwarnings("ignore:.*`noload`.*is deprecated")  # MLflow 3.17 with SQLAlchemy 2.1
@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("sqlite:///places.db", "places.db"),  # MLflow keeps stores by their address, for the whole process
        ("sqlite:///{}/mlflow.db", "mlflow.db"),
        ("file:{}/mlruns", "mlruns"),
        ("file://{}/mlruns", "mlruns"),
        ("{}/mlruns", "mlruns"),
    ],
)
def test_mlflow_is_named_by_the_ids_of_experiment_and_run(
    address: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    address = address.format(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # else MLflow refuses the folders
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)  # as MLflow does, for good
    logger = MLFlowLogger("digits", tracking_uri=address)
    assert logger_places(OfOnes(logger)) == [{"class": "pytorch_lightning.loggers.mlflow.MLFlowLogger"}]  # type: ignore[arg-type]
    run = logger.run_id
    (place,) = logger_places(OfOnes(logger))  # type: ignore[arg-type]
    assert place["version"] == run
    assert Path(place["folder"]) == tmp_path / file
    assert (tmp_path / file).exists()


def test_a_database_on_a_server_has_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    logger = MLFlowLogger("digits", tracking_uri="http://localhost:1")
    monkeypatch.setattr(logger, "_tracking_uri", "postgresql://me:secret@host/mlflow")  # which needs a driver
    monkeypatch.setattr(logger, "_experiment_id", "1")
    monkeypatch.setattr(logger, "_run_id", "abc")
    (place,) = logger_places(OfOnes(logger))  # type: ignore[arg-type]
    assert place["url"] == "postgresql://host/mlflow"
    assert "folder" not in place


@pytest.mark.parametrize("stage", ["fit", "predict"])
def test_the_peak_of_memory_is_recorded(system_config: str, stage: str, in_process: Callable[..., Any]) -> None:
    Runner().run(stage, [system_config])
    peak = read_records(Path())[-1].content["peak_memory"]
    assert peak.keys() == {"resident_mib"}
    assert 100 < peak["resident_mib"] < 100_000  # torch alone needs that
    assert f"{peak['resident_mib']:,.0f} MiB of the process" in in_process("runs", "show", "last").stdout
