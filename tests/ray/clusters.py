"""Nodes of a Ray cluster on this machine, and sweeps that run on it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from lighter_cli.sweeps.trials import Trials

EXPERIMENT = Path(__file__).parents[1] / "faults/experiment"
NOTE = '''
import json, os, time
from pathlib import Path

from pytorch_lightning import Callback


class Note(Callback):
    """Notes the environment of a trial, and makes it slow."""

    def __init__(self, folder, epoch_s):
        self.folder, self.epoch_s = folder, epoch_s

    def on_fit_start(self, trainer, module):
        names = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
        Path(self.folder, "environment.json").write_text(json.dumps({name: os.environ.get(name) for name in names}))

    def on_train_epoch_end(self, trainer, module):
        time.sleep(self.epoch_s)
'''
SLOW = """
vars: {epoch_s: 0.0}
trainer:
  callbacks:
    - {_target_: project.note.Note, folder: "@trainer::default_root_dir", epoch_s: "%vars::epoch_s"}
"""
_ENVIRONMENT = {
    "RAY_raylet_start_wait_time_s": "300",  # a machine may be busy
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_register_timeout_seconds": "300",
}
_APART = ("unshare", "--user", "--map-root-user", "--mount", "--uts", "sh", "-c")
_READY_S = 300.0


def can_be_apart() -> bool:
    """Return whether a process may have a host name and mounts of its own; some systems refuse that."""
    with suppress(FileNotFoundError):
        return subprocess.run([*_APART, "hostname apart"], capture_output=True, check=False).returncode == 0
    return False


class Node:
    """A node of the cluster: ``ray start --block`` and all that it starts.

    Args:
        options: The options of ``ray start``.
        before: The words before the command, such as those of ``unshare``.
        variables: What its environment has besides.
    """

    def __init__(self, *options: str, before: tuple[str, ...] = (), **variables: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        size = ("--num-cpus=1", "--num-gpus=1", "--object-store-memory=80000000")
        command = [*before, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
        self.process = subprocess.Popen(
            [*command, "--node-ip-address=127.0.0.1", *size, *options],
            env={**environment, **_ENVIRONMENT, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def processes(self, *words: str) -> list[psutil.Process]:
        """Return the processes on this node whose command has all of some words, oldest first."""
        found = []
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    if set(words) <= set(process.cmdline()):
                        found.append(process)
        return found

    def kill(self) -> None:
        """Kill everything on this node at once, as when its power fails."""
        for process in [*self.processes(), psutil.Process(self.process.pid)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop Ray on this node."""
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            if self.process.poll() is None:
                self.kill()


class Cluster:
    """A head and other nodes on this machine.

    Args:
        folder: Where Ray keeps its sockets and logs.

    Attributes:
        address: The address of the head.
        nodes: The head, and the others that run.
    """

    def __init__(self, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.client_port = free_port()
        head = ("--head", f"--port={self.address.rpartition(':')[2]}", "--include-dashboard=false")
        self.nodes = [Node(*head, f"--ray-client-server-port={self.client_port}", f"--temp-dir={folder}")]
        self.wait_for(1)

    def add(self, first: str = "true", **variables: str) -> Node:
        """Add a node, where the system allows it with a host name of its own, and wait until the cluster has it.

        Args:
            first: What the node does first, in a name space where it may mount.
            variables: What its environment has besides.
        """
        before = (*_APART, f'hostname apart && {first} && exec "$@"', "sh") if can_be_apart() else ()
        node = Node(f"--address={self.address}", before=before, **variables)
        self.nodes.append(node)
        self.wait_for(len(self.nodes))
        return node

    def remove(self, node: Node) -> None:
        """Take a node out of the cluster, however it was ended."""
        node.stop()
        self.nodes.remove(node)
        self.wait_for(len(self.nodes))

    def wait_for(self, count: int) -> None:
        """Wait until a number of nodes is alive."""
        end = time.monotonic() + _READY_S
        while self.num_alive() != count:
            assert time.monotonic() < end, f"{self.num_alive()} nodes are alive, not {count}"
            assert self.nodes[0].process.poll() is None, "the head has ended"
            time.sleep(0.2)

    def num_alive(self) -> int:
        """Return the number of nodes that are alive."""
        program = (
            "import sys; from ray._raylet import GcsClient\n"
            "nodes = GcsClient(address=sys.argv[1]).get_all_node_info(timeout=5)\n"
            "print(sum(node.state == 0 for node in nodes.values()))"
        )
        with suppress(OSError), socket.create_connection(("127.0.0.1", int(self.address.rpartition(":")[2])), 1):
            done = subprocess.run(
                [sys.executable, "-c", program, self.address], capture_output=True, text=True, check=False
            )
            return int(done.stdout or 0)
        return 0

    def stop(self) -> None:
        """Stop all nodes."""
        for node in reversed(self.nodes):
            node.stop()


def free_port() -> int:
    """Return a port that nothing uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def write_experiment(folder: Path) -> None:
    """Write the experiment that faults strike into a folder, with a callback that notes and waits."""
    shutil.copytree(EXPERIMENT, folder, dirs_exist_ok=True)
    (folder / "code/note.py").write_text(NOTE)
    (folder / "slow.yaml").write_text(SLOW)


class Sweep:
    """A sweep in the working directory.

    Args:
        words: The words of ``lighter sweep``.
        name: Its name.
    """

    def __init__(self, *words: str, name: str = "s") -> None:
        self.folder = Path("lighter_sweeps", name).absolute()
        self.words = ("sweep", "config.yaml", "sweep.yaml", "slow.yaml", "--name", name, *words)

    def start(self, *more: str) -> "subprocess.Popen[str]":
        """Start the command."""
        return subprocess.Popen(
            [sys.executable, "-m", "lighter_cli", *self.words, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def run(self, *more: str) -> str:
        """Run the command to its end, which must be a good one; return what it prints."""
        command = self.start(*more)
        output, _ = command.communicate()
        assert command.returncode == 0, output
        return output

    @property
    def trials(self) -> Trials:
        """Its trials, as they are now."""
        trials = Trials(self.folder)
        trials.refresh()
        return trials

    def values(self) -> dict[int, float]:
        """Return the value of each trial that has finished."""
        results = self.trials.results
        return {number: results[number].values[0] for number in sorted(results) if results[number].values}

    def wait_for_epochs(self, num: int = 1) -> None:
        """Wait until some epochs of trials have ended."""
        end = time.monotonic() + _READY_S
        while (
            sum(file.read_text().count("\n") for file in self.folder.glob("trials/*/lighter_runs/*/epochs.jsonl")) < num
        ):
            assert time.monotonic() < end, "no trial has begun"
            time.sleep(0.05)


def processes_of_sweeps(folder: Path) -> list[psutil.Process]:
    """Return the workers and trials of a sweep that run, on every node."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            is_trial = str(folder) in process.environ().get("LIGHTER_TRIAL", "")
            if process.status() != psutil.STATUS_ZOMBIE and (is_trial or str(folder) in process.cmdline()):
                found.append(process)
    return found


def kill(process: psutil.Process) -> None:
    """Kill a process, unless it has ended."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGKILL)
