import subprocess
from collections.abc import Callable

import pytest
from pytorch_lightning.loggers import MLFlowLogger

Command = Callable[..., subprocess.CompletedProcess[str]]
LOGGER = "=trainer::logger={_target_: pytorch_lightning.loggers.MLFlowLogger, experiment_name: a%s}"


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.delenv(name, raising=False)


def test_mlflow_without_a_uri_is_a_warning(in_process: Command, system_config: str) -> None:
    done = in_process("check", system_config, LOGGER % "")
    assert "MLFlowLogger has no tracking_uri, and MLflow refuses its default" in done.stdout + done.stderr
    assert "give tracking_uri: sqlite:///mlflow.db, or set MLFLOW_TRACKING_URI" in done.stdout + done.stderr


RIGHT = ["tracking_uri: sqlite:///mlflow.db", "_args_: [a, b, http://localhost]", "tracking_uri: databricks"]
COMPUTED = ["tracking_uri: $'mlruns'", "_args_: \"$['a', 'b', 'mlruns']\""]
FOLDERS = ["tracking_uri: file:./mlruns", "tracking_uri: mlruns", "_args_: [a, b, /data/mlruns]"]


@pytest.mark.parametrize("given", [*RIGHT, *COMPUTED])
def test_mlflow_with_a_uri_is_right(in_process: Command, system_config: str, given: str) -> None:
    done = in_process("check", system_config, LOGGER.replace("experiment_name: a", "prefix: a") % f", {given}")
    assert "nothing wrong" in done.stdout


@pytest.mark.parametrize("given", FOLDERS)
def test_a_folder_of_mlflow_is_a_warning(
    in_process: Command, system_config: str, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("check", system_config, LOGGER.replace("experiment_name: a", "prefix: a") % f", {given}")
    said = in_process(*words).stdout
    assert "mlruns', which MLflow refuses" in said
    assert "give tracking_uri: sqlite:///mlflow.db; `mlflow migrate-filestore` takes earlier runs over" in said
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert "MLflow refuses" not in in_process(*words).stdout


def test_mlflow_refuses_what_the_check_warns_of(monkeypatch: pytest.MonkeyPatch) -> None:
    exceptions = pytest.importorskip("mlflow.exceptions")
    for arguments in ({}, {"tracking_uri": "file:./mlruns"}, {"tracking_uri": "mlruns"}):
        with pytest.raises(exceptions.MlflowException, match="MLFLOW_ALLOW_FILE_STORE"):
            MLFlowLogger(**arguments)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    MLFlowLogger(tracking_uri="file:./mlruns")


def test_a_folder_in_the_variable_is_a_warning(
    in_process: Command, system_config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:./mlruns")
    assert "writes into the folder 'file:./mlruns'" in in_process("check", system_config, LOGGER % "").stdout


def test_a_variable_is_a_uri(in_process: Command, system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    done = in_process("check", system_config, LOGGER % "")
    assert "has no tracking_uri" not in done.stdout + done.stderr
