"""A worker that a launcher starts joins a sweep: it needs nothing but the folder."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

pytest.importorskip("optuna", minversion="5")

from lighter_cli.sweeps.join import JoinOptions, command, working_directory
from lighter_cli.sweeps.layout import STOP_FILE
from lighter_cli.sweeps.owners import read_owner
from lighter_cli.sweeps.plan import plan_of
from lighter_cli.sweeps.queue import Queue
from lighter_cli.sweeps.sweep import Sweep, open_sweep
from lighter_cli.sweeps.trials import Trials
from lighter_config.space import SpaceOptions

pytestmark = pytest.mark.slow


@pytest.fixture
def sweep(config: str) -> Sweep:
    """A sweep of three trials, which nobody works on."""
    options = SpaceOptions(maximize=("val/value",), trials=3)
    words = (config, "trainer::max_epochs=12", "vars::epoch_s=0.05", "vars::value:=0.0..1.0")
    return open_sweep(plan_of(words, options, "joined"))


@pytest.fixture
def join(sweep: Sweep, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], "subprocess.Popen[str]"]:
    """Start a worker, in the folder where the sweep was begun."""

    def start() -> "subprocess.Popen[str]":
        options = JoinOptions(facts={"node": "first"})
        return subprocess.Popen(
            command(sweep.folder, options),
            cwd=working_directory(sweep.folder),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def results(sweep: Sweep) -> list[str]:
    trials = Trials(sweep.folder)
    trials.refresh()
    return [trials.results[number].state for number in sorted(trials.results)]


def test_two_workers_share_a_sweep(sweep: Sweep, join: Callable[[], "subprocess.Popen[str]"]) -> None:
    for worker in [join(), join()]:
        output, _ = worker.communicate()
        assert worker.returncode == 0, output
    assert results(sweep) == ["finished"] * 3
    owner = read_owner(sweep.folder / "trials" / "0002")
    assert owner is not None
    assert owner["node"] == "first"


def test_a_worker_that_joins_heeds_a_stop_before_it(sweep: Sweep, join: Callable[[], "subprocess.Popen[str]"]) -> None:
    (sweep.folder / STOP_FILE).touch()
    worker = join()
    output, _ = worker.communicate()
    assert worker.returncode == 0, output
    assert results(sweep) == []
    assert (sweep.folder / STOP_FILE).exists()


def test_a_worker_that_gets_sigterm_saves_its_trial(sweep: Sweep, join: Callable[[], "subprocess.Popen[str]"]) -> None:
    worker = join()
    while not list(sweep.folder.glob("trials/0000/lighter_runs/*/epochs.jsonl")):
        time.sleep(0.02)
    worker.send_signal(signal.SIGTERM)
    output, _ = worker.communicate()
    assert worker.returncode == 0, output
    saved = list(sweep.folder.glob("trials/*/lighter_runs/*/requeue.ckpt"))
    assert len(saved) == 1


def test_runs_of_a_node_that_died_are_free_at_once(sweep: Sweep) -> None:
    queue = Queue(sweep)
    claimed = queue.take(node="first", host="another")
    assert claimed is not None
    assert queue.running() == [claimed.job]
    assert queue.end_claims(lambda owner: owner["node"] == "second") == 0
    assert queue.end_claims(lambda owner: owner["node"] == "first") == 1
    assert queue.running() == []
    again = queue.take(node="second")
    assert again is not None
    assert again.job == claimed.job


def test_a_trial_that_outlived_its_job_on_this_host_is_not_begun_again(sweep: Sweep) -> None:
    queue = Queue(sweep)
    claimed = queue.take()
    assert claimed is not None
    assert queue.end_claims(lambda owner: True) == 0
    assert queue.running() == [claimed.job]
