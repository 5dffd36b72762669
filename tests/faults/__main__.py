"""Strike runs by faults and resume them: nothing may be lost.

Run: python tests/faults [--kills 50] [--only WORDS] [--seed N]

Each fault ends a real ``lighter fit``. Afterwards the record must tell the truth and every file that looks like a
checkpoint must load; then ``lighter fit … --ckpt-path last`` goes on until the experiment is done, and its weights, its
optimizer's state and every value that was logged must equal those of a run that nothing happened to.
"""

import argparse
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # also for all that is forked: torch must have no threads by then

import torch
from attempts import AT_EPOCH_ENDS, IN_THE_MIDDLE, SAVING_AT_THE_END, Attempts, LostError, Outcome, load, strike
from processes import Process, start

from lighter_cli.sweeps.outcomes import Result

_EXIT_CODES = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
_CANNOT_MOUNT = 77
_STATUSES = {signal.SIGKILL: "lost", signal.SIGTERM: "interrupted", signal.SIGINT: "interrupted"}


class NotHereError(Exception):
    """A fault that cannot be made on this machine."""


class Bench:
    """The folder of all experiments, and the table of what came of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[tuple[str, int, int]] = []
        self.reasons: list[str] = []
        self._whole: dict[tuple[str, ...], Outcome] = {}
        self._sweep: dict[int, Result] = {}
        self._num = 0

    def attempts(self, words: tuple[str, ...]) -> Attempts:
        """Begin an experiment in a folder of its own."""
        self._num += 1
        return Attempts(self.folder / f"{self._num}", words)

    def whole(self, words: tuple[str, ...]) -> Outcome:
        """Return what the experiment comes to when nothing happens."""
        if words not in self._whole:
            attempts = self.attempts(words)
            attempts.finish()
            self._whole[words] = Outcome.of(attempts)
        return self._whole[words]

    def whole_sweep(self) -> dict[int, Result]:
        """Return what the trials of a sweep come to when nothing happens."""
        if not self._sweep:
            from sweeps import StruckSweep  # needs Optuna

            sweep = StruckSweep.begin(self.folder / "whole-sweep")
            sweep.finish()
            self._sweep = dict(sweep.trials.results)
        return self._sweep

    def count(self, fault: str, strikes: Callable[[], int], *, wanted: int) -> None:
        """Strike until there were as many strikes as wanted; experiments that did not survive count as one lost."""
        tried = lost = 0
        begin = time.monotonic()
        while tried < wanted:
            try:
                tried += strikes()
            except NotHereError as error:
                print(f"{fault:<58}     - not tried: {error}")
                return
            except LostError as error:
                tried, lost = tried + 1, lost + 1
                self.reasons.append(f"{fault}: {error}")
        self.rows.append((fault, tried, lost))
        print(f"{fault:<58} {tried:>5} {tried - lost:>8} {lost:>4}   {time.monotonic() - begin:4.0f} s", flush=True)


def signals(
    bench: Bench, number: signal.Signals, words: tuple[str, ...], *, at_most: int, while_writing: bool = False
) -> int:
    """Strike one experiment by a signal again and again, until it is done."""
    attempts = bench.attempts(words)
    num = 0
    while num < at_most:
        process = attempts.fit()
        if not strike(attempts, process, number, while_writing=while_writing):
            break
        if attempts.records()[-1].status == "finished":  # it was just about to end
            break
        num += 1
        check_end(attempts, process, number)
    attempts.finish()
    attempts.compare(bench.whole(words))
    return num


def check_end(attempts: Attempts, process: Process, number: signal.Signals) -> None:
    """Look at how a process that was struck has ended, and at what it left.

    Raises:
        LostError: The exit code is another, or what is left is not true or not whole.
    """
    if number is signal.SIGTERM and process.exitcode == -number:  # before or after Lightning listens to it
        attempts.check_after(number.name, "lost")
        return
    if process.exitcode != _EXIT_CODES[number]:
        raise LostError(f"exit code {process.exitcode} after {number.name}:\n{attempts.said()}")
    attempts.check_after(number.name, _STATUSES[number])


def predictions(bench: Bench, number: signal.Signals, *, at_most: int) -> int:
    """Strike one predict by a signal again and again; then let it finish."""
    attempts = bench.attempts(("config.yaml", "predict.yaml"))
    num = 0
    for _ in range(at_most):
        process = start(attempts.folder, "predict", *attempts.words)
        was_struck = strike(attempts, process, number, while_writing=False)
        attempts.check_predictions(number.name, are_there=not was_struck)
        was_struck = was_struck and attempts.records()[-1].status != "finished"
        num += was_struck
        if was_struck:
            check_end(attempts, process, number)
        else:
            shutil.rmtree(attempts.folder / "files")
            (attempts.folder / "predictions.csv").unlink()
    process = start(attempts.folder, "predict", *attempts.words)
    process.wait()
    if process.exitcode != 0:
        raise LostError(f"predict failed (exit code {process.exitcode}):\n{attempts.said()}")
    attempts.check_predictions(number.name, are_there=True)
    return num


def from_inside(bench: Bench, fault: str, words: tuple[str, ...], *more: str, said: str) -> int:
    """Let one experiment fail by itself, once."""
    attempts = bench.attempts(words)
    process = attempts.fit(*more, fault=fault)
    process.wait()
    if process.exitcode != 1:
        raise LostError(f"exit code {process.exitcode} after {fault}:\n{attempts.said()}")
    attempts.check_after(fault, "failed")
    error = attempts.records()[-1].content["error"]
    if said not in error:
        raise LostError(f"after {fault} the record says {error!r}, not {said!r}")
    attempts.finish()
    attempts.compare(bench.whole(words))
    return 1


def at_once(bench: Bench, num: int) -> int:
    """Start runs at once in one directory, with nothing in the cache; half of them write into one folder."""
    attempts = bench.attempts(IN_THE_MIDDLE)
    cache = {"XDG_CACHE_HOME": str(attempts.folder / "cache")}
    shared = num // 2
    folders = [[] if i < shared else [f"trainer::callbacks::{n}::dirpath=own-{i}" for n in (0, 1)] for i in range(num)]
    words = [[*IN_THE_MIDDLE, f"trainer::logger::file=rows-{i}.jsonl", *own] for i, own in enumerate(folders)]
    processes = [start(attempts.folder, "fit", *one, environment=cache) for one in words]
    for process in processes:
        process.wait()
    if [process.exitcode for process in processes] != [0] * num:
        raise LostError(f"a run of several at once failed:\n{attempts.said()}")
    records = attempts.records()
    ids = {record.content["id"] for record in records}
    if sorted(record.content["words"] for record in records) != sorted(words) or len(ids) != num:
        raise LostError(f"{num} runs at once left {len(ids)} records")
    if {record.status for record in records} != {"finished"}:
        raise LostError("a run of several at once is not recorded as finished")
    whole = bench.whole(IN_THE_MIDDLE)
    for record in records:
        last = record.checkpoint("last")
        if last is None and "own" in str(record.content["words"]):
            raise LostError(f"the run {record.content['id']} of several at once has no last checkpoint")
        if last is not None:
            torch.testing.assert_close(load(last)["state_dict"], whole.state["state_dict"], rtol=0, atol=0)
    cached = list((attempts.folder / "cache").rglob("*.json"))
    for file in cached:
        json.loads(file.read_text())
    if not cached or list((attempts.folder / "cache").rglob("*.tmp")):
        raise LostError("the cache is empty, or something half-written is in it")
    return num


def sweep(bench: Bench, *, at_most: int) -> int:
    """Kill the worker and the trials of one sweep again and again."""
    from sweeps import StruckSweep  # needs Optuna

    struck = StruckSweep.begin(bench.folder / f"sweep-{len(list(bench.folder.glob('sweep-*')))}")
    num = struck.strike(at_most)
    struck.finish()
    struck.check(bench.whole_sweep())
    return num


def sweep_in_jobs(bench: Bench, *, at_most: int) -> int:
    """Kill trials, workers, tasks and nodes of one sweep that runs in SLURM jobs."""
    from jobs import StruckJobs, cluster  # need Optuna and submitit

    with cluster() as slurm:
        struck = StruckJobs.begin_on(bench.folder / f"jobs-{len(list(bench.folder.glob('jobs-*')))}", slurm)
        num = struck.strike(at_most)
        struck.finish()
        struck.check(bench.whole_sweep())
    struck_each = ", ".join(f"{kind} {count}" for kind, count in struck.struck.items())
    print(f"  on {type(slurm).__name__}: {struck_each}; no trial ran for {struck.longest_s:.0f} s at most")
    return num


def full_disk(bench: Bench) -> int:
    """Fill a file system of 1.2 MiB, then make it larger and go on; in a name space where anybody may mount one."""
    attempts = bench.attempts(IN_THE_MIDDLE)
    fit = shlex.join([sys.executable, "-m", "lighter_cli", "fit", *IN_THE_MIDDLE])
    script = f"""
        mkdir checkpoints && mount -t tmpfs -o size=1200k tmpfs checkpoints || exit 77
        {fit} 2>said.txt && exit 1
        cp .lighter/runs.jsonl first.jsonl
        for file in checkpoints/*.ckpt; do {sys.executable} -m zipfile -t $file >/dev/null || exit 1; done
        mount -o remount,size=100m tmpfs checkpoints
        {fit} --ckpt-path last 2>>said.txt || exit 1
        mkdir kept && cp -p checkpoints/*.ckpt kept && umount checkpoints && mv kept/* checkpoints
    """
    command = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script]
    exit_code = subprocess.run(command, cwd=attempts.folder, check=False, capture_output=True).returncode
    if exit_code == _CANNOT_MOUNT or not (attempts.folder / "first.jsonl").exists():
        raise NotHereError("this machine lets nobody mount a file system")
    if exit_code:
        raise LostError(f"a run on a full disk did not fail, or did not go on:\n{attempts.said()}")
    first, second = attempts.records()
    error = first.content["error"]
    if first.status != "failed" or "No space left on device: '" not in error:
        raise LostError(f"after a full disk the record says {first.status!r} and {error!r}")
    if second.status != "finished":
        raise LostError(f"with more space it came to {second.status!r}")
    attempts.compare(bench.whole(IN_THE_MIDDLE))
    return 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="how often to strike by SIGKILL at random moments")
    parser.add_argument("--only", default="", help="the faults whose names contain this")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; another one each time by default")
    parser.add_argument("--launcher", choices=["slurm"], help="strike only a sweep that this launcher runs")
    parser.add_argument("--folder", type=Path, default=None, help="where to leave the experiments")
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    random.seed(seed)
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(options.folder or Path(temporary))
        num, few = options.kills, max(1, options.kills // 5)
        faults: dict[str, tuple[int, Callable[[], int]]] = {
            "SIGKILL, checkpoints inside epochs": (
                num,
                lambda: signals(bench, signal.SIGKILL, IN_THE_MIDDLE, at_most=num),
            ),
            "SIGKILL while a checkpoint is written": (
                few,
                lambda: signals(bench, signal.SIGKILL, IN_THE_MIDDLE, at_most=few, while_writing=True),
            ),
            "SIGKILL, checkpoints at epoch ends": (
                few,
                lambda: signals(bench, signal.SIGKILL, AT_EPOCH_ENDS, at_most=few),
            ),
            "SIGKILL of the worker and trials of a sweep": (num, lambda: sweep(bench, at_most=num)),
            "SIGTERM": (few, lambda: signals(bench, signal.SIGTERM, IN_THE_MIDDLE, at_most=few)),
            "SIGTERM, a checkpoint saved when it comes": (
                few,
                lambda: signals(bench, signal.SIGTERM, SAVING_AT_THE_END, at_most=few),
            ),
            "SIGINT": (few, lambda: signals(bench, signal.SIGINT, IN_THE_MIDDLE, at_most=few)),
            "SIGKILL in predict, with writers": (few, lambda: predictions(bench, signal.SIGKILL, at_most=few)),
            "SIGTERM in predict, with writers": (few, lambda: predictions(bench, signal.SIGTERM, at_most=few)),
            "SIGINT in predict, with writers": (few, lambda: predictions(bench, signal.SIGINT, at_most=few)),
            "runs started at once in one directory": (20, lambda: at_once(bench, 20)),
            "exception in epoch 3": (
                few,
                lambda: from_inside(bench, "raise:19", IN_THE_MIDDLE, said="ValueError: raised at step 19"),
            ),
            "exception in epoch 3, checkpoints at epoch ends": (
                1,
                lambda: from_inside(bench, "raise:19", AT_EPOCH_ENDS, said="ValueError: raised at step 19"),
            ),
            "a worker of the loader dies": (
                1,
                lambda: from_inside(
                    bench,
                    "worker:40",
                    IN_THE_MIDDLE,
                    "system::dataloaders::train::num_workers=1",
                    said="exited unexpectedly",
                ),
            ),
            "no space for a checkpoint (a limit on file sizes)": (
                1,
                lambda: from_inside(bench, "disk:9", IN_THE_MIDDLE, said="File too large: '"),
            ),
            "no space for a checkpoint (a file system of 1.2 MiB)": (1, lambda: full_disk(bench)),
        }
        if options.launcher == "slurm":
            faults = {
                "SIGKILL of trials, workers, tasks and nodes of SLURM": (num, lambda: sweep_in_jobs(bench, at_most=num))
            }
        print(f"{'fault':<58} tried survived lost   (seed {seed})")
        for fault, (wanted, strikes) in faults.items():
            if options.only in fault:
                bench.count(fault, strikes, wanted=wanted)
    for reason in bench.reasons:
        print(f"\nlost: {reason}")
    sys.exit(bool(bench.reasons))


if __name__ == "__main__":
    main()
