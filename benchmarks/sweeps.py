"""What sweeps cost: ratios of processor time, measured in pairs, so that other work on the machine hits both alike.

A row that misses its mark says so, and the exit code is then 1.
"""

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

DIGITS = Path(__file__).parents[1] / "examples/digits/config.yaml"

STRUCTURES = """
sweep:
  over:
    system::optimizer:
{choices}
"""
"""A space whose choices each change the structure of the config."""

TRIALS = 20

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


def processor_seconds(words: tuple[str, ...], folder: Path) -> float:
    """Run ``python -m lighter_cli *words`` to its end and return its processor time, with that of what it started."""
    return processor_seconds_of([sys.executable, "-m", "lighter_cli", *words], folder)


def processor_seconds_of(command: list[str], folder: Path) -> float:
    """Run a command to its end and return its processor time, with that of what it started."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{text}")
    return usage.ru_utime + usage.ru_stime


def paired_ratio(words: tuple[str, ...], against: tuple[str, ...], folder: Path, repeats: int) -> tuple[float, str]:
    """Return the median ratio of two commands run in turns, and the ratios' range; the first pair warms up."""
    pairs = [(processor_seconds(words, folder), processor_seconds(against, folder)) for _ in range(repeats + 1)][1:]
    ratios = [one / other for one, other in pairs]
    return statistics.median(ratios), f"{min(ratios):.2f} to {max(ratios):.2f}"


def check_of_a_space(repeats: int) -> bool:
    """Compare the check of spaces with 50 choices with one ``lighter check``; return whether the mark is met."""
    one_check = ("check", str(DIGITS), "--stage", "fit")
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
            ratio, spread = paired_ratio(("sweep", str(DIGITS), *words, "--dry-run"), one_check, folder, repeats)
            is_met &= ratio <= 5
            verdict = "met" if ratio <= 5 else "MISSED"
            print(f"| check of {work:<36} | {ratio:.2f} x ({spread}) one lighter check | at most 5 x | {verdict} |")
    return is_met


def trials_against_fits(repeats: int) -> bool:
    """Compare a trial of a sweep with a ``lighter fit``, one epoch each; return whether the mark is met."""
    fit = ("fit", str(DIGITS), "trainer::max_epochs=1")
    search = ("system::optimizer::lr:=1e-3..1e-2:log", "--max", "val/metrics/Accuracy/epoch", "--trials", f"{TRIALS}")
    ratios = []
    for number in range(repeats + 1):  # the first pair warms up
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            one = processor_seconds(fit, folder)
            sweep = processor_seconds(("sweep", *fit[1:], *search), folder) / TRIALS  # with the start of the server
        ratios += [one / sweep] if number else []
    ratio = statistics.median(ratios)
    verdict = "met" if ratio >= 10 else "MISSED"
    spread = f"{min(ratios):.1f} to {max(ratios):.1f}"
    print(f"| trials for the time of one lighter fit     | {ratio:.1f} x ({spread}) | at least 10 x | {verdict} |")
    return ratio >= 10


def ten_thousand_trials() -> bool:
    """Look at a sweep of 10,000 trials of 20 reported epochs; return whether the marks are met."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-c", MANY_TRIALS, str(DIGITS)], cwd=folder, check=True)
        show = processor_seconds(("sweeps", "show", "many"), folder)
        loading = (
            "import optuna, pathlib; from lighter_cli.sweeps.journal import open_journal;"
            "storage = open_journal(pathlib.Path('lighter_sweeps/many'));"
            "optuna.load_study(study_name='many', storage=storage).trials"
        )
        load = processor_seconds_of([sys.executable, "-c", loading], folder)
        memory = float(subprocess.check_output([sys.executable, "-c", WORKER, str(DIGITS)], cwd=folder).split()[-1])
    is_met = True
    for work, value, unit, most in (
        ("sweeps show, 10,000 trials", show / load, "x Optuna's .trials", 0.1),
        ("memory of a worker, 10,000 trials", memory, "MiB", 200),
    ):
        is_met &= value <= most
        print(f"| {work:<42} | {value:.3g} {unit} | at most {most} | {'met' if value <= most else 'MISSED'} |")
    return is_met


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("lighter-cli", "torch"))
    print(f"{versions}; Python {platform.python_version()}, {os.cpu_count()} cores", end="\n\n")
    are_met = [check_of_a_space(repeats), trials_against_fits(repeats), ten_thousand_trials()]
    return 0 if all(are_met) else 1


if __name__ == "__main__":
    sys.exit(main())
