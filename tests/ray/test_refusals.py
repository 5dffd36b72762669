"""What cannot work on a Ray cluster is refused before a trial starts, in words that say what to do."""

import importlib.metadata
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("ray", minversion="2.50")
pytest.importorskip("optuna", minversion="5")

from tests.ray.clusters import Cluster, Sweep, can_be_apart, free_port, processes_of_sweeps

pytestmark = pytest.mark.slow


def refusal(sweep: Sweep, *words: str) -> str:
    command = sweep.start(*words)
    printed, _ = command.communicate()
    assert command.returncode == 1, printed
    assert not sweep.trials.numbers
    return printed


def test_an_address_where_nothing_listens(sweep: Callable[..., Sweep]) -> None:
    address = f"127.0.0.1:{free_port()}"
    printed = refusal(sweep(), "--ray", address)
    assert f"error: no Ray cluster can be reached at {address}: Connection refused" in printed
    assert not Path("lighter_sweeps").exists()


def test_an_address_where_something_else_listens(sweep: Callable[..., Sweep]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        begin = time.monotonic()
        printed = refusal(sweep(), "--ray", address)
    assert f"error: no Ray cluster can be reached at {address}: no answer of Ray in 20 s" in printed
    assert time.monotonic() - begin < 100


def test_what_is_not_an_address(sweep: Callable[..., Sweep]) -> None:
    assert "error: 'cluster' is not the address of a Ray cluster" in refusal(sweep(), "--ray", "cluster")


def test_an_option_that_ray_does_not_have(sweep: Callable[..., Sweep]) -> None:
    printed = refusal(sweep("sweep::ray::num_cpu=2"), "--ray", "auto")
    assert "error: sweep::ray::num_cpu is not an option of the actors of a sweep" in printed
    assert "nearest            num_cpus" in printed


def test_a_trial_for_which_no_node_has_room(cluster: Cluster, sweep: Callable[..., Sweep]) -> None:
    printed = refusal(sweep("sweep::ray::num_cpus=64"), "--ray", cluster.address)
    assert "error: no node of the Ray cluster has room for a trial" in printed


def test_an_option_with_a_value_that_ray_refuses(cluster: Cluster, sweep: Callable[..., Sweep]) -> None:
    printed = refusal(sweep("sweep::ray::num_cpus=many"), "--ray", cluster.address)
    assert "error: Ray refuses sweep::ray: " in printed


def test_a_node_that_does_not_see_the_folder(cluster: Cluster, sweep: Callable[..., Sweep], tmp_path: Path) -> None:
    if not can_be_apart():
        pytest.skip("this system lets nobody mount a file system")
    node = cluster.add(f"mount -t tmpfs tmpfs {tmp_path}")
    try:
        printed = refusal(sweep(), "--ray", cluster.address)
    finally:
        cluster.remove(node)
    folder = tmp_path / "lighter_sweeps" / "s"
    assert f"(apart) does not see {folder}" in printed
    assert processes_of_sweeps(folder) == []


def test_a_node_with_another_version(cluster: Cluster, sweep: Callable[..., Sweep], tmp_path: Path) -> None:
    other = tmp_path / "other/lighter_cli-9.9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: lighter-cli\nVersion: 9.9.9\n")
    node = cluster.add(PYTHONPATH=str(other.parent))
    try:
        printed = refusal(sweep(), "--ray", cluster.address)
    finally:
        cluster.remove(node)
    own = importlib.metadata.version("lighter-cli")
    assert f"has lighter-cli 9.9.9, here it is {own}" in printed
