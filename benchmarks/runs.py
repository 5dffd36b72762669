"""What 10,000 earlier runs in one folder cost the commands that look for runs.

One real fit leaves a record. Its copies differ in id, times and override, and the code that reads and writes records
enters them in the index of the folder. Figures are processor time of whole processes, medians in turns beside a folder
that holds one record. A row that misses its mark says so, and the exit code is then 1.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

CONFIG = """
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 1
  accelerator: cpu
  logger: false
  enable_progress_bar: false
  enable_model_summary: false
model: {_target_: pytorch_lightning.demos.boring_classes.BoringModel}
data: {_target_: pytorch_lightning.demos.boring_classes.BoringDataModule}
"""
OTHER_CONFIG = "_base_: config.yaml\n"

# an installed program keeps its bytecode
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}

LIST_BEFORE_S = 3.4
"""Processor time of `lighter runs list` beside 10,000 records when it still read each of them."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process: seconds of processor time, largest memory in MiB, and what it printed."""

    seconds: float
    peak_mib: float
    output: str


def run(folder: Path, *words: str) -> Process:
    """Run ``lighter *words`` in a folder to its end."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "lighter_cli", *words],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=ENVIRONMENT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise SystemExit(f"lighter {' '.join(words)} failed:\n{text}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return Process(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale, text)


def make_folder(folder: Path, num_records: int) -> None:
    """Fit once in a folder, and copy the record; the newest run is that of a fit with a checkpoint."""
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "other.yaml").write_text(OTHER_CONFIG)
    run(folder, "fit", "config.yaml")
    (real,) = (folder / "lighter_runs").iterdir()
    index = folder / ".lighter" / "runs.jsonl"
    newest_line = index.read_text()
    lines = [json.dumps({"folder": str(copy), "stage": "fit"}) for copy in copies(real, num_records - 1)]
    index.write_text("".join(f"{line}\n" for line in lines) + newest_line)


def copies(real: Path, number: int) -> Iterator[Path]:
    """Write runs of another config file before a real run, one a minute, oldest first; yield their folders."""
    content = json.loads((real / "record.json").read_text())
    texts = {name: (real / name).read_text() for name in ("config.yaml", "provenance.json")}
    first = datetime.now(UTC) - timedelta(minutes=number + 1)
    for index in range(number):
        start = first + timedelta(minutes=index)
        name = f"{start:%Y%m%d-%H%M%S}-{index:06x}"
        words = ["other.yaml", f"trainer::max_epochs={index + 1}"]
        files = [str(real.parents[1] / "other.yaml")]
        times = {"start": start.isoformat(), "end": (start + timedelta(seconds=30)).isoformat()}
        copy = real.with_name(name)
        record = {**content, **times, "id": name, "folder": str(copy), "words": words, "files": files}
        record["overrides"] = words[1:]
        copy.mkdir()
        for file, text in {**texts, "record.json": json.dumps(record, indent=2)}.items():
            (copy / file).write_text(text)
        yield copy


def compare(one: Path, many: Path, words: tuple[str, ...], repeats: int) -> tuple[list[Process], list[Process]]:
    """Run a command in turns beside one record and beside many."""
    pairs = [(run(one, *words), run(many, *words)) for _ in range(repeats)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def seconds(processes: list[Process]) -> float:
    return statistics.median(process.seconds for process in processes)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
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
        least, fits = compare(one, many, ("fit", "config.yaml", "--ckpt-path", "last"), options.repeats)
        extra = seconds(fits) - seconds(least)
        row("fit --ckpt-path last, extra to one record", f"{extra:.2f} s", "< 0.10 s", extra < 0.1)
        words = ("--complete", "zsh", "3", "runs", "show", "")
        least, completed = compare(one, many, words, options.repeats)
        took = seconds(completed)
        row("completion of a run's id", f"{took:.2f} s (one: {seconds(least):.2f} s)", "< 0.30 s", took < 0.3)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
