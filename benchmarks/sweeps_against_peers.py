"""What a trial of a sweep costs against other ways to run it: ratios of processor time or memory, measured in pairs.

The peers are Hydra's launchers and a loop written by hand on Optuna and Lightning, in ``sweep_peers/``. They run in an
environment of their own, with the versions of torch and Lightning that are beside Lighter. Without them, only the rows
are measured that compare Lighter with itself::

    uv venv .venv-peers
    uv pip install --python .venv-peers torch pytorch-lightning torchmetrics scikit-learn tensorboard optuna
    uv pip install --python .venv-peers 'hydra-core==1.3.*' hydra-joblib-launcher
    python benchmarks/sweeps_against_peers.py --peers .venv-peers/bin/python

Every process keeps its bytecode, as installed programs do. A row that misses its mark says so, and the exit code is
then 1.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from many_runs import ENVIRONMENT, run_python

DIGITS = Path(__file__).parents[1] / "examples/digits/config.yaml"
PEERS = Path(__file__).with_name("sweep_peers")
SEARCH = ("system::optimizer::lr:=1e-3..1e-2:log", "--max", "val/metrics/Accuracy/epoch")
STRUCTURES = "system::optimizer:={lr: 0.001},{lr: 0.01},{_target_: torch.optim.SGD}"
LIGHTER = (sys.executable, "-m", "lighter_cli")
PATIENT = "trainer::callbacks::1::patience=100"  # every trial has all its epochs
_POLL_S = 0.005

Measure = Callable[[Path], float]


def sweep(trials: int, epochs: int, workers: int = 1) -> Measure:
    """Return what measures a sweep: the processor time of all its processes."""
    words = (str(DIGITS), f"trainer::max_epochs={epochs}", PATIENT, *SEARCH)
    options = ("--trials", str(trials), "--workers", str(workers))
    return lambda folder: run_python(folder, *LIGHTER, "sweep", *words, *options).seconds


def hydra(python: str, trials: int, epochs: int, *launcher: str) -> Measure:
    """Return what measures a multirun of Hydra."""
    rates = ",".join(f"{10 ** (-3 + index / trials):.6f}" for index in range(trials))
    words = ("--multirun", f"lr={rates}", f"epochs={epochs}", "hydra.sweep.dir=multirun", *launcher)
    return lambda folder: run_python(folder, python, str(PEERS / "with_hydra.py"), *words).seconds


def by_hand(python: str, trials: int, epochs: int) -> Measure:
    """Return what measures the study written by hand."""
    return lambda folder: run_python(folder, python, str(PEERS / "by_hand.py"), str(trials), str(epochs)).seconds


def fits(trials: int, epochs: int) -> Measure:
    """Return what measures one ``lighter fit`` a trial; one is run, as they are alike."""
    words = ("fit", str(DIGITS), f"trainer::max_epochs={epochs}", PATIENT)
    return lambda folder: trials * run_python(folder, *LIGHTER, *words).seconds


def until_first_record(*words: str) -> Measure:
    """Return what measures the processor time until the first run of a command has its record."""

    def measure(folder: Path) -> float:
        with (folder / "output").open("w") as output:
            process = psutil.Popen([*LIGHTER, *words], cwd=folder, env=ENVIRONMENT, stdout=output, stderr=output)
            while not list(folder.rglob("lighter_runs/*/record.json")):
                if process.poll() is not None:
                    raise SystemExit((folder / "output").read_text())
                time.sleep(_POLL_S)
            spent = sum(seconds_of(one) for one in (process, *process.children(recursive=True)))
            process.terminate()
            process.wait()
        return spent

    return measure


def seconds_of(process: psutil.Process) -> float:
    """Return the processor time of a process, with that of the children that it has waited for."""
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def unique_memory(*commands: tuple[str, ...]) -> Measure:
    """Return what measures the memory in MiB that no other process has, of the processes that train.

    It is the largest that each had at any time, their mean. Run two at once: one alone would own the pages of files.
    """

    def measure(folder: Path) -> float:
        folders = [folder / str(index) for index in range(len(commands))]
        for one in folders:
            one.mkdir()
        started = [
            psutil.Popen(command, cwd=one, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command, one in zip(commands, folders, strict=True)
        ]
        largest: dict[int, float] = {}
        while any(process.poll() is None for process in started):
            for pid in set(recorded_processes(folder)):
                largest[pid] = max(largest.get(pid, 0.0), private_mib(pid))
            time.sleep(10 * _POLL_S)
        return statistics.fmean(largest.values())

    return measure


def recorded_processes(folder: Path) -> Iterator[int]:
    """Yield the process ids of the runs in a folder."""
    for file in folder.rglob("lighter_runs/*/record.json"):
        with suppress(ValueError, OSError):
            yield json.loads(file.read_text())["process"]["pid"]


def private_mib(pid: int) -> float:
    """Return the unique set size of a process in MiB; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 2**10


def in_pairs(one: Measure, other: Measure, repeats: int) -> list[float]:
    """Return the ratios of two measures, taken in turns; the first pair warms up."""
    ratios = []
    for _ in range(repeats + 1):
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            ratios.append(one(Path(first)) / other(Path(second)))
    return ratios[1:]


Row = tuple[str, Measure, Measure, str, float]
"""The work, what is divided by what, and the mark."""


def own_rows(trials: int) -> dict[str, Row]:
    """Return the rows that compare Lighter with itself, by their names."""
    fit = ("fit", str(DIGITS), "trainer::max_epochs=20")
    parallel = (*LIGHTER, "sweep", *fit[1:], *SEARCH, "--trials", "2", "--workers", "2")
    return {
        "cold": ("one `lighter fit` each / sweep", fits(trials, 1), sweep(trials, 1), ">=", 10),
        "start": (
            "first trial / `lighter fit`, until its record",
            until_first_record("sweep", *fit[1:], *SEARCH, "--trials", "2"),
            until_first_record(*fit),
            "<=",
            1.2,
        ),
        "rehearsed": (
            "the same after a rehearsal of three optimizers and both ends",
            until_first_record(
                "sweep", *fit[1:], STRUCTURES, *SEARCH[1:], "system::model::_args_::8::p:=0.1..0.5", "--trials", "5"
            ),
            until_first_record(*fit),
            "<=",
            2.0,
        ),
        "memory": (
            "unique memory, two trials at once / two `lighter fit`",
            unique_memory(parallel),
            unique_memory((*LIGHTER, *fit), (*LIGHTER, *fit)),
            "<=",
            0.5,
        ),
    }


def peer_rows(python: str, trials: int) -> dict[str, Row]:
    """Return the rows that compare Lighter with its peers, by their names."""
    few = max(2, trials // 3)  # of 20 epochs
    joblib = ("hydra/launcher=joblib", "hydra.launcher.n_jobs={}")
    one, two = (tuple(word.format(number) for word in joblib) for number in (1, 2))
    return {
        "basic": ("Hydra, basic / sweep", hydra(python, trials, 1), sweep(trials, 1), ">=", 0.8),
        "basic20": ("the same, 20 epochs", hydra(python, few, 20), sweep(few, 20), ">=", 1.0),
        "joblib": ("Hydra, joblib, one job / sweep", hydra(python, trials, 1, *one), sweep(trials, 1), ">=", 1.0),
        "joblib2": ("the same, two jobs, two slots", hydra(python, trials, 1, *two), sweep(trials, 1, 2), ">=", 1.3),
        "hand": ("sweep / loop by hand", sweep(trials, 1), by_hand(python, trials, 1), "<=", 1.5),
        "hand20": ("the same, 20 epochs", sweep(few, 20), by_hand(python, few, 20), "<=", 1.04),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", help="the Python of the peers; without it, they are left out")
    parser.add_argument("--repeats", type=int, default=5, help="pairs, besides one that warms up")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--only", nargs="*", help="the names of rows")
    options = parser.parse_args()
    table = own_rows(options.trials) | (peer_rows(options.peers, options.trials) if options.peers else {})
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("lighter-cli", "torch", "optuna"))
    print(f"{versions}; Python {platform.python_version()}, {os.cpu_count()} cores", end="\n\n")
    are_met = []
    for name in options.only or table:
        work, first, second, sign, mark = table[name]
        ratios = in_pairs(first, second, options.repeats)
        ratio = statistics.median(ratios)
        are_met.append(ratio >= mark if sign == ">=" else ratio <= mark)
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} pairs, load {os.getloadavg()[1]:.0f}"
        verdict = "met" if are_met[-1] else "MISSED"
        print(f"| {work:<54} | {ratio:.2f} x ({spread}) | {sign} {mark} x | {verdict} |", flush=True)
    return 0 if all(are_met) else 1


if __name__ == "__main__":
    sys.exit(main())
