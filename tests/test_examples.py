"""The examples as a user runs them: each command a process of its own, in a folder without the repository's code."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def lighter(tmp_path: Path) -> Command:
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__", "outputs"))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lighter_cli", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
        assert done.returncode == 0, done.stderr
        return done

    return run


def _records(folder: Path) -> list[dict[str, object]]:
    lines = (folder / ".lighter" / "runs.jsonl").read_text().splitlines()
    return [json.loads((Path(json.loads(line)["folder"]) / "record.json").read_text()) for line in lines]


def _accuracy(record: dict[str, object], name: str) -> float:
    metrics = record["metrics"]
    assert isinstance(metrics, dict)
    return float(metrics[name])


def test_digits_reach_97_percent_and_later_processes_confirm_it(lighter: Command, tmp_path: Path) -> None:
    config = "examples/digits/config.yaml"
    lighter("fit", config)
    lighter("validate", config, "--ckpt-path", "best")
    lighter("test", config, "--ckpt-path", "best")
    lighter("predict", config, "--ckpt-path", "best")
    fit, validate, test, predict = _records(tmp_path)
    assert [record["stage"] for record in (fit, validate, test, predict)] == ["fit", "validate", "test", "predict"]
    assert {record["status"] for record in (fit, validate, test, predict)} == {"finished"}
    assert _accuracy(validate, "val/metrics/Accuracy/epoch") >= 0.97
    checkpoints = fit["checkpoints"]
    assert isinstance(checkpoints, dict)
    assert _accuracy(validate, "val/metrics/Accuracy/epoch") == pytest.approx(checkpoints["best_score"])
    with (tmp_path / "outputs/digits/predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 300
    right = sum(row["pred"] == row["target"] for row in rows)
    assert right / len(rows) == pytest.approx(_accuracy(test, "test/metrics/Accuracy/epoch"))
    assert list((tmp_path / "outputs/digits/lightning_logs/version_0").glob("events.out.tfevents.*"))


def test_digits_with_code_of_its_own_runs_every_stage(lighter: Command, tmp_path: Path) -> None:
    config = "examples/digits_module/config.yaml"
    lighter("fit", config)
    lighter("test", config, "--ckpt-path", "best")
    lighter("predict", config, "--ckpt-path", "best")
    fit, test, _ = _records(tmp_path)
    terms = {f"train/loss/{term}/epoch" for term in ("total", "cross_entropy", "penalty")}
    assert terms <= set(fit["metrics"])  # type: ignore[call-overload]
    assert _accuracy(test, "test/metrics/MulticlassAccuracy/epoch") >= 0.9
    with (tmp_path / "outputs/digits_module/predictions.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 300
