"""Two machines run the same command in one folder: nothing is lost or doubled, and each takes over from the other.

A machine is a set of namespaces: a name, processes and a network of its own, on the disk that all share.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

pytest.importorskip("optuna", minversion="5")

from lighter_cli.errors import SweepError
from lighter_cli.sweeps import owners
from lighter_cli.sweeps.layout import SWEEPS
from lighter_cli.sweeps.outcomes import records_of
from lighter_cli.sweeps.owners import OWNER_FILE, keep_claim, read_owner
from lighter_cli.sweeps.plan import plan_of
from lighter_cli.sweeps.queue import Queue
from lighter_cli.sweeps.run import SweepOptions, run_sweep
from lighter_cli.sweeps.sweep import open_sweep
from lighter_cli.sweeps.trials import Trials
from lighter_config.space import SpaceOptions

pytestmark = pytest.mark.slow

NAMESPACES = ("unshare", "--uts", "--pid", "--net", "--mount-proc", "--fork", "--kill-child")
NUM_EPOCHS = 8
Start = Callable[[str], "subprocess.Popen[bytes]"]


def has_namespaces() -> bool:
    try:
        return subprocess.run([*NAMESPACES, "hostname", "other"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


needs_namespaces = pytest.mark.skipif(not has_namespaces(), reason="needs the right to make namespaces, and `unshare`")


@pytest.fixture
def machine(config: str, tmp_path: Path) -> Iterator[Start]:
    """Run one command on a machine of a name: a sweep of four trials of eight slow epochs."""
    words = [config, f"trainer::max_epochs={NUM_EPOCHS}", "vars::epoch_s=0.2", "vars::value:=0.0..1.0"]
    command = [sys.executable, "-m", "lighter_cli", "sweep", *words, "--max", "val/value", "--trials", "4"]
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> "subprocess.Popen[bytes]":
        script = f'hostname {name} && exec "$@"'
        with (tmp_path / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*NAMESPACES, "sh", "-c", script, "sh", *command],
                cwd=tmp_path,
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def folder() -> Path:
    return next(Path(SWEEPS).glob("sweep-*"))


def running_on(name: str) -> Path | None:
    """Return the folder of a trial that trains on a machine and has a checkpoint."""
    for found in Path(SWEEPS).glob("sweep-*/trials/*"):
        owner = read_owner(found)
        epochs = next(found.glob("lighter_runs/*/epochs.jsonl"), None)
        has_begun = epochs is not None and epochs.read_text().count("\n") >= 2
        if owner is not None and owner["host"] == name and has_begun and not (found / "result.json").exists():
            return found
    return None


def wait_for(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.02)


def hosts_of(trial: Path) -> list[str]:
    return [record.content["process"]["host"] for record in records_of(trial)]


def check_whole(*, attempts: int) -> None:
    """Check that four trials ended, each with all epochs, and none began anew."""
    trials = Trials(folder())
    trials.refresh()
    assert {number: result.state for number, result in trials.results.items()} == dict.fromkeys(range(4), "finished")
    assert [trials.results[number].epochs for number in range(4)] == [NUM_EPOCHS] * 4
    runs = [record for number in range(4) for record in records_of(trials.folder_of(number))]
    assert len(runs) == attempts
    assert len([run for run in runs if "resumed" in run.content]) == attempts - 4


@needs_namespaces
def test_two_machines_share_a_sweep(machine: Start) -> None:
    both = [machine("first"), machine("second")]
    assert [process.wait() for process in both] == [0, 0]
    check_whole(attempts=4)
    assert {host for number in range(4) for host in hosts_of(folder() / f"trials/{number:04}")} == {"first", "second"}


@needs_namespaces
def test_a_machine_that_is_gone_loses_its_trial_to_another(machine: Start) -> None:
    first = machine("first")
    wait_for(lambda: running_on("first"))
    trial = running_on("first")
    assert trial is not None
    first.kill()  # all of its processes end with it
    first.wait()
    second = machine("second")
    wait_for(lambda: running_on("second"))
    assert hosts_of(trial) == ["first"]  # it may still live
    long_ago = time.time() - 301
    os.utime(trial / OWNER_FILE, (long_ago, long_ago))
    assert second.wait() == 0
    assert hosts_of(trial) == ["first", "second"]
    check_whole(attempts=5)


@needs_namespaces
def test_a_trial_that_was_interrupted_continues_elsewhere_at_once(machine: Start) -> None:
    first = machine("first")
    wait_for(lambda: running_on("first"))
    trial = running_on("first")
    assert trial is not None
    worker = psutil.Process(first.pid).children()[0]
    worker.send_signal(signal.SIGINT)
    assert first.wait() == 130
    assert machine("second").wait() == 0
    assert hosts_of(trial) == ["first", "second"]
    check_whole(attempts=5)


def test_machines_with_one_process_id_begin_a_sweep_apart(config: str, tmp_path: Path) -> None:
    theirs = tmp_path / SWEEPS / f".one-{os.getpid()}" / "config.yaml"  # what the other machine is making
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    open_sweep(plan_of((config, "vars::value:=0.0,1.0"), SpaceOptions(), "one"))
    assert theirs.exists()


@needs_namespaces
def test_a_container_of_the_same_name_is_another_machine(tmp_path: Path) -> None:
    trial = tmp_path / SWEEPS / "one" / "trials" / "0000"
    trial.mkdir(parents=True)
    (tmp_path / SWEEPS / "one" / "sweep.lock").touch()
    program = (
        "import sys; from pathlib import Path; from lighter_cli.sweeps.owners import claim; claim(Path(sys.argv[1]))"
    )
    subprocess.run([*NAMESPACES, sys.executable, "-c", program, str(trial)], check=True)
    owner = read_owner(trial)
    assert owner is not None
    assert owner["host"] == os.uname().nodename
    assert owners.is_at_work(trial, owner)  # though no process here has its number
    long_ago = time.time() - 301
    os.utime(trial / OWNER_FILE, (long_ago, long_ago))
    assert not owners.is_at_work(trial, owner)


def test_a_trial_that_no_process_runs_yet_is_free_when_left(config: str) -> None:
    queue = Queue(open_sweep(plan_of((config, "vars::value:=0.0,1.0"), SpaceOptions())))
    claimed = queue.take()
    assert claimed is not None
    queue.leave(claimed)
    assert not claimed.job.is_running
    assert not owners.take_over_claim(claimed.job.folder, claimed.claim)  # its process may still have been started


def test_a_worker_does_not_close_what_another_has_taken_over(config: str) -> None:
    queue = Queue(open_sweep(plan_of((config, "vars::value:=0.0,1.0"), SpaceOptions())))
    claimed = queue.take()
    assert claimed is not None
    name = owners.claim(claimed.job.folder)  # this worker was silent for long
    assert queue.close(claimed, 1) is None  # its trial ends as it has lost the claim
    queue.leave(claimed)
    assert claimed.job.result is None
    assert claimed.job.is_running
    assert owners.take_over_claim(claimed.job.folder, name)


def test_a_claim_is_kept_while_nothing_else_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "TOUCH_S", 0.01)
    trial = tmp_path / SWEEPS / "one" / "trials" / "0000"
    trial.mkdir(parents=True)
    (tmp_path / SWEEPS / "one" / "sweep.lock").touch()
    owner = {"host": "another", "pid": 1, "created": 0.0}
    name = owners.claim(trial, **owner)
    os.utime(trial / OWNER_FILE, (0, 0))
    assert not owners.is_at_work(trial, owner)
    keep_claim(trial, name)
    wait_for(lambda: owners.is_at_work(trial, owner))
    ended: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    try:
        owners.claim(trial)  # another process takes the trial over
        wait_for(lambda: ended)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_clock_of_another_host_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = tmp_path / SWEEPS / "one" / "trials" / "0000"
    trial.mkdir(parents=True)
    (tmp_path / SWEEPS / "one" / "sweep.lock").touch()
    owner = {"host": "another", "pid": 1, "created": 0.0}
    owners.claim(trial, **owner)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)  # this host is an hour ahead of the disk
    assert owners.is_at_work(trial, owner)


def test_a_disk_without_locks_is_refused_before_anything_starts(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(os, "symlink", refuse)
    with pytest.raises(SweepError, match="has no locks"):
        open_sweep(plan_of((config, "vars::value:=0.0,1.0"), SpaceOptions()))
    assert list((tmp_path / SWEEPS).iterdir()) == []


def test_a_sweep_of_another_user_says_what_it_cannot_write(config: str, tmp_path: Path) -> None:
    plan = plan_of((config, "vars::value:=0.0,1.0"), SpaceOptions(), "theirs")
    folder = open_sweep(plan).folder
    (folder / "sweep.lock").touch()
    for path in (folder / "sweep.lock", folder):
        path.chmod(path.stat().st_mode & ~0o222)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(SweepError) as caught:
        run_sweep(plan, SweepOptions())
    folder.chmod(0o755)
    (finding,) = caught.value.findings
    assert finding.message.startswith("the sweep cannot write lighter_sweeps/theirs/")
    assert finding.message.endswith(": Permission denied")
    assert "chmod -R g+w lighter_sweeps/theirs," in finding.fix
