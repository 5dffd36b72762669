"""What ends on a Ray cluster takes no trial with it: a trial, a worker, an actor, a node, or the command."""

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

pytest.importorskip("ray", minversion="2.50")
pytest.importorskip("optuna", minversion="5")

from tests.ray.clusters import Cluster, Sweep, kill, processes_of_sweeps, write_experiment

from lighter_cli.runs.epochs import read_epochs
from lighter_cli.sweeps.journal import open_journal
from lighter_cli.sweeps.outcomes import records_of
from lighter_cli.sweeps.owners import read_owner

pytestmark = pytest.mark.slow

NUM_TRIALS = 6
NUM_STRUCK = 24
NUM_KILLS = int(os.environ.get("LIGHTER_KILLS", "8"))
_PATIENCE_S = 60.0
_WORKER = "lighter_cli.sweeps.ray.slot"


class Struck:
    """A sweep on a cluster that is struck.

    Args:
        cluster: The cluster.
        sweep: The sweep.
        num_trials: How many trials it has.
    """

    def __init__(self, cluster: Cluster, sweep: Sweep, num_trials: int) -> None:
        self.cluster = cluster
        self.sweep = sweep
        self.num_trials = num_trials
        self.command = sweep.start("--ray", cluster.address)

    def running(self) -> list[int]:
        """Return the process ids of the trials that train."""
        trials = self.sweep.trials
        owners = [read_owner(trials.folder_of(number)) for number in trials.open]
        pids = [owner["pid"] for owner in owners if owner is not None and owner["pid"] != owner["worker"]]
        return [pid for pid in pids if psutil.pid_exists(pid)]

    def wait_until_running(self) -> bool:
        """Wait until a trial trains; return whether the command still runs."""
        end = time.monotonic() + _PATIENCE_S
        while self.command.poll() is None and not self.running():
            assert time.monotonic() < end, "no trial runs"
            time.sleep(0.05)
        return self.command.poll() is None

    def wait_until_recovered(self, num_running: int, num_ended: int) -> float:
        """Wait until a trial has ended, and as many train as before a strike, or as are left; return the seconds.

        Args:
            num_running: How many trained.
            num_ended: How many had ended.
        """
        begin = time.monotonic()
        while self.command.poll() is None:
            ended = len(self.sweep.values())
            if ended > num_ended and len(self.running()) >= min(num_running, self.num_trials - ended):
                break
            assert time.monotonic() < begin + _PATIENCE_S, f"{len(self.running())} trials run, {ended} have ended"
            time.sleep(0.1)
        return time.monotonic() - begin

    def strike(self, what: str) -> bool:
        """Kill something; return whether it was there."""
        if what == "command":
            self.command.kill()
            self.command.communicate()
            self.command = self.sweep.start("--ray", self.cluster.address)
            return True
        if what == "node":
            node = self.cluster.nodes[-1]
            node.kill()
            self.cluster.remove(node)
            self.cluster.add()
            return True
        if what == "trial":
            victims = [psutil.Process(pid) for pid in self.running()]
        else:
            workers = [one for one in processes_of_sweeps(self.sweep.folder) if _WORKER in one.cmdline()]
            keepers = [one for one in workers if one.parent() not in workers]
            victims = [one for one in workers if one not in keepers]
            if what == "actor":
                victims = [actor for one in keepers if (actor := one.parent()) is not None]
        if victims:
            kill(random.choice(victims))
        return bool(victims)

    def finish(self) -> str:
        """Wait for the end of the command, which must be a good one."""
        printed, _ = self.command.communicate()
        assert self.command.returncode == 0, printed
        return printed

    def check(self, expected: dict[int, float]) -> None:
        """Look for a trial that is lost, doubled, or has another value, and for processes that are left."""
        first = {number: expected[number] for number in range(self.num_trials)}
        assert self.sweep.values() == pytest.approx(first, rel=1e-6)
        told = open_journal(self.sweep.folder).get_all_trials(0)
        assert [trial.state.name for trial in told] == ["COMPLETE"] * self.num_trials
        for number in first:
            records = records_of(self.sweep.trials.folder_of(number))
            assert [record.status for record in records].count("finished") == 1
            assert [epoch.epoch for epoch in read_epochs(records[-1].folder)] == [0, 1, 2]
        assert processes_of_sweeps(self.sweep.folder) == []


@pytest.fixture
def struck(request: pytest.FixtureRequest, cluster: Cluster, sweep: Callable[..., Sweep]) -> Iterator[Struck]:
    """A sweep that runs on the cluster."""
    num_trials = getattr(request, "param", NUM_TRIALS)
    struck = Struck(cluster, sweep("--trials", str(num_trials), "vars::epoch_s=0.5"), num_trials)
    yield struck
    if struck.command.poll() is None:  # the test has failed
        struck.command.kill()
        struck.command.communicate()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[int, float]:
    """The value of each trial when nothing happens, on this machine."""
    folder = tmp_path_factory.mktemp("whole")
    write_experiment(folder)
    with contextlib.chdir(folder):
        sweep = Sweep("--trials", str(NUM_STRUCK))
        sweep.run()
    return sweep.values()


@pytest.mark.parametrize("what", ["trial", "worker", "actor", "node", "command"])
def test_a_sweep_survives_the_end_of_its(what: str, struck: Struck, whole: dict[int, float]) -> None:
    assert struck.wait_until_running()
    begin = time.monotonic()
    assert struck.strike(what)
    struck.finish()
    print(f"{what}: the rest took {time.monotonic() - begin:.0f} s")
    struck.check(whole)


@pytest.mark.parametrize("struck", [NUM_STRUCK], indirect=True)
def test_random_kills_lose_nothing(struck: Struck, whole: dict[int, float]) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    random.seed(seed)
    for _ in range(NUM_KILLS):
        if not struck.wait_until_running():
            break
        time.sleep(random.uniform(0, 2))
        what = random.choice(["trial", "worker", "actor", "node", "command"])
        before = len(struck.running()), len(struck.sweep.values())
        print(what, struck.strike(what), f"{struck.wait_until_recovered(*before):.1f} s")
    struck.finish()
    struck.check(whole)
