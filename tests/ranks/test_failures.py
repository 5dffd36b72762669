"""A rank that fails ends the others, with its own error, exit code 1, and a record that says so."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli.runs.record import read_records

Command = Callable[..., subprocess.CompletedProcess[str]]

FIT = ("fit", "config.yaml", "trainer::devices=2", "trainer::strategy=ddp", "vars::batch_size=2")
FAILING = "model::_target_=project.models.Failing"


@pytest.mark.parametrize("how", ["raise", "raise while others wait"])
def test_a_failing_rank_ends_rank_zero_with_its_error(lighter: Command, folder: Path, how: str) -> None:
    done = lighter(*FIT, FAILING, f"model::how={how}")
    assert done.returncode == 1
    assert done.stderr.count("\nValueError: this rank does not like this batch\n") == 1
    assert 'code/models.py", line ' in done.stderr
    assert "pytorch_lightning/" not in done.stderr[done.stderr.index("Traceback") :]
    assert "error: rank 1 failed: ValueError: this rank does not like this batch\n" in done.stderr
    assert "Connection closed by peer" not in done.stderr
    record = read_records(folder)[-1]
    assert record.content["status"] == "failed"
    assert record.content["error"] == "RankError: rank 1 failed: ValueError: this rank does not like this batch"


def test_a_failing_rank_zero_ends_the_others_silently(lighter: Command, folder: Path) -> None:
    done = lighter(*FIT, FAILING, "model::rank=0")
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    record = read_records(folder)[-1]
    assert record.content["status"] == "failed"
    assert record.content["error"] == "ValueError: this rank does not like this batch"


@pytest.mark.parametrize("how", ["die", "die while others wait"])
def test_a_rank_that_is_killed_ends_rank_zero_which_says_so(lighter: Command, folder: Path, how: str) -> None:
    done = lighter(*FIT, FAILING, f"model::how={how}")
    assert done.returncode == 1
    assert "error: rank 1 was ended by SIGKILL\n  to fix " in done.stderr
    record = read_records(folder)[-1]
    assert record.content["status"] == "failed"
    assert record.content["error"].startswith("RankError: rank 1 was ended by SIGKILL")


def test_a_killed_rank_zero_is_lost_and_ends_the_others(lighter: Command, folder: Path) -> None:
    done = lighter(*FIT, FAILING, "model::rank=0", "model::how=die")
    assert done.returncode == -9
    assert read_records(folder)[-1].status == "lost"  # `run` fails when the other rank is left


def test_a_rank_that_cannot_be_built_ends_the_waiting_ones(lighter: Command, folder: Path) -> None:
    before = len(read_records(folder))
    done = lighter(*FIT, FAILING, "model::how=raise when built")
    assert done.returncode == 1
    assert done.stderr.count("\nValueError: this rank cannot be built\n") == 1
    assert "error: rank 1 failed: it ended with exit code 1\n" in done.stderr
    assert len(read_records(folder)) == before  # nothing had begun


def test_a_failing_spawned_rank_gives_the_run_its_error(lighter: Command, folder: Path) -> None:
    done = lighter(*FIT, FAILING, "trainer::strategy=ddp_spawn")
    assert done.returncode == 1
    assert done.stderr.count("ValueError: this rank does not like this batch\n") == 1
    record = read_records(folder)[-1]
    assert record.content["status"] == "failed"
    assert "ValueError: this rank does not like this batch" in record.content["error"]


@pytest.mark.parametrize(
    ("number", "everybody", "code"),
    [(signal.SIGTERM, False, 143), (signal.SIGTERM, True, 143), (signal.SIGINT, True, 130)],
)
def test_a_run_told_to_end_is_interrupted_in_all_ranks(
    folder: Path, environment: dict[str, str], number: signal.Signals, everybody: bool, code: int
) -> None:
    """Lightning's own handler of SIGTERM makes the ranks wait for each other for ever."""
    before = len(read_records(folder))
    words = ("model::_target_=project.models.Endless", "trainer::max_epochs=-1", "trainer::default_root_dir=told")
    # after Ctrl-C the ranks stop anywhere: only SIGTERM lets all of them save the same step
    saving = (f"trainer::callbacks::0::save_on_exception={'true' if number is signal.SIGTERM else 'false'}",)
    command = [sys.executable, "-m", "lighter_cli", *FIT, *words, *saving]
    with (folder / "said.txt").open("w+") as said:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True
        )
        try:
            while not (folder / "training").exists() and process.poll() is None:
                time.sleep(0.1)
            (os.killpg if everybody else os.kill)(process.pid, number)
            returncode = process.wait()
        finally:
            process.kill()
    (folder / "training").unlink()
    assert returncode == code, (folder / "said.txt").read_text()
    record = read_records(folder)[-1]
    assert len(read_records(folder)) == before + 1
    assert record.status == "interrupted"
    if number is signal.SIGTERM:
        checkpoint = record.checkpoint("last")
        assert checkpoint is not None
        assert record.num_steps_after(checkpoint) == 0
