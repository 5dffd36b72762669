"""A Ray cluster of two nodes on this machine, and sweeps that run on it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.ray.clusters import Cluster, Sweep, write_experiment


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two nodes, each with one CPU, and one GPU that it was told to have."""
    folder = Path("/tmp") / f"ray-{os.getpid()}"  # the path of a socket is short
    made = Cluster(folder)
    try:
        made.add()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sweep(tmp_path: Path) -> Callable[..., Sweep]:
    """Make a sweep of the experiment that faults strike, in the working directory of the test."""
    write_experiment(tmp_path)
    return Sweep
