"""Trials of a sweep are one group in W&B, MLflow and TensorBoard; the config need not mention it."""

import sqlite3
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lighter_cli.runs.trial import Trial
from lighter_cli.sweeps.logger_groups import logger_settings
from lighter_config import load
from lighter_config.space.trials import with_settings

LOGGERS = "pytorch_lightning.loggers"
TRIAL = Trial(Path("lighter_sweeps/digits-3fa9/trials/0007/seed-0"))
NAME = "digits-3fa9/7/seed-0"


def loggers_of(*loggers: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a trial makes of some loggers."""
    config = load({"trainer": {"logger": list(loggers)}})
    return with_settings(config, logger_settings(config, TRIAL)).tree["trainer"]["logger"]  # type: ignore[no-any-return]


def test_a_store_gets_the_sweep_and_the_trial() -> None:
    wandb, mlflow = loggers_of(
        {"_target_": f"{LOGGERS}.WandbLogger"}, {"_target_": "lightning.pytorch.loggers.MLFlowLogger"}
    )
    assert wandb == {"_target_": f"{LOGGERS}.WandbLogger", "group": "digits-3fa9", "name": NAME}
    del mlflow["_target_"]
    assert mlflow == {"run_name": NAME, "tags": {"lighter.sweep": "digits-3fa9", "lighter.trial": NAME}}


def test_what_the_config_gives_stays() -> None:
    wandb, mlflow, untagged = loggers_of(
        {"_target_": f"{LOGGERS}.WandbLogger", "group": None, "name": "mine"},
        {"_target_": f"{LOGGERS}.MLFlowLogger", "run_name": "mine", "tags": {"lighter.sweep": "mine", "team": "a"}},
        {"_target_": f"{LOGGERS}.MLFlowLogger", "tags": "@vars::tags", "_args_": ["digits"]},
    )
    assert (wandb["group"], wandb["name"]) == (None, "mine")
    assert mlflow["run_name"] == "mine"
    assert mlflow["tags"] == {"lighter.sweep": "mine", "team": "a", "lighter.trial": NAME}
    assert untagged == {"_target_": f"{LOGGERS}.MLFlowLogger", "tags": "@vars::tags", "_args_": ["digits"]}


def test_other_loggers_stay_as_they_are() -> None:
    others = [
        {"_target_": f"{LOGGERS}.TensorBoardLogger", "save_dir": "logs"},
        {"_target_": "project.loggers.WandbLogger"},
        {"_target_": f"{LOGGERS}.WandbLogger", "_disabled_": True},
    ]
    assert loggers_of(*others) == others


def test_a_copied_logger_is_grouped_where_it_is_written() -> None:
    config = load({"loggers": {"_target_": f"{LOGGERS}.WandbLogger"}, "trainer": {"logger": "%loggers"}})
    grouped = with_settings(config, logger_settings(config, TRIAL))
    assert grouped.get("trainer::logger") == "%loggers"
    assert grouped.expanded().get("trainer::logger::group") == "digits-3fa9"
    place = grouped.place("loggers::group")
    assert place is not None
    assert "the sweep" in str(place)


SHOW = """
    from pytorch_lightning import Callback

    class Show(Callback):
        def on_fit_end(self, trainer, module):
            run = trainer.logger.experiment
            print("GROUP", run.group, "RUN", run.name, flush=True)
"""


def sweep_with(logger: str, config: str, *words: str) -> Path:
    """Run two trials with a logger; return the folder of the sweep."""
    pytest.importorskip("optuna", minversion="5")
    from lighter_cli.sweeps.plan import plan_of
    from lighter_cli.sweeps.process import Starter
    from lighter_cli.sweeps.progress import Progress
    from lighter_cli.sweeps.sweep import open_sweep
    from lighter_cli.sweeps.worker import Slot, Worker
    from lighter_config.space import SpaceOptions

    Path("logger.yaml").write_text(f"trainer:\n  logger:\n{textwrap.indent(textwrap.dedent(logger), '    ')}")
    sweep = open_sweep(plan_of([config, "logger.yaml", *words, "vars::value:=0.1,0.2"], SpaceOptions(), "groups"))
    starter = Starter(environment={"OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"})
    try:
        Worker(sweep, [Slot(0)], starter, Progress()).work()
    finally:
        starter.close()
    outputs = [file.read_text() for file in sorted(sweep.folder.glob("trials/*/output.log"))]
    assert [result.state for result in sweep.trials.results.values()] == ["finished"] * 2, outputs
    return sweep.folder


@pytest.mark.slow
def test_mlflow_lists_the_trials_of_a_sweep(config: str, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    sweep_with(f"_target_: {LOGGERS}.MLFlowLogger\ntracking_uri: sqlite:///mlflow.db", config)
    query = "SELECT value FROM tags WHERE key = ? ORDER BY value"
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        assert database.execute(query, ["lighter.sweep"]).fetchall() == [("groups",)] * 2
        assert database.execute(query, ["lighter.trial"]).fetchall() == [("groups/0",), ("groups/1",)]
        assert database.execute("SELECT name FROM runs ORDER BY name").fetchall() == [("groups/0",), ("groups/1",)]


@pytest.mark.slow
def test_wandb_has_the_sweep_as_a_group(config: str, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    (tmp_path / "own" / "shown.py").write_text(textwrap.dedent(SHOW))
    callback = "trainer::callbacks+={_target_: project.shown.Show}"
    sweep = sweep_with(f"_target_: {LOGGERS}.WandbLogger\nproject: digits\nsave_dir: wandb_runs", config, callback)
    outputs = [file.read_text() for file in sorted(sweep.glob("trials/*/output.log"))]
    assert ["GROUP groups RUN groups/0" in outputs[0], "GROUP groups RUN groups/1" in outputs[1]] == [True] * 2


@pytest.mark.slow
def test_tensorboard_finds_each_trial_below_the_sweep(config: str, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    sweep_with(f"_target_: {LOGGERS}.TensorBoardLogger\nsave_dir: '%trainer::default_root_dir'", config)
    files = sorted((tmp_path / "lighter_sweeps" / "groups").rglob("events.out.tfevents.*"))
    assert [file.relative_to(tmp_path).parts[2:4] for file in files] == [("trials", "0000"), ("trials", "0001")]
