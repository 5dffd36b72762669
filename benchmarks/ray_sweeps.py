"""Trials per minute of a sweep on Ray against Ray Tune: the digits, one epoch, two slots; measured in turns.

Each has a cluster of its own on this machine, with two CPUs, which runs before the clock does. Tune trains the same
experiment by hand on Lightning: once as its documentation says, and once with ``reuse_actors=True``, where all trials
of a slot share one process. It is in an environment of its own, with the versions of torch and Lightning that are
beside Lighter::

    uv venv .venv-tune
    uv pip install --python .venv-tune torch pytorch-lightning torchmetrics scikit-learn tensorboard 'ray[tune]'
    python benchmarks/ray_sweeps.py --tune .venv-tune/bin/python

The exit code is 1 when a sweep has less than 1.5 times as many trials per minute as Tune in its documented use.
"""

import argparse
import importlib.metadata
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from sweeps_against_peers import DIGITS, LIGHTER, PATIENT, PEERS, SEARCH

MARK = 1.5
_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"},
    "PYTHONDONTWRITEBYTECODE": "",  # an installed program keeps its bytecode
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # those of TensorBoard, which the function has itself
}
_SAMPLE_S = 0.1  # a trial takes a second
_MEMORY_S = 2.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a search took: seconds by the clock, and of processor time of all its processes, which is sampled."""

    wall_s: float
    cpu_s: float
    memory_mib: float


@contextmanager
def cluster(python: str) -> Iterator[tuple[str, psutil.Process]]:
    """Run a cluster of one node with two CPUs; yield its address and its first process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("--num-cpus=2", "--num-gpus=0", "--include-dashboard=false", "--object-store-memory=80000000")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # the path of a socket is short
        start = (python, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats")
        process = psutil.Popen(
            [*start, f"--port={port}", "--node-ip-address=127.0.0.1", f"--temp-dir={folder}", *options],
            env=_ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            for line in process.stdout:
                if "Ray runtime started" in line:
                    break
            time.sleep(5)  # the first workers are starting
            yield f"127.0.0.1:{port}", process
        finally:
            process.terminate()
            with suppress(psutil.TimeoutExpired):
                process.wait(30)
            with suppress(psutil.NoSuchProcess):
                process.kill()


def measure(python: str, *command: str) -> Cost:
    """Run a command on a cluster of its own, whose address it gets in place of ``ADDRESS``."""
    with tempfile.TemporaryDirectory() as folder, cluster(python) as (address, node):
        begin = time.monotonic()
        words = [address if word == "ADDRESS" else word for word in command]
        before = sum(_processor_times([node]).values())
        seconds: dict[tuple[int, float], float] = {}
        most, looked_at = 0.0, 0.0
        with (Path(folder) / "output").open("w") as output:
            process = psutil.Popen(words, cwd=folder, env=_ENVIRONMENT, stdout=output, stderr=output)
            while process.poll() is None:
                seconds |= _processor_times([node, process])
                if time.monotonic() - looked_at > _MEMORY_S:
                    most, looked_at = max(most, _memory_mib([node, process])), time.monotonic()
                time.sleep(_SAMPLE_S)
        if process.returncode:
            raise SystemExit((Path(folder) / "output").read_text())
        return Cost(time.monotonic() - begin, sum(seconds.values()) - before, most)


def _tree(roots: list[psutil.Process]) -> Iterator[psutil.Process]:
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            yield from (root, *root.children(recursive=True))


def _processor_times(roots: list[psutil.Process]) -> dict[tuple[int, float], float]:
    """Return the processor time of some processes and of all below them."""
    seconds = {}
    for process in _tree(roots):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds[process.pid, process.create_time()] = times.user + times.system
    return seconds


def _memory_mib(roots: list[psutil.Process]) -> float:
    """Return the memory that no other process has, of some processes and all below them."""
    total = 0.0
    for process in _tree(roots):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += process.memory_full_info().uss / 2**20
    return total


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", metavar="PYTHON", required=True, help="the Python that has Ray Tune")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--trials", type=int, default=12)
    options = parser.parse_args()
    trials = str(options.trials)
    words = (str(DIGITS), "trainer::max_epochs=1", PATIENT, "trainer::accelerator=cpu", *SEARCH, "--trials", trials)
    tune = (options.tune, str(PEERS / "with_tune.py"), "ADDRESS", trials, "1")
    commands = {
        "lighter sweep --ray": (sys.executable, *LIGHTER, "sweep", *words, "--ray", "ADDRESS"),
        "Ray Tune": (options.tune, *tune, "anew"),
        "Ray Tune, reuse_actors": (options.tune, *tune, "reuse"),
    }
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("lighter-cli", "ray", "torch"))
    print(
        f"{versions}; Python {platform.python_version()}, {os.cpu_count()} cores; {options.trials} trials", end="\n\n"
    )
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(options.repeats):
        for name, command in commands.items():
            cost = measure(*command)
            costs[name].append(cost)
            rate = 60 * options.trials / cost.wall_s
            shown = f"{rate:6.1f} trials/min {cost.wall_s:6.1f} s {cost.cpu_s:6.1f} CPU s {cost.memory_mib:6.0f} MiB"
            print(f"{name:<24} {shown}   load {os.getloadavg()[0]:.0f}", flush=True)
    ours, ratios = costs.pop("lighter sweep --ray"), {}
    for name, theirs in costs.items():
        ratios[name] = statistics.median(one.wall_s / own.wall_s for one, own in zip(theirs, ours, strict=True))
        cpu = statistics.median(one.cpu_s / own.cpu_s for one, own in zip(theirs, ours, strict=True))
        print(f"{name} / lighter sweep --ray: {ratios[name]:.2f} x by the clock, {cpu:.2f} x of processor time")
    is_met = ratios["Ray Tune"] >= MARK
    print(f"{'met' if is_met else 'MISSED'}: >= {MARK} x")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
