"""What the record of a run costs: a small fit, a step and an epoch, each against the same without it.

Small fits alternate in one process: of a template, with a checkpoint an epoch, in a repository with an uncommitted
change. The recorded ones leave all that a fit of the command line leaves: the config, ``epochs.jsonl``, the code. Steps
and epochs of two trainers alternate as in ``step_overhead.py``; what a step costs is told as a share of one of 40 ms.

    python benchmarks/recorder_cost.py [--fits 20] [--steps 4000] [--epochs 2000]
"""

import argparse
import io
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import torch
from contestants import lighter_system, perceptron
from many_runs import INPUTS, run
from pytorch_lightning import LightningModule, Trainer
from torch import nn
from turns import Machine, compare, epochs, train_steps

from lighter_cli import Runner
from lighter_cli.lightning_package import derived
from lighter_cli.running import trainer_call
from lighter_cli.runs.recorder import RunRecorder
from lighter_cli.runs.request import Request
from lighter_config import Secrets, Stage, load

STEP_MS = 40.0
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org")


class Unrecorded(RunRecorder):
    """Writes and measures nothing."""

    def __init__(self, request: Request) -> None: ...

    def folder(self, trainer: Trainer) -> Path:
        return Path("unrecorded")

    @contextmanager
    def recording(self, trainer: Trainer) -> Iterator[None]:
        yield


def fit_s(recorder: type[RunRecorder]) -> tuple[float, float]:
    """Fit; return the seconds that passed, and those of processors, with those of git."""
    trainer_call.RunRecorder = recorder
    start, before = time.perf_counter(), os.times()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        Runner().run("fit", list(INPUTS))
    return time.perf_counter() - start, sum(os.times()[:4]) - sum(before[:4])


def extra_of_a_fit(num_fits: int) -> tuple[list[float], list[float]]:
    """Fit in pairs, with and without a record; return the extra seconds that passed, and those of processors."""
    passed, processor = [], []
    for number in range(num_fits + 2):
        # who goes first changes
        order = (RunRecorder, Unrecorded) if number % 2 else (Unrecorded, RunRecorder)
        taken = {recorder: fit_s(recorder) for recorder in order}
        if number > 1:  # the first ones import and warm up
            extra = [one - other for one, other in zip(taken[RunRecorder], taken[Unrecorded], strict=True)]
            passed.append(extra[0])
            processor.append(extra[1])
    return passed, processor


def recorded_system(network: nn.Module) -> LightningModule:
    """Make the system with the recorder of its trainer."""
    config = load([{"trainer": {"max_epochs": 1}}])
    module = lighter_system(network)

    def configure_callbacks() -> list[RunRecorder]:
        request = Request(
            stage=Stage.FIT, config=config, secrets=Secrets(config), files=(), overrides=(), options={}, seed=0,
            project=None,
        )  # fmt: skip
        return [derived(RunRecorder, module.trainer, "Callback")(request)]

    module.configure_callbacks = configure_callbacks  # type: ignore[method-assign]
    return module


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=20, help="pairs of fits")
    parser.add_argument("--steps", type=int, default=4000, help="steps of each contestant")
    parser.add_argument("--epochs", type=int, default=2000, help="epochs of each contestant")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    is_met = True

    def row(work: str, measured: str, mark: str, met: bool | None) -> None:
        nonlocal is_met
        is_met &= met is not False
        verdict = {True: "met", False: "MISSED", None: "none"}[met]
        print(f"| {work:<56} | {measured:<46} | {mark:<10} | {verdict} |", flush=True)

    with tempfile.TemporaryDirectory() as name:
        run(Path(name), "init", "project", "--template", "system")
        os.chdir(Path(name, "project"))
        sys.path.insert(0, "")
        for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "first")):
            subprocess.run([*GIT, *words], check=True)
        with Path("models.py").open("a") as file:
            file.write("# not committed\n")
        passed, processor = extra_of_a_fit(options.fits)
        for kind, extra in (("processor time", processor), ("clock", passed)):
            low, middle = statistics.quantiles(extra, n=4)[:2]
            measured = f"{low * 1e3:+.0f} ms (median {middle * 1e3:+.0f} ms, {len(extra)} pairs)"
            row(f"a small fit with its record, extra, {kind}, p25", measured, "<= 50 ms", low <= 0.05)
        machine = Machine()
        batch = machine.batch(64)

        def against(start: Callable, num: int) -> dict:
            return compare(recorded_system, lighter_system, perceptron, batch, num, machine, start=start)

        ours, theirs = against(train_steps, options.steps)["step_ms"]
        extra_ms = ours - theirs
        share = 1 + extra_ms / STEP_MS
        row(f"a step of {STEP_MS:.0f} ms", f"{share:.4f} x ({extra_ms * 1e3:+.1f} us)", "<= 1.01 x", share <= 1.01)
        epoch = against(epochs, options.epochs)
        ours, theirs = epoch["step_ms"]
        row("an epoch of one batch", f"{epoch['p25']:.3f} x ({(ours - theirs) * 1e3:+.0f} us)", "", None)
        os.chdir("/")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
