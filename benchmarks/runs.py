"""What 10,000 earlier runs in one folder cost the commands that look for runs, and Python that reads them into a table.

A fit of a template leaves a record. Its copies differ in id, times, learning rate, seed, metrics, tags and config file.
Figures are processor time of whole processes, medians in turns beside a folder that holds one record. The table is that
of ``read_runs().to_pandas()``, against ``mlflow.search_runs()`` on the same runs in MLflow's own default store, where a
Python that has MLflow is named. What writing the record costs is measured by ``recorder_cost.py``. A row that misses
its mark says so, and the exit code is then 1::

    uv venv .venv-mlflow
    uv pip install --python .venv-mlflow mlflow
    python benchmarks/runs.py --mlflow .venv-mlflow/bin/python     # needs pandas beside Lighter
"""

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
from pathlib import Path

from many_runs import INPUTS, Process, make_folder, run, run_python

LIST_BEFORE_S = 3.4
"""Processor time of `lighter runs list` beside 10,000 records when it still read each of them."""

READ = """
import json, time
import pandas
from lighter_cli import read_runs
start = time.process_time()
table = read_runs().to_pandas()
print(json.dumps({"seconds": time.process_time() - start, "shape": table.shape}))
"""
PEER = Path(__file__).with_name("runs_in_mlflow.py")


def compare(one: Path, many: Path, words: tuple[str, ...], repeats: int) -> tuple[list[Process], list[Process]]:
    """Run a command in turns beside one record and beside many."""
    pairs = [(run(one, *words), run(many, *words)) for _ in range(repeats)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def seconds(processes: list[Process]) -> float:
    return statistics.median(process.seconds for process in processes)


def write_for_mlflow(runs: Path, folder: Path) -> Path:
    """Write the params, metrics and tags of the records of runs to a file in a new folder, newest first."""
    folder.mkdir()
    records = [json.loads((run / "record.json").read_text()) for run in sorted(runs.iterdir(), reverse=True)]
    file = folder / "runs.json"
    file.write_text(
        json.dumps(
            [
                {
                    "params": {name.replace("::", "/"): str(value) for name, value in record["values"].items()},
                    "metrics": record["at_best"]["metrics"],
                    "tags": {"tags": ",".join(record["tags"])},
                }
                for record in records
            ]
        )
    )
    return file


def read_tables(many: Path, mlflow: str | None, repeats: int) -> tuple[float, float | None]:
    """Read all runs into a table in turns with MLflow; return the medians of processor time, of the call alone."""
    store = many.with_name("mlflow")
    if mlflow is not None:
        run_python(store, mlflow, str(PEER), "make", str(write_for_mlflow(many / "outputs/lighter_runs", store)))
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(json.loads(run_python(many, sys.executable, "-c", READ).output.splitlines()[-1]))
        if mlflow is not None:
            theirs.append(json.loads(run_python(store, mlflow, str(PEER), "read").output.splitlines()[-1]))
    if theirs and ours[0]["shape"][0] != theirs[0]["shape"][0]:
        raise SystemExit(f"the tables differ: {ours[0]['shape']} and {theirs[0]['shape']}")
    return tuple(statistics.median(found["seconds"] for found in side) if side else None for side in (ours, theirs))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--mlflow", metavar="PYTHON", help="the Python of an environment that has MLflow")
    options = parser.parse_args()
    is_met = True

    def row(work: str, measured: str, mark: str, met: bool | None) -> None:
        nonlocal is_met
        is_met &= met is not False
        verdict = {True: "met", False: "MISSED", None: "none"}[met]
        print(f"| {work:<56} | {measured:<34} | {mark:<22} | {verdict} |", flush=True)

    with tempfile.TemporaryDirectory() as name:
        one, many = Path(name) / "one", Path(name) / "many"
        make_folder(one, 1)
        make_folder(many, options.records)
        row("work, processor time", "measured", "mark", None)
        cold = run(many, "runs", "list")
        row(
            "runs list, first time after an earlier version", f"{cold.seconds:.2f} s, {cold.peak_mib:.0f} MiB", "", None
        )
        least, listed = compare(one, many, ("runs", "list"), options.repeats)
        if len(listed[0].output.splitlines()) != options.records + 1:  # with the headings
            raise SystemExit("runs list did not list every run")
        took, peak = seconds(listed), max(process.peak_mib for process in listed)
        mark = 0.15 * LIST_BEFORE_S
        row("runs list, one record", f"{seconds(least):.2f} s, {least[0].peak_mib:.0f} MiB", "", None)
        row("runs list", f"{took:.2f} s, {peak:.0f} MiB", f"<= {mark:.2f} s, < 60 MiB", took <= mark and peak < 60)
        for work, words in {
            "runs list --where, which reads each record": ("list", "--where", "system::optimizer::lr=0.003"),
            "runs best, which reads each record": ("best",),
        }.items():
            found = [run(many, "runs", *words) for _ in range(options.repeats)]
            row(work, f"{seconds(found):.2f} s, {max(process.peak_mib for process in found):.0f} MiB", "", None)
        words = ("--complete", "zsh", "3", "runs", "show", "")
        least, completed = compare(one, many, words, options.repeats)
        took = seconds(completed)
        row("completion of a run's id", f"{took:.2f} s (one: {seconds(least):.2f} s)", "< 0.30 s", took < 0.3)
        if importlib.util.find_spec("pandas") is not None:
            took, peer = read_tables(many, options.mlflow, options.repeats)
            met = None if peer is None else took <= 0.5 * peer
            measured = f"{took:.2f} s" if peer is None else f"{took / peer:.2f} x ({took:.2f} s, {peer:.2f} s)"
            row("read_runs().to_pandas() / mlflow.search_runs()", measured, "<= 0.50 x", met)
        least, fits = compare(one, many, ("fit", *INPUTS, "--ckpt-path", "last"), 2 * options.repeats)
        extra = lower_quarter(fits) - lower_quarter(least)
        row("fit --ckpt-path last, extra to one record, p25", f"{extra:.2f} s", "< 0.10 s", extra < 0.1)
    return 0 if is_met else 1


def lower_quarter(processes: list[Process]) -> float:
    """Return the 25th percentile of processor time: a fit takes seconds, of which its imports vary by a tenth."""
    times = sorted(process.seconds for process in processes)
    return times[len(times) // 4]


if __name__ == "__main__":
    sys.exit(main())
