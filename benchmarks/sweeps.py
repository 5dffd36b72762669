"""What sweeps cost: ratios of processor time, measured in pairs, so that other work on the machine hits both alike.

Every process keeps its bytecode, as installed programs do. What a trial costs is measured by
``sweeps_against_peers.py``. A row that misses its mark says so, and the exit code is then 1.
"""

import argparse
import importlib.metadata
import os
import platform
import pty
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from many_runs import ENVIRONMENT, run_python

DIGITS = Path(__file__).parents[1] / "examples/digits/config.yaml"

Measure = Callable[[], float]

STRUCTURES = """
sweep:
  over:
    system::optimizer:
{choices}
"""
"""A space whose choices each change the structure of the config."""

PLAN = """
import sys
from pathlib import Path
from lighter_cli.sweeps.plan import plan_of
from lighter_config.space import SpaceOptions
options = SpaceOptions(maximize=("val/metrics/Accuracy/epoch",), trials=10_000, pruner="median")
plan = plan_of([sys.argv[1], "system::optimizer::lr:=1e-3..1e-2:log"], options, "many")
"""
MANY_TRIALS = (
    PLAN
    + """
import json
from lighter_cli.sweeps.journal import JOURNAL_FILE, Journal
from lighter_cli.sweeps.outcomes import Result
from lighter_cli.sweeps.study import Study
from lighter_cli.sweeps.sweep import open_sweep
sweep = open_sweep(plan)
Study(sweep.folder, plan.space, 0)
journal = Journal(sweep.folder / JOURNAL_FILE)
float_distribution = json.dumps(
    {"name": "FloatDistribution", "attributes": {"step": None, "low": 1e-3, "high": 1e-2, "log": True}}
)
start = "2026-01-01T00:00:00+00:00"
for number in range(10_000):
    value, lr = 0.5 + number / 30_000, 1e-3 + 9e-3 * number / 10_000
    by = {"worker_id": "0", "trial_id": number}
    logs = [{"op_code": 4, "worker_id": "0", "study_id": 0, "datetime_start": start}]
    name = "system::optimizer::lr"
    set_param = {"param_name": name, "param_value_internal": lr, "distribution": float_distribution}
    logs.append({"op_code": 5, **by, **set_param})
    logs += [{"op_code": 7, **by, "step": step, "intermediate_value": value} for step in range(20)]
    logs.append({"op_code": 6, **by, "state": 1, "values": [value], "datetime_complete": start})
    with open(sweep.folder / JOURNAL_FILE, "a") as stream:
        stream.write("".join(json.dumps(log) + "\\n" for log in logs))
    folder = sweep.trials.folder_of(number)
    folder.mkdir()
    values = {name: lr}
    (folder / "trial.json").write_text(json.dumps({"number": number, "values": values, "repeats": []}))
    result = Result(state="finished", values=(value,), epochs=20, took_s=1.0, end=start, attempts=1)
    (folder / "result.json").write_text(json.dumps(result.recorded()))
sweep.trials.refresh()
sweep.write_results()
"""
)
"""Writes what a sweep of 10,000 trials leaves; nothing is trained."""

WORKER = (
    PLAN
    + """
import psutil
from lighter_cli.sweeps.queue import Queue
from lighter_cli.sweeps.sweep import open_sweep
queue = Queue(open_sweep(plan))
queue.settle()
assert queue.take() is None
print(psutil.Process().memory_info().rss / 2**20)
"""
)
"""Does what a worker does before its first trial, and prints its memory in MiB."""


LOAD = """
import pathlib
import optuna
from lighter_cli.sweeps.journal import open_journal
storage = open_journal(pathlib.Path("lighter_sweeps/many"))
optuna.load_study(study_name="many", storage=storage).trials
"""
"""Does what Optuna does to list the trials."""


def lighter(*words: str) -> tuple[str, ...]:
    """Return a command."""
    return (sys.executable, "-m", "lighter_cli", *words)


def seconds_in_terminal(folder: Path, *command: str) -> float:
    """Run a command in a terminal of its own to its end; return its processor time."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(command[0], command, {**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "120"})
    with suppress(OSError):  # the end of the terminal is an error
        while os.read(terminal, 2**16):
            pass
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime


def paired_ratio(one: Measure, other: Measure, repeats: int) -> tuple[float, str]:
    """Return the median ratio of two measures taken in turns, and the ratios' range; the first pair warms up."""
    ratios = [one() / other() for _ in range(repeats + 1)][1:]
    return statistics.median(ratios), f"{min(ratios):.3g} to {max(ratios):.3g}"


def check_of_a_space(repeats: int) -> bool:
    """Compare the check of spaces with 50 choices with one ``lighter check``; return whether the mark is met."""
    one_check = lighter("check", str(DIGITS), "--stage", "fit")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # 25 optimizers that are read anew, and 25 that differ in a value
        kinds = ("Adam", "AdamW", "NAdam", "RAdam", "SGD")
        targets = [f"{{_target_: torch.optim.{kind}, lr: 0.{rate}}}" for kind in kinds for rate in range(1, 6)]
        values = [f"{{weight_decay: 0.{number:02}}}" for number in range(25)]
        choices = "\n".join(f"      - {choice}" for choice in (*targets, *values))
        (folder / "structures.yaml").write_text(STRUCTURES.format(choices=choices))
        numbers = ",".join(map(str, range(1, 51)))
        is_met = True
        for work, words in (
            ("50 values of one argument", (f"vars::batch_size:={numbers}",)),
            ("50 mappings, 25 with another class", ("structures.yaml",)),
        ):
            command = lighter("sweep", str(DIGITS), *words, "--dry-run")
            ratio, spread = paired_ratio(
                lambda command=command: run_python(folder, *command).seconds,
                lambda: run_python(folder, *one_check).seconds,
                repeats,
            )
            is_met &= ratio <= 5
            verdict = "met" if ratio <= 5 else "MISSED"
            print(f"| check of {work:<36} | {ratio:.2f} x ({spread}) one lighter check | at most 5 x | {verdict} |")
    return is_met


def ten_thousand_trials(repeats: int) -> bool:
    """Look at a sweep of 10,000 trials of 20 reported epochs; return whether the marks are met."""
    is_met = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_python(folder, sys.executable, "-c", MANY_TRIALS, str(DIGITS))
        show = lighter("sweeps", "show", "many")
        for work, measure in {
            "sweeps show, 10,000 trials, the best 20": lambda: seconds_in_terminal(folder, *show),
            "sweeps show, 10,000 trials, all": lambda: run_python(folder, *show).seconds,
        }.items():
            ratio, spread = paired_ratio(
                measure, lambda: run_python(folder, sys.executable, "-c", LOAD).seconds, repeats
            )
            is_met &= ratio <= 0.1
            verdict = "met" if ratio <= 0.1 else "MISSED"
            print(f"| {work:<42} | {ratio:.3f} x ({spread}) Optuna's .trials | at most 0.1 x | {verdict} |")
        memory = float(run_python(folder, sys.executable, "-c", WORKER, str(DIGITS)).output.split()[-1])
    is_met &= memory <= 200
    verdict = "met" if memory <= 200 else "MISSED"
    print(f"| {'memory of a worker, 10,000 trials':<42} | {memory:.0f} MiB | at most 200 MiB | {verdict} |")
    return is_met


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("lighter-cli", "torch"))
    print(f"{versions}; Python {platform.python_version()}, {os.cpu_count()} cores", end="\n\n")
    are_met = [check_of_a_space(repeats), ten_thousand_trials(repeats)]
    return 0 if all(are_met) else 1


if __name__ == "__main__":
    sys.exit(main())
