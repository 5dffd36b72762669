"""The ``lighter`` command as processes that train together: its own, and those of a launcher."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]

TIMEOUT_S = 120


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
def lighter(folder: Path, environment: dict[str, str]) -> Command:
    """Run ``lighter`` in the working directory."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lighter_cli", *words]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )

    return run
