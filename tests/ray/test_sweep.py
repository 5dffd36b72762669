"""A sweep on a Ray cluster: the same trials and values as on one machine."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("ray", minversion="2.50")
pytest.importorskip("optuna", minversion="5")

from tests.ray.clusters import Cluster, Sweep, processes_of_sweeps

from lighter_cli.sweeps.owners import read_owner

pytestmark = pytest.mark.slow


def test_a_sweep_on_ray_is_the_sweep_of_one_machine(cluster: Cluster, sweep: Callable[..., Sweep]) -> None:
    here, there = sweep("--trials", "6"), sweep("--trials", "6", name="t")
    here.run()
    printed = there.run("--ray", cluster.address)
    assert there.values() == here.values()
    assert len(here.values()) == 6
    assert (here.folder / "best").readlink() == (there.folder / "best").readlink()
    kinds = [line.split()[0] for line in printed.splitlines() if line]
    assert kinds[:7] == ["sweep", *["trial"] * 6], printed  # no word of Ray's
    owners = [read_owner(there.trials.folder_of(number)) for number in range(6)]
    assert len({owner["ray_node"] for owner in owners if owner}) == 2
    assert processes_of_sweeps(there.folder) == []


def test_events_are_those_of_a_sweep_of_one_machine(cluster: Cluster, sweep: Callable[..., Sweep]) -> None:
    one = sweep("--trials", "2", "--json")
    printed = [json.loads(line) for line in one.run("--ray", f"ray://127.0.0.1:{cluster.client_port}").splitlines()]
    assert printed[0]["event"] == "begin"
    for number in range(2):
        events = [event["event"] for event in printed if event.get("trial") == number]
        assert events == ["started", "ended"]


def test_a_trial_sees_the_share_that_ray_gives_it(cluster: Cluster, sweep: Callable[..., Sweep]) -> None:
    one = sweep("--trials", "3", "trainer::accelerator=auto", "--share", "2", "sweep::ray::num_cpus=0.5")
    one.run("--ray", cluster.address, "--workers", "3")
    files = sorted(one.folder.glob("trials/*/environment.json"))
    assert [json.loads(file.read_text()) for file in files] == [
        {"CUDA_VISIBLE_DEVICES": "0", "OMP_NUM_THREADS": "1"}
    ] * 3
    assert sorted(file.name for file in (one.folder / "ray").iterdir()) == [f"slot-{index}.log" for index in range(3)]


def test_ctrl_c_saves_trials_and_the_next_command_continues(cluster: Cluster, sweep: Callable[..., Sweep]) -> None:
    one = sweep("--trials", "2", "vars::epoch_s=3")
    command = one.start("--ray", cluster.address)
    one.wait_for_epochs()
    command.send_signal(signal.SIGINT)
    printed, _ = command.communicate()
    assert command.returncode == 130, printed
    assert "stopping: running trials save a checkpoint and end after their batch" in printed
    assert list(one.folder.glob("trials/*/lighter_runs/*/requeue.ckpt"))
    assert processes_of_sweeps(one.folder) == []
    printed = one.run("--ray", cluster.address)
    assert "trial 0 continues" in printed
    assert sorted(one.values()) == [0, 1]


def test_a_sweep_is_stopped_from_elsewhere(cluster: Cluster, sweep: Callable[..., Sweep]) -> None:
    one = sweep("--trials", "2", "vars::epoch_s=3")
    command = one.start("--ray", cluster.address)
    one.wait_for_epochs()
    assert os.spawnlp(os.P_WAIT, "lighter", "lighter", "sweeps", "stop", "s") == 0
    printed, _ = command.communicate()
    assert command.returncode == 0, printed
    assert f"to continue   lighter sweep {Path('lighter_sweeps/s')}" in printed
    assert processes_of_sweeps(one.folder) == []


def test_a_second_ctrl_c_ends_running_trials(cluster: Cluster, sweep: Callable[..., Sweep]) -> None:
    one = sweep("--trials", "2", "vars::epoch_s=100")
    command = one.start("--ray", cluster.address)
    while not list(one.folder.glob("trials/0000/environment.json")):
        assert command.poll() is None
    command.send_signal(signal.SIGINT)
    while "stopping" not in (command.stdout.readline() if command.stdout else ""):
        assert command.poll() is None
    command.send_signal(signal.SIGINT)
    printed, _ = command.communicate()
    assert command.returncode == 130, printed
    assert processes_of_sweeps(one.folder) == []


def test_a_sweep_of_which_every_trial_fails_ends(cluster: Cluster, sweep: Callable[..., Sweep]) -> None:
    one = sweep("--trials", "8", "system::model::_args_::2::out_features=1")
    command = one.start("--ray", cluster.address)
    printed, _ = command.communicate()
    assert command.returncode == 1
    assert "error: every trial fails: " in printed
    assert len(one.trials.results) < 8
    assert processes_of_sweeps(one.folder) == []
