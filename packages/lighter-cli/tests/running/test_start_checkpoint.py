"""`last` and `best` across runs."""

import contextlib
import json
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.errors import CheckpointError
from lighter_cli.running.start_checkpoint import shared_with_ranks, start_checkpoint
from lighter_cli.runs.inputs import recorded_runs
from lighter_cli.runs.record import read_records
from lighter_config import Config, ConfigError, Stage, load


def _find(config: str, wanted: str, *overrides: str) -> str | None:
    return start_checkpoint(load([config, *overrides]), Stage.TEST, option=wanted)


def test_last_and_best_are_those_of_the_newest_run(system_config: str) -> None:
    Runner().run("fit", [system_config])
    Runner().run("fit", [system_config, "trainer::callbacks::0::dirpath=second"])
    assert _find(system_config, "last") == str(Path("second/last.ckpt").resolve())
    best = _find(system_config, "best")
    assert best is not None
    assert Path(best).parent == Path("second").resolve()
    assert Path(best).name != "last.ckpt"


def test_best_beside_a_checkpoint_is_that_of_its_own_run(system_config: str) -> None:
    Runner().run("fit", [system_config])
    Runner().run("fit", [system_config, "trainer::callbacks::0::dirpath=second"])
    config = load(["checkpoints/last.ckpt"])
    best = start_checkpoint(config, Stage.TEST, option="best", runs=recorded_runs(config))
    assert best is not None
    assert Path(best).parent == Path("checkpoints").resolve()
    for file in Path("checkpoints").glob("epoch*"):
        file.unlink()
    with pytest.raises(CheckpointError, match="left none"):
        start_checkpoint(config, Stage.TEST, option="best", runs=recorded_runs(config))


def test_names_with_the_ending_mean_the_same_without_a_file(system_config: str) -> None:
    Runner().run("fit", [system_config])
    assert _find(system_config, "last.ckpt") == _find(system_config, "last")
    Path("last.ckpt").write_bytes(Path("checkpoints/last.ckpt").read_bytes())
    assert _find(system_config, "last.ckpt") == "last.ckpt"


def test_another_experiment_has_its_own(system_config: str) -> None:
    Runner().run("fit", [system_config])
    other = Path("other.yaml")
    other.write_text(Path(system_config).read_text())
    with pytest.raises(CheckpointError, match="has not run"):
        _find(str(other), "last")


def test_one_line_says_which_run_and_which_overrides_differ(
    system_config: str, caplog: pytest.LogCaptureFixture
) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=1", "seed=3"])
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        _find(system_config, "last", "seed=3", "vars::num_samples=20")
    (message,) = [record.getMessage() for record in caplog.records if record.name.startswith("lighter_cli")]
    assert "finished" in message
    assert "then trainer::max_epochs=1" in message
    assert "now vars::num_samples=20" in message
    assert "seed" not in message


def test_a_run_whose_checkpoint_was_deleted_is_passed_over(system_config: str) -> None:
    Runner().run("fit", [system_config])
    Runner().run("fit", [system_config, "trainer::callbacks::0::dirpath=second"])
    for file in Path("second").iterdir():
        file.unlink()
    assert _find(system_config, "last") == str(Path("checkpoints/last.ckpt").resolve())


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_run_killed_with_its_machine_can_be_continued(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    Runner().run("fit", [system_config])
    Runner().run("fit", [system_config, "trainer::callbacks::0::dirpath=second"])
    newest = read_records(Path())[-1]
    elsewhere = {**newest.content, "status": "running", "process": {**newest.content["process"], "host": "node-7"}}
    (newest.folder / "record.json").write_text(json.dumps(elsewhere))
    assert _find(system_config, "last") == str(Path("checkpoints/last.ckpt").resolve())
    assert f"run {newest.folder.name} is skipped: it is recorded as running on node-7" in caplog.text
    assert f"resume it with `lighter fit {newest.folder}`" in caplog.text
    caplog.clear()
    runner = Runner()
    runner.run("fit", [newest.folder, "trainer::max_epochs=3"])
    assert str(Path("second/last.ckpt").resolve()) in caplog.text
    assert runner.experiment is not None
    assert runner.experiment.trainer.current_epoch == 3


def test_no_run_is_an_error_never_a_start_from_scratch(system_config: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        Runner().run("fit", [system_config], ckpt_path="last")
    assert "has not run" in caught.value.findings[0].message
    assert not Path("lighter_runs").exists()


def test_a_missing_file_names_the_nearest(system_config: str) -> None:
    Path("models").mkdir()
    Path("models/epoch=1-step=6.ckpt").touch()
    with pytest.raises(CheckpointError) as caught:
        _find(system_config, "models/epoch=1-step=7.ckpt")
    assert caught.value.findings[0].nearest == ("models/epoch=1-step=6.ckpt",)


def test_a_mistyped_name_gives_the_argument_and_the_nearest(system_config: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        _find(system_config, "besst")
    text = re.sub(r"\S+\.py:\d+", "FILE:LINE", str(caught.value))
    assert text == (
        "the checkpoint 'besst' does not exist\n"
        "  FILE:LINE, argument ckpt_path besst\n"
        "  expected           'last', 'best', or an existing file\n"
        "  nearest            best\n"
        "  to fix             correct the path; relative ones start at the working directory"
    )


def test_an_invalid_checkpoint_fails_before_building(system_config: str) -> None:
    Runner().run("fit", [system_config])
    whole = Path("checkpoints/last.ckpt").read_bytes()
    Path("half.ckpt").write_bytes(whole[: len(whole) // 2])
    Path("text.ckpt").write_text("not a checkpoint")
    assert _find(system_config, "checkpoints/last.ckpt") == "checkpoints/last.ckpt"
    for name in ("half.ckpt", "text.ckpt"):
        with pytest.raises(CheckpointError, match="not a complete checkpoint"):
            _find(system_config, name)


def test_other_ranks_take_the_checkpoint_of_rank_zero(system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    with shared_with_ranks("given.ckpt"):
        assert _find(system_config, "last") == "given.ckpt"
    with shared_with_ranks(None):
        assert _find(system_config, "last") is None


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_the_first_that_names_a_checkpoint_decides(system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order: rank zero, the restarted job, the option, args, the run among the inputs."""
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    Runner().run("fit", [system_config])
    for name in ("option.ckpt", "args.ckpt", "input.ckpt"):
        shutil.copy("checkpoints/last.ckpt", name)
    config = load(["input.ckpt"])
    with_args = load(["input.ckpt", "args::fit::ckpt_path=args.ckpt"])
    Runner().run("fit", with_args)
    restarted = str(Path("checkpoints/last.ckpt").resolve())

    def found(config: Config, option: str | None = None) -> str | None:
        return start_checkpoint(config, Stage.FIT, option=option, runs=recorded_runs(config))

    assert found(config) == "input.ckpt"
    assert found(with_args) == "args.ckpt"
    assert found(with_args, "option.ckpt") == "option.ckpt"
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert found(with_args, "option.ckpt") == restarted
    monkeypatch.setenv("LOCAL_RANK", "1")
    with shared_with_ranks("rank_zero.ckpt"):
        assert found(with_args, "option.ckpt") == "rank_zero.ckpt"


def test_a_command_inside_a_run_finds_its_own_checkpoint(system_config: str) -> None:
    Runner().run("fit", [system_config])
    with shared_with_ranks("given.ckpt"):
        assert _find(system_config, "last") == str(Path("checkpoints/last.ckpt").resolve())


class Bomb:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


@pytest.fixture(params=["an entry", "the whole file", "an old file"])
def bomb(request: pytest.FixtureRequest, system_config: str) -> str:
    """A checkpoint of a run that explodes when it is unpickled."""
    Runner().run("fit", [system_config])
    file = "checkpoints/last.ckpt"
    checkpoint = torch.load(file, weights_only=True)
    content = {
        "an entry": (checkpoint | {"extra": Bomb()}, True),
        "the whole file": (Bomb(), True),
        "an old file": (checkpoint | {"extra": Bomb()}, False),
    }
    what, is_zip = content[request.param]
    torch.save(what, file, _use_new_zipfile_serialization=is_zip)
    return file


def test_a_bomb_is_refused_and_does_not_go_off(bomb: str, system_config: str) -> None:
    (run,) = Path("lighter_runs").iterdir()
    ways: list[tuple[list[str], dict[str, Any]]] = [
        ([system_config], {"ckpt_path": bomb}),
        ([system_config], {"ckpt_path": "last"}),
        ([system_config, f"args::test::ckpt_path={bomb}"], {}),
        ([bomb], {}),
        ([str(run)], {"ckpt_path": "last"}),
    ]
    for words, options in ways:
        with pytest.raises(ConfigError) as caught:
            Runner().run("test", words, **options)
        assert "\n" not in caught.value.findings[0].message
        assert not Path("exploded").exists()
    with contextlib.suppress(Exception):
        torch.load(bomb, weights_only=False)
    assert Path("exploded").exists()


def test_a_bomb_names_what_it_would_call(system_config: str) -> None:
    Runner().run("fit", [system_config])
    torch.save(torch.load("checkpoints/last.ckpt", weights_only=True) | {"extra": Bomb()}, "bomb.ckpt")
    with pytest.raises(CheckpointError) as caught:
        Runner().run("test", [system_config], ckpt_path="bomb.ckpt")
    (finding,) = caught.value.findings
    assert finding.message == f"the checkpoint 'bomb.ckpt' holds more than tensors and plain values: {os.name}.mkdir"
    assert finding.fix == "add weights_only=False if you trust whoever wrote the file"
