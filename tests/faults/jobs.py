"""Strike a sweep in SLURM jobs: kill its trials, workers, tasks and whole nodes, and continue it."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from attempts import LostError
from sweeps import ON_ONE_TRIAL, StruckSweep, kill

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.slurm import real_slurm
from tests.slurm.real_slurm import RealSlurm
from tests.slurm.stand_in import StandIn

_HUNG_S = 60.0
_JOBS = 2
_SETTINGS = ("sweep::slurm::timeout_min=60", f"--workers={_JOBS}")
KINDS = ("trial", "worker", "task", "node")


@contextmanager
def cluster() -> Iterator[RealSlurm | StandIn]:
    """Start a real SLURM where one can run, else the stand-in."""
    with TemporaryDirectory() as folder:
        found = StandIn(Path(folder)) if real_slurm.missing() else RealSlurm(Path(folder))
        try:
            found.start()
            yield found
        finally:
            found.stop()


@dataclass(slots=True)
class StruckJobs(StruckSweep):
    """A sweep in jobs.

    Attributes:
        slurm: Where the jobs run.
        struck: How often each kind was struck.
        longest_s: The longest time in which no trial ran; most of it, SLURM lets a job wait.
    """

    slurm: RealSlurm | StandIn
    struck: dict[str, int]
    longest_s: float = 0.0

    @classmethod
    def begin_on(cls, folder: Path, slurm: RealSlurm | StandIn) -> "StruckJobs":
        """Copy the experiment into a folder."""
        struck = StruckSweep.begin(folder)
        return cls(struck.folder, struck.kills, slurm, dict.fromkeys(KINDS, 0))

    def strike(self, at_most: int) -> int:
        """Kill at random moments until the sweep is done; return how often."""
        num = 0
        self._submit()
        while num < at_most and self._wait_for_trials():
            time.sleep(random.uniform(0.0, 1.5))
            num += self._strike_one(min(KINDS, key=lambda kind: (self.struck[kind], random.random())))
        return num

    def finish(self) -> None:
        """Continue it until it is done."""
        while self._wait_for_trials():
            time.sleep(0.2)

    def _wait_for_trials(self) -> bool:
        """Wait until trials run, submitting jobs where none are left; return whether the sweep is not done.

        Raises:
            LostError: Nothing moves for a minute.
        """
        began, moved, before = time.monotonic(), time.monotonic(), self._state()
        while not self._running():
            if not self.slurm.say("squeue", "--noheader").strip() and not self._submit():
                return False
            time.sleep(0.1)
            now = self._state()
            if now != before:
                moved, before = time.monotonic(), now
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            if time.monotonic() - moved > _HUNG_S:
                raise LostError(f"nothing moved for {_HUNG_S} s:\n{self.slurm.say('squeue')}")
        return True

    def _state(self) -> tuple[int, int, str]:
        """Return what moves: trials that ended, runs that began, and jobs that SLURM lets wait or run."""
        num_runs = len(list(self.folder.glob("lighter_sweeps/*/trials/*/lighter_runs/*")))
        return len(self.trials.results), num_runs, self.slurm.say("squeue", "--noheader", "--format=%i %T")

    def _submit(self) -> bool:
        """Submit what is missing, as a user would by the same command; return whether anything was left to do."""
        words = ("sweep", "config.yaml", "sweep.yaml", "--name", "struck", "--slurm", *_SETTINGS)
        done = subprocess.run(
            [sys.executable, "-m", "lighter_cli", *words],
            cwd=self.folder,
            env=os.environ | dict(self.slurm.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LostError(f"it cannot be submitted again:\n{done.stderr}")
        return "nothing is left to do" not in done.stdout

    def _strike_one(self, kind: str) -> int:
        running = [one for one in self._running() if self.kills.get(one[0].name, 0) < ON_ONE_TRIAL]
        if not running:
            return 0
        folder, owner = random.choice(running)
        try:
            worker = psutil.Process(owner["worker"])
            task, node = worker.ppid(), worker.environ().get("SLURMD_NODENAME", "")
        except psutil.NoSuchProcess:
            return 0
        for hit, other in running if kind == "node" else [(folder, owner)]:
            if other["worker"] == owner["worker"] or kind == "node":
                self.kills[hit.name] = self.kills.get(hit.name, 0) + 1
        if kind == "node":
            self.slurm.kill_node(node)
            self.slurm.start_node(node)
            num = 1
        else:
            num = kill({"trial": owner["pid"], "worker": worker.pid, "task": task}[kind])
        self.struck[kind] += num
        return num
