"""Trials of a sweep that train in two processes: they report, stop and end together, whoever of them is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

pytest.importorskip("optuna", minversion="5")

from lighter_cli.runs.record import read_records
from lighter_cli.sweeps.outcomes import records_of
from lighter_cli.sweeps.owners import read_owner
from lighter_cli.sweeps.trials import Trials

Command = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., "subprocess.Popen[bytes]"]

VALUE = "val/loss/epoch"
LR = "model::optimizer::lr:="
ON_TWO = ("trainer::devices=2", "trainer::strategy=ddp", "vars::batch_size=2")
GRID = ("--min", VALUE, "--sampler", "grid")
SLOW = (
    "model::_target_=project.models.Paced",
    "trainer::max_epochs=12",
    f"{LR}0.1..0.2",
    "--min",
    VALUE,
    "--trials",
    "1",
)
SCORED = ("model::_target_=project.models.Scored", "model::score:=0.1,0.9", "--max", "score", "--sampler", "grid")
PRUNER = "sweep::pruner={_target_: optuna.pruners.ThresholdPruner, lower: 0.5}"
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--local-addr=127.0.0.1", "--standalone")
SOON_S = 60.0


@pytest.fixture
def start(folder: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Start a sweep of trials with two ranks as a process, below a name."""
    started: list[subprocess.Popen[bytes]] = []

    def run(name: str, *words: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "lighter_cli", "sweep", "config.yaml", "--name", name, *ON_TWO, *words]
        with (folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def sweep(start: Start, folder: Path) -> Callable[..., Trials]:
    """Run a sweep to its end; return its trials."""

    def run(name: str, *words: str) -> Trials:
        assert start(name, *words).wait() == 0, said(folder, name)
        return trials_of(folder, name)

    return run


def trials_of(folder: Path, name: str) -> Trials:
    trials = Trials(folder / "lighter_sweeps" / name)
    trials.refresh()
    return trials


def said(folder: Path, name: str) -> str:
    outputs = sorted((folder / "lighter_sweeps" / name).glob("trials/*/output.log"))
    return "\n".join(file.read_text() for file in (folder / f"{name}.log", *outputs))


def trial_folder(folder: Path, name: str, number: int = 0) -> Path:
    return folder / "lighter_sweeps" / name / "trials" / f"{number:04}"


def num_epochs(trial: Path) -> int:
    return max((file.read_text().count("\n") for file in trial.glob("lighter_runs/*/epochs.jsonl")), default=0)


def wait_for(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.02)


def ranks_of(trial: Path) -> list[psutil.Process]:
    """Return the processes of a trial: rank zero, which owns it, and the rank that it has started."""
    owner = read_owner(trial)
    assert owner is not None
    first = psutil.Process(owner["pid"])
    return [first, *[child for child in first.children() if "fit" in child.cmdline()]]


def wait_until_gone(processes: list[psutil.Process]) -> float:
    begin = time.monotonic()
    _, left = psutil.wait_procs(processes, timeout=SOON_S)
    assert not left
    return time.monotonic() - begin


def test_two_ranks_leave_what_the_same_fits_leave(sweep: Callable[..., Trials], lighter: Command, folder: Path) -> None:
    trials = sweep("plain", f"{LR}0.01,0.1", *GRID)
    for number, rate in enumerate(("0.01", "0.1")):
        root = f"plain-{number}"
        words = (f"model::optimizer::lr={rate}", f"trainer::default_root_dir={root}")
        assert lighter("fit", "config.yaml", *ON_TWO, *words).returncode == 0
        (alone,) = [record for record in read_records(folder) if record.folder.is_relative_to(folder / root)]
        (record,) = records_of(trials.folder_of(number))  # one for both ranks
        assert list(trials.values[number].values()) == [rate]
        assert record.content["metrics"] == pytest.approx(alone.content["metrics"], rel=1e-12)
        assert trials.results[number].epochs == 3
        assert trials.results[number].values == pytest.approx([alone.content["metrics"][VALUE]], rel=1e-12)
    best = min(trials.results, key=lambda number: trials.results[number].values)
    assert (folder / "lighter_sweeps/plain/best").resolve() == trials.folder_of(best)


@pytest.mark.parametrize(("who", "is_cold"), [("rank zero", False), ("nan in rank 1", False), ("both", True)])
def test_both_ranks_are_pruned_in_the_same_epoch(start: Start, folder: Path, who: str, is_cold: bool) -> None:
    name = who.replace(" ", "-")
    worker = start(name, *SCORED, PRUNER, f"model::who='{who}'")
    if is_cold:  # without the server that forks trials, they are commands of their own
        wait_for(lambda: psutil.Process(worker.pid).children())
        psutil.Process(worker.pid).children()[0].kill()
    assert worker.wait() == 0, said(folder, name)
    assert ("trials start cold" in said(folder, name)) == is_cold
    trials = trials_of(folder, name)
    assert [trials.results[number].state for number in (0, 1)] == ["pruned", "finished"]
    assert trials.results[0].error == "pruned at epoch 0"
    assert [trials.results[number].epochs for number in (0, 1)] == [1, 3]
    assert [len(records_of(trials.folder_of(number))) for number in (0, 1)] == [1, 1]


@pytest.mark.parametrize("who", ["rank 1", "rank 0", "worker and rank 0", "all"])
def test_a_trial_continues_whoever_was_killed(start: Start, folder: Path, who: str) -> None:
    name = who.replace(" ", "-")
    trial = trial_folder(folder, name)
    worker = start(name, *SLOW)
    wait_for(lambda: num_epochs(trial) >= 2)
    ranks = ranks_of(trial)
    assert len(ranks) == 2
    killed = {"rank 1": ranks[1:], "rank 0": ranks[:1], "worker and rank 0": ranks[:1], "all": ranks}[who]
    is_worker_killed = who in ("worker and rank 0", "all")
    if is_worker_killed:
        worker.kill()
        worker.wait()
    at = datetime.now(UTC)
    for process in killed:
        process.kill()
    took_s = wait_until_gone(ranks)
    if is_worker_killed:
        worker = start(name, *SLOW)
    assert worker.wait() == 0, said(folder, name)
    result = trials_of(folder, name).results[0]
    assert (result.state, result.epochs, result.attempts) == ("finished", 12, 2), result
    first, second = records_of(trial)
    begin = datetime.fromisoformat(second.content["start"])
    print(
        f"killed {who}: all ranks gone after {took_s:.1f} s, trained again after {(begin - at).total_seconds():.0f} s"
    )
    assert second.content["options"]["ckpt_path"] == first.content["checkpoints"]["last"]


def test_a_trial_of_a_killed_worker_ends_by_itself(start: Start, folder: Path) -> None:
    trial = trial_folder(folder, "orphan")
    worker = start("orphan", *SLOW)
    wait_for(lambda: num_epochs(trial) >= 2)
    worker.kill()
    wait_until_gone(ranks_of(trial))
    assert start("orphan", *SLOW).wait() == 0
    result = trials_of(folder, "orphan").results[0]
    assert (result.state, result.epochs, result.attempts) == ("finished", 12, 1)


def test_a_rank_that_comes_late_ends_without_rank_zero(start: Start, folder: Path) -> None:
    trial = trial_folder(folder, "late")
    worker = start("late", *SLOW)
    wait_for(lambda: read_owner(trial) and read_owner(trial)["pid"] != worker.pid and len(ranks_of(trial)) == 2)  # type: ignore[index]
    ranks = ranks_of(trial)
    worker.kill()
    ranks[0].kill()  # the other one still imports torch
    wait_until_gone(ranks)


def test_one_interrupt_lets_both_ranks_of_both_trials_save(start: Start, folder: Path) -> None:
    words = (*SLOW[:2], f"{LR}0.01,0.1", *GRID, "--workers", "2")
    trials = [trial_folder(folder, "interrupt", number) for number in (0, 1)]
    worker = start("interrupt", *words)
    wait_for(lambda: min(map(num_epochs, trials)) >= 2)
    ranks = [ranks_of(trial) for trial in trials]
    assert len({second.environ()["MASTER_PORT"] for _, second in ranks}) == 2
    worker.send_signal(signal.SIGINT)
    assert worker.wait() == 130
    wait_until_gone([rank for both in ranks for rank in both])
    for trial in trials:
        (record,) = records_of(trial)
        assert record.status == "interrupted"
        assert record.checkpoint("last") == record.folder / "requeue.ckpt"
        assert record.num_steps_after(record.folder / "requeue.ckpt") == 0
    assert start("interrupt", *words).wait() == 0, said(folder, "interrupt")
    results = trials_of(folder, "interrupt").results
    assert [(results[number].state, results[number].epochs) for number in (0, 1)] == [("finished", 12)] * 2


def test_two_interrupts_end_both_ranks(start: Start, folder: Path) -> None:
    trial = trial_folder(folder, "twice")
    worker = start("twice", *SLOW)
    wait_for(lambda: num_epochs(trial) >= 2)
    ranks = ranks_of(trial)
    for _ in range(2):
        worker.send_signal(signal.SIGINT)
        time.sleep(0.2)
    assert worker.wait() == 130
    wait_until_gone(ranks)
    assert [record.status for record in records_of(trial)] == ["interrupted"]


def test_an_error_of_the_study_ends_both_ranks(
    sweep: Callable[..., Trials], folder: Path, environment: dict[str, str]
) -> None:
    trial = sweep("broken", *SCORED, PRUNER).folder_of(1)
    (folder / "lighter_sweeps/broken/journal.log").write_text("")
    words = [sys.executable, "-m", "lighter_cli", "fit", str(trial / "config.yaml")]
    begin = time.monotonic()
    done = subprocess.run(
        words, cwd=folder, env=environment | {"LIGHTER_TRIAL": str(trial)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Record does not exist" in done.stderr
    assert time.monotonic() - begin < 2 * SOON_S  # it imports torch twice
    assert [record.status for record in records_of(trial)] == ["finished", "failed"]


def test_torchrun_starts_the_ranks_of_one_trial(sweep: Callable[..., Trials], run: Command, folder: Path) -> None:
    trial = sweep("torchrun", *SCORED, PRUNER).folder_of(0)
    again = ("-m", "lighter_cli", "fit", str(trial / "config.yaml"))
    done = run(*TORCHRUN, "--nproc-per-node=2", *again, LIGHTER_TRIAL=str(trial))
    assert done.returncode == 0, done.stderr
    _, second = records_of(trial)
    assert second.content["trial"]["number"] == 0
    done = run(*TORCHRUN, "--nproc-per-node=2", "-m", "lighter_cli", "fit", str(trial), "trainer::max_epochs=4")
    assert done.returncode == 0, done.stderr
    last = max((trial / "lighter_runs").iterdir(), key=os.path.getmtime)
    (record,) = [record for record in read_records(folder) if record.folder == last]
    assert record.content["options"]["ckpt_path"] == second.content["checkpoints"]["last"]
    assert record.content["progress"]["epoch"] == 4


def test_torchrun_cannot_start_a_sweep(run: Command, folder: Path) -> None:
    words = ("-m", "lighter_cli", "sweep", "config.yaml", "--name", "none", f"{LR}0.01,0.1")
    done = run(*TORCHRUN, "--nproc-per-node=2", *words)
    assert done.returncode == 1
    assert "error: torchrun cannot start a sweep: each of its processes would be one\n" in done.stderr
    assert "write trainer::devices=2\n" in done.stderr
    assert not (folder / "lighter_sweeps/none").exists()
