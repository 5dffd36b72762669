"""Every example trains and does what its README says; the first as a user runs it, the others in this process."""

import contextlib
import csv
import io
import json
import runpy
import shutil
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.app import app

EXAMPLES = Path(__file__).parents[1] / "examples"
QUIET = ["trainer::enable_progress_bar=false", "trainer::enable_model_summary=false"]

Run = Callable[..., Any]

needs_optuna = pytest.mark.skipif(find_spec("optuna") is None, reason="needs Optuna; nox's session `sweep` has it")


@pytest.fixture(autouse=True)
def _copied_examples(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__", "outputs"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a stage of an example, and return the metrics that its record holds."""

    def run_stage(stage: str, *words: str, ckpt_path: str | None = None) -> dict[str, float]:
        files = [f"examples/{word}" if word.endswith(".yaml") else word for word in words]
        with contextlib.redirect_stdout(io.StringIO()):
            Runner().run(stage, [*files, *QUIET], ckpt_path=ckpt_path)
        record = _records(tmp_path)[-1]
        assert (record["stage"], record["status"]) == (stage, "finished")
        metrics: dict[str, float] = record["metrics"]
        return metrics

    return run_stage


def test_digits_reach_97_percent_in_later_processes_too(run: Run, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "lighter_cli", "fit", "examples/digits/config.yaml"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (fit,) = _records(tmp_path)
    validate = run("validate", "digits/config.yaml", ckpt_path="best")
    test = run("test", "digits/config.yaml", ckpt_path="best")
    run("predict", "digits/config.yaml", ckpt_path="best")
    assert fit["status"] == "finished"
    assert validate["val/metrics/Accuracy/epoch"] >= 0.97
    assert validate["val/metrics/Accuracy/epoch"] == pytest.approx(fit["checkpoints"]["best_score"])
    rows = _rows(tmp_path / "outputs/digits/predictions.csv")
    assert len(rows) == 300
    right = sum(row["pred"] == row["target"] for row in rows)
    assert right / len(rows) == pytest.approx(test["test/metrics/Accuracy/epoch"])
    assert list((tmp_path / "outputs/digits/lightning_logs/version_0").glob("events.out.tfevents.*"))


def test_digits_with_code_of_its_own_runs_every_stage(run: Run, tmp_path: Path) -> None:
    fit = run("fit", "digits_module/config.yaml")
    test = run("test", "digits_module/config.yaml", ckpt_path="best")
    run("predict", "digits_module/config.yaml", ckpt_path="best")
    assert {f"train/loss/{term}/epoch" for term in ("total", "cross_entropy", "penalty")} <= set(fit)
    assert test["test/metrics/MulticlassAccuracy/epoch"] >= 0.9
    assert len(_rows(tmp_path / "outputs/digits_module/predictions.csv")) == 300


def test_diabetes_is_predicted_better_than_by_its_mean(run: Run) -> None:
    run("fit", "diabetes/config.yaml")
    test = run("test", "diabetes/config.yaml", ckpt_path="best")
    assert test["test/metrics/MeanAbsoluteError/epoch"] < 50  # the mean of the target gives 65
    assert test["test/metrics/R2Score/epoch"] > 0.4


@pytest.mark.skipif(find_spec("monai") is None, reason="needs MONAI; nox's session `medical` has it")
@pytest.mark.filterwarnings("default")  # of MONAI, about newer versions of torch and numpy
def test_segmentation_finds_the_balls_and_writes_masks(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # MONAI sets both when it is imported
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    run("fit", "segmentation/config.yaml")
    test = run("test", "segmentation/config.yaml", ckpt_path="best")
    run("predict", "segmentation/config.yaml", ckpt_path="best")
    assert test["test/metrics/DiceScore/epoch"] > 0.8
    masks = sorted(file.name for file in (tmp_path / "outputs/segmentation/masks").glob("*.tiff"))
    assert masks == [f"volume.3.{index}.tiff" for index in range(4)]


def test_transfer_learning_holds_the_encoder_and_helps(run: Run) -> None:
    run("fit", "transfer/pretrain.yaml")
    files = ["transfer/pretrain.yaml", "transfer/finetune.yaml"]
    every_epoch = ["trainer::callbacks::0::save_top_k=-1", "trainer::callbacks::0::filename='{epoch}'"]
    transferred = run("fit", *files, *every_epoch)
    pretrained = _encoder("outputs/transfer/pretrained/pretrained.ckpt", "network.backbone.")
    moved = [
        not torch.equal(pretrained, _encoder(f"outputs/transfer/finetuned/epoch={epoch}.ckpt", "network.encoder."))
        for epoch in range(16)
    ]
    assert moved == [False] * 8 + [True] * 8
    shutil.rmtree("outputs/transfer/finetuned")
    from_scratch = run("fit", *files, "=system::model={_target_: project.networks.IsEven}")
    name = "val/metrics/MulticlassAccuracy/epoch"
    assert transferred[name] > max(0.88, from_scratch[name])


def test_text_is_told_apart_by_the_order_of_its_words(run: Run, tmp_path: Path) -> None:
    run("fit", "text/config.yaml")
    test = run("test", "text/config.yaml", ckpt_path="best")
    run("predict", "text/config.yaml", ckpt_path="best")
    assert test["test/metrics/BinaryAccuracy/epoch"] > 0.95
    rows = _rows(tmp_path / "outputs/text/predictions.csv")
    assert all(row["identifier"].startswith("the ") for row in rows)
    assert sum(row["pred"] == row["target"] for row in rows) / len(rows) == pytest.approx(
        test["test/metrics/BinaryAccuracy/epoch"]
    )


def test_gan_moves_towards_the_ring_and_logs_both_players(run: Run) -> None:
    before = run("validate", "gan/config.yaml")["val/loss/epoch"]
    fit = run("fit", "gan/config.yaml")
    assert fit["val/loss/epoch"] < 0.4 < before
    assert {"train/loss/generator/epoch", "train/loss/discriminator/epoch"} <= set(fit)
    assert {"train/optimizer/Adam/lr", "train/optimizer/Adam-1/lr"} <= set(fit)


@needs_optuna
def test_a_sweep_validates_every_fold_once() -> None:
    words = ["examples/cross_validation/config.yaml", "trainer::max_epochs=2", *QUIET]
    (trial,) = _swept(*words, "--name", "folds")
    fits = Path("lighter_sweeps/folds/trials/0000").glob("fold-*/lighter_runs/*/record.json")
    found = [json.loads(file.read_text())["metrics"]["val/metrics/Accuracy/epoch"] for file in fits]
    assert len(found) == 5
    assert min(found) > 0.8
    assert len(set(found)) > 1  # the folds differ
    assert float(trial["val/metrics/Accuracy/epoch"]) == pytest.approx(
        statistics.mean(found), abs=0.02
    )  # the best epochs
    assert float(trial["val/metrics/Accuracy/epoch std"]) > 0


@needs_optuna
def test_a_sweep_tries_networks_and_optimizers_and_finds_a_good_one(run: Run) -> None:
    trials = _swept("examples/sweep/config.yaml", *QUIET, "--trials", "8", "--workers", "2", "--name", "digits")
    assert [trial["state"] for trial in trials] == ["finished"] * 8
    assert {trial["files"] for trial in trials} >= {"networks/convolutional.yaml", "networks/dense.yaml"}
    for trial in trials:
        assert bool(trial["system::optimizer[SGD]::momentum"]) == (trial["system::optimizer"] == "SGD")
    best = max(float(trial["val/metrics/Accuracy/epoch"]) for trial in trials)
    test = run("test", "lighter_sweeps/digits/best")
    assert test["test/metrics/Accuracy/epoch"] > 0.85
    assert best > 0.9


def test_csv_and_tensorboard_loggers_hold_what_was_trained(run: Run, tmp_path: Path) -> None:
    fit = run("fit", "tracking/config.yaml", "tracking/loggers/several.yaml")
    rows = _rows(tmp_path / "outputs/tracking/csv/version_0/metrics.csv")
    logged = [row["val/metrics/Accuracy/epoch"] for row in rows if row.get("val/metrics/Accuracy/epoch")]
    assert len(logged) == 2
    assert float(logged[-1]) == pytest.approx(fit["val/metrics/Accuracy/epoch"])
    assert list((tmp_path / "outputs/tracking/tensorboard/version_0").glob("events.out.tfevents.*"))


@pytest.mark.skipif(
    find_spec("sqlalchemy") is None or find_spec("mlflow") is None, reason="needs MLflow: `nox -s tracking`"
)
@pytest.mark.filterwarnings("default")  # of MLflow's own dependencies
def test_mlflow_keeps_metrics_and_config_in_its_database(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")  # MLflow sets it itself
    import mlflow

    fit = run("fit", "tracking/config.yaml", "tracking/loggers/mlflow.yaml", "trainer::max_epochs=1")
    (stored,) = mlflow.MlflowClient("sqlite:///mlflow.db").search_runs(experiment_ids=["1"])
    assert stored.data.params["system/optimizer/lr"] == "0.01"
    assert stored.data.metrics["val/loss/epoch"] == pytest.approx(fit["val/loss/epoch"])


def test_a_plain_lightning_module_keeps_its_names(run: Run) -> None:
    fit = run("fit", "plain_lightning/config.yaml")
    validate = run("validate", "plain_lightning/config.yaml", ckpt_path="best")
    assert fit["val_accuracy"] > 0.9
    assert validate["val_loss"] == pytest.approx(fit["val_loss"])


def test_a_lightning_script_and_its_config_agree(run: Run) -> None:
    script = runpy.run_path("examples/from_lightning/train.py")
    with contextlib.redirect_stdout(io.StringIO()), _seed_variables_given_back():
        trainer = script["main"](enable_progress_bar=False, enable_model_summary=False)
    as_script = {name: float(value) for name, value in trainer.callback_metrics.items()}
    as_config = run("fit", "from_lightning/config.yaml")
    assert as_config["train/loss/epoch"] == pytest.approx(as_script["train_loss"], rel=1e-6)
    assert as_config["val/loss/epoch"] == pytest.approx(as_script["val_loss"], rel=1e-6)
    assert as_config["val/metrics/MulticlassAccuracy/epoch"] == pytest.approx(as_script["val_accuracy"])


def _swept(*words: str) -> list[dict[str, str]]:
    """Run a sweep, and return the rows of its table."""
    with contextlib.redirect_stdout(io.StringIO()):
        assert app(["sweep", *words], result_action="return_value") == 0
    return _rows(Path("lighter_sweeps") / words[-1] / "results.csv")


def _encoder(checkpoint: str, prefix: str) -> torch.Tensor:
    weights = torch.load(checkpoint, weights_only=True)["state_dict"]
    return torch.cat([value.flatten() for name, value in weights.items() if name.startswith(prefix)])


@contextlib.contextmanager
def _seed_variables_given_back() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS"):
            patch.setenv(name, "0")  # so that they are restored
            patch.delenv(name)
        yield


def _records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / ".lighter" / "runs.jsonl").read_text().splitlines()
    return [json.loads((Path(json.loads(line)["folder"]) / "record.json").read_text()) for line in lines]


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))
