"""Nothing of a sweep is lost when its worker or a trial is killed, or when it is interrupted."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

optuna = pytest.importorskip("optuna", minversion="5")

from lighter_cli.runs.record import read_records  # noqa: E402
from lighter_cli.sweeps.journal import open_journal  # noqa: E402
from lighter_cli.sweeps.layout import SWEEPS  # noqa: E402
from lighter_cli.sweeps.outcomes import records_of  # noqa: E402
from lighter_cli.sweeps.owners import read_owner  # noqa: E402
from lighter_cli.sweeps.trials import Trials  # noqa: E402

pytestmark = pytest.mark.slow

VALUE = "val/value"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(config: str, tmp_path: Path) -> Iterator[Start]:
    """Start a sweep of three trials of eight slow epochs as a process."""
    words = [config, "trainer::max_epochs=8", "vars::epoch_s=0.15", "vars::value:=0.0..1.0"]
    options = ["--max", VALUE, "--trials", "3"]
    started: list[subprocess.Popen[str]] = []

    def run(workers: int = 1) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "lighter_cli", "sweep", *words, *options, "--workers", str(workers)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def folder() -> Path:
    (found,) = Path(SWEEPS).glob("sweep-*")
    return found


def num_epochs(number: int) -> int:
    """Count the epochs that are in the curve of a trial."""
    runs = Path(SWEEPS).glob(f"sweep-*/trials/{number:04}/lighter_runs/*/epochs.jsonl")
    return max((file.read_text().count("\n") for file in runs), default=0)


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.02)


def check_whole(*, attempts: int) -> None:
    """Check that three trials ended, each with eight epochs and none from scratch."""
    trials = Trials(folder())
    trials.refresh()
    assert trials.numbers == [0, 1, 2]
    assert {number: result.state for number, result in trials.results.items()} == dict.fromkeys(range(3), "finished")
    assert [trials.results[number].epochs for number in range(3)] == [8, 8, 8]
    study = optuna.load_study(study_name=folder().name, storage=open_journal(folder()))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3
    runs = [record for number in range(3) for record in records_of(trials.folder_of(number))]
    assert len(runs) == attempts
    assert len([run for run in runs if "resumed" in run.content]) == attempts - 3


def test_an_interrupt_before_a_trial_runs_says_how_to_continue(start: Start) -> None:
    command = start()
    wait_until(lambda: any(Path(SWEEPS).glob("sweep-*/trials/0000/owner.json")))
    command.send_signal(signal.SIGINT)  # while the server imports torch
    assert command.wait() == 130
    assert command.stdout is not None
    assert f"to continue   lighter sweep {folder()}" in command.stdout.read()
    owner = read_owner(folder() / "trials" / "0000")
    assert owner is not None
    assert owner["released"]


def test_a_killed_trial_continues_from_its_checkpoint(start: Start) -> None:
    sweep = start()
    wait_until(lambda: num_epochs(1) >= 3)
    owner = read_owner(folder() / "trials" / "0001")
    assert owner is not None
    os.kill(owner["pid"], signal.SIGKILL)
    output, _ = sweep.communicate()
    assert sweep.returncode == 0, output
    assert "trial 1 continues" in output
    check_whole(attempts=4)


def test_trials_of_a_killed_worker_end_and_are_told_by_the_next(start: Start) -> None:
    sweep = start(2)
    wait_until(lambda: min(num_epochs(0), num_epochs(1)) >= 2)
    sweep.kill()
    sweep.wait()
    pids = [read_owner(folder() / "trials" / name)["pid"] for name in ("0000", "0001")]  # type: ignore[index]
    assert all(psutil.pid_exists(pid) for pid in pids)
    again = start(2)
    output, _ = again.communicate()
    assert again.returncode == 0, output
    assert "continues" not in output
    check_whole(attempts=3)


def test_worker_and_trial_killed_together_lose_nothing(start: Start) -> None:
    sweep = start()
    wait_until(lambda: num_epochs(0) >= 3)
    sweep.kill()
    owner = read_owner(folder() / "trials" / "0000")
    assert owner is not None
    os.kill(owner["pid"], signal.SIGKILL)
    sweep.wait()
    again = start()
    output, _ = again.communicate()
    assert again.returncode == 0, output
    check_whole(attempts=4)


def test_one_interrupt_saves_and_the_same_command_continues(start: Start) -> None:
    sweep = start(2)
    wait_until(lambda: min(num_epochs(0), num_epochs(1)) >= 2)
    sweep.send_signal(signal.SIGINT)
    output, _ = sweep.communicate()
    assert sweep.returncode == 130, output
    assert "stopping: running trials save a checkpoint" in output
    assert "to continue" in output
    assert [record.status for record in read_records(Path.cwd())] == ["interrupted"] * 2
    again = start(2)
    output, _ = again.communicate()
    assert again.returncode == 0, output
    check_whole(attempts=5)


def test_two_interrupts_end_at_once(start: Start) -> None:
    sweep = start()
    wait_until(lambda: num_epochs(0) >= 2)
    sweep.send_signal(signal.SIGINT)
    time.sleep(0.2)
    sweep.send_signal(signal.SIGINT)
    output, _ = sweep.communicate()
    assert sweep.returncode == 130, output
    assert not [record for record in read_records(Path.cwd()) if record.status == "running"]


def test_two_commands_share_one_sweep(start: Start) -> None:
    both = [start(), start()]
    for sweep in both:
        output, _ = sweep.communicate()
        assert sweep.returncode == 0, output
    check_whole(attempts=3)


def test_a_trial_that_is_killed_again_and_again_fails(start: Start) -> None:
    sweep = start()
    seen: set[int] = set()
    while len(seen) < 4:
        owner = None
        for found in Path(SWEEPS).glob("sweep-*/trials/0000"):
            owner = read_owner(found)
        if owner is not None and owner["pid"] not in {*seen, sweep.pid}:
            seen.add(owner["pid"])
            os.kill(owner["pid"], signal.SIGKILL)
        time.sleep(0.001)
    output, _ = sweep.communicate()
    assert sweep.returncode == 0, output
    trials = Trials(folder())
    trials.refresh()
    assert trials.results[0].error == "it was killed 4 times without a new checkpoint"
    assert [trials.results[number].state for number in (1, 2)] == ["finished"] * 2
