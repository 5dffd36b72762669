import subprocess
from collections.abc import Callable

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
LOGGER = "=trainer::logger={_target_: pytorch_lightning.loggers.MLFlowLogger, experiment_name: a%s}"


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_mlflow_without_a_uri_is_a_warning(in_process: Command, system_config: str) -> None:
    done = in_process("check", system_config, LOGGER % "")
    assert "MLFlowLogger has no tracking_uri, and MLflow refuses its default" in done.stdout + done.stderr
    assert "give tracking_uri: sqlite:///mlflow.db, or set MLFLOW_TRACKING_URI" in done.stdout + done.stderr


@pytest.mark.parametrize("given", [", tracking_uri: sqlite:///mlflow.db", ", _args_: [a, b, http://localhost]"])
def test_mlflow_with_a_uri_is_right(in_process: Command, system_config: str, given: str) -> None:
    done = in_process("check", system_config, LOGGER.replace("experiment_name: a", "prefix: a") % given)
    assert "has no tracking_uri" not in done.stdout + done.stderr


def test_a_variable_is_a_uri(in_process: Command, system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    done = in_process("check", system_config, LOGGER % "")
    assert "has no tracking_uri" not in done.stdout + done.stderr
