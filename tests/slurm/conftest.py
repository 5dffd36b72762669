"""``lighter`` on a login node: with a stand-in for SLURM, and with a real one where it can run."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("optuna", minversion="5")
pytest.importorskip("submitit")

from tests.slurm import real_slurm
from tests.slurm.real_slurm import RealSlurm
from tests.slurm.stand_in import StandIn

from lighter_cli.runs.record import Record, read_record
from lighter_cli.sweeps.outcomes import Result
from lighter_cli.sweeps.owners import read_owner
from lighter_cli.sweeps.trials import Trials

EXPERIMENT = Path(__file__).with_name("experiment")
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Login:
    """A login node.

    Attributes:
        slurm: The cluster.
        folder: The working directory, with the experiment.
        environment: What commands are started with.
    """

    slurm: RealSlurm | StandIn
    folder: Path
    environment: dict[str, str]

    def lighter(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``lighter`` here."""
        command = [sys.executable, "-m", "lighter_cli", *words]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def submit(self, *words: str) -> str:
        """Submit a sweep, with its name among the words or ``swept``; return what the command says."""
        done = self.lighter("sweep", "config.yaml", "--slurm", "--name", "swept", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def sweep(self) -> Path:
        """The folder of the sweep."""
        return self.folder / "lighter_sweeps" / "swept"

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Return the jobs that ``sweeps show`` shows, by their names."""
        done = self.lighter("sweeps", "show", "swept", "--json")
        assert done.returncode == 0, done.stderr
        return {job["job"]: job for job in json.loads(done.stdout)["jobs"]}

    def queued(self) -> dict[str, tuple[str, str]]:
        """Return what the queue says: state and node of each job."""
        lines = self.slurm.say("squeue", "--noheader", "--array", "--format=%i|%T|%N").splitlines()
        return {name: (state, node) for name, state, node, *_ in (line.split("|") for line in lines)}

    def results(self) -> dict[int, Result]:
        """Return how the trials of the sweep ended."""
        trials = Trials(self.sweep)
        trials.refresh()
        return trials.results

    def owner(self, trial: int) -> dict[str, Any]:
        """Return who works on a trial."""
        return read_owner(self.sweep / "trials" / f"{trial:04}") or {}

    def records(self, folder: Path) -> list[Record]:
        """Return the records of runs below a folder, oldest first."""
        found = [read_record(file.parent) for file in folder.glob("**/lighter_runs/*/record.json")]
        return sorted(found, key=lambda record: str(record.content["start"]))

    def wait(self, is_so: Callable[[], object]) -> float:
        """Wait until something is so; return how many seconds that took."""
        begin = time.monotonic()
        while not is_so():
            time.sleep(_LOOK_S)
        return time.monotonic() - begin

    def wait_for_epoch(self, folder: Path) -> None:
        """Wait until a run below a folder has trained an epoch."""
        self.wait(lambda: list(folder.glob("**/lighter_runs/*/epochs.jsonl")))

    def wait_for_end(self) -> float:
        """Wait until no job is left."""
        return self.wait(lambda: not self.queued())


@pytest.fixture(scope="session", params=["stand-in", "real"])
def slurm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSlurm | StandIn]:
    """A cluster of two nodes."""
    if request.param == "real" and (reason := real_slurm.missing()):
        pytest.skip(f"SLURM cannot run here: {reason}")
    folder = tmp_path_factory.mktemp("slurm")
    cluster = RealSlurm(folder) if request.param == "real" else StandIn(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def login(slurm: RealSlurm | StandIn, tmp_path: Path) -> Iterator[Login]:
    """A login node of the cluster; what a test has queued is cancelled."""
    folder = tmp_path / "work"
    shutil.copytree(EXPERIMENT, folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "LIGHTER_", "PL_"))}
    own = {"OMP_NUM_THREADS": "1", "COLUMNS": "120", "NO_COLOR": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    # the nodes have names that only SLURM knows
    login = Login(slurm, folder, kept | own | dict(slurm.environment) | {"MASTER_ADDR": "127.0.0.1"})
    yield login
    for name in login.queued():
        slurm.say("scancel", name)
    login.wait_for_end()
    left = [
        process
        for process in psutil.process_iter(["environ"])
        if own.items() <= (process.info["environ"] or {}).items()
    ]
    psutil.wait_procs(left)
