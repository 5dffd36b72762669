"""The ``lighter`` command as processes that train together: its own, and those of a launcher."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory of a module's tests, with the experiment in it."""
    folder = tmp_path_factory.mktemp("ranks")
    shutil.copytree(Path(__file__).with_name("experiment"), folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What processes are started with: nothing that a launcher around these tests has set."""
    of_launchers = ("SLURM_", "PL_", "TORCHELASTIC_", "LIGHTER_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(of_launchers)}
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "NODE_RANK", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT"):
        kept.pop(name, None)
    cache = str(tmp_path_factory.mktemp("cache"))
    return kept | {"XDG_CACHE_HOME": cache, "OMP_NUM_THREADS": "1", "COLUMNS": "120", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def run(folder: Path, environment: dict[str, str]) -> Iterator[Command]:
    """Run a command in the working directory; fails when it leaves a process behind that does not end."""

    def run_command(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        with (folder / "out.txt").open("w+") as out, (folder / "err.txt").open("w+") as err:
            # files, not pipes: a process that is left behind would hold a pipe open
            done = subprocess.run(command, cwd=folder, env=environment | variables, stdout=out, stderr=err, check=False)
        texts = [(folder / name).read_text() for name in ("out.txt", "err.txt")]
        return subprocess.CompletedProcess(command, done.returncode, *texts)

    yield run_command
    own = {"XDG_CACHE_HOME": environment["XDG_CACHE_HOME"]}  # nobody else has this folder
    left = [
        process
        for process in psutil.process_iter(["environ"])
        if own.items() <= (process.info["environ"] or {}).items()
    ]
    try:
        psutil.wait_procs(left)  # they end by themselves: workers look for their parent every five seconds
    finally:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


@pytest.fixture(scope="module")
def lighter(run: Command) -> Command:
    """Run ``lighter`` in the working directory."""
    return lambda *words: run(sys.executable, "-m", "lighter_cli", *words)
