"""Make a folder with many runs: one real fit, and copies of its record, as a week of sweeps leaves them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

OVERRIDES = ("trainer::max_epochs=1", "trainer::enable_progress_bar=false", "trainer::enable_model_summary=false")
INPUTS = ("config.yaml", *OVERRIDES)

# an installed program keeps its bytecode
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}


@dataclass(frozen=True, slots=True)
class Process:
    """One process: seconds of processor time, largest memory in MiB, and what it printed."""

    seconds: float
    peak_mib: float
    output: str


def run(folder: Path, *words: str) -> Process:
    """Run ``lighter *words`` in a folder to its end."""
    return run_python(folder, sys.executable, "-m", "lighter_cli", *words)


def run_python(folder: Path, *command: str) -> Process:
    """Run a command in a folder to its end."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=ENVIRONMENT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{text}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return Process(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale, text)


def make_folder(folder: Path, num_records: int) -> None:
    """Fit a template once in a folder, and copy the record; the newest run is that of the fit.

    The copies differ in id, times, learning rate, seed, metrics, tags and config file, and their lines are in the list
    of runs.
    """
    run(folder.parent, "init", folder.name, "--template", "system")
    (folder / "other.yaml").write_text("_base_: config.yaml\n")
    run(folder, "fit", *INPUTS, "--tag", "baseline")
    (real,) = (folder / "outputs" / "lighter_runs").iterdir()
    index = folder / ".lighter" / "runs.jsonl"
    newest_line = index.read_text()
    lines = [
        json.dumps({"folder": str(copy.relative_to(folder)), "stage": "fit"}) for copy in copies(real, num_records - 1)
    ]
    index.write_text("".join(f"{line}\n" for line in lines) + newest_line)


def copies(real: Path, number: int) -> Iterator[Path]:
    """Write runs of another config file before a real run, one a minute, oldest first; yield their folders."""
    content = json.loads((real / "record.json").read_text())
    texts = {name: (real / name).read_text() for name in ("config.yaml", "provenance.json", "code.json")}
    first = datetime.now(UTC) - timedelta(minutes=number + 1)
    for index in range(number):
        start = first + timedelta(minutes=index)
        name = f"{start:%Y%m%d-%H%M%S}-{index:06x}"
        lr, seed = f"{1e-4 * (1 + index % 100):.4g}", str(index // 100)
        overrides = [f"system::optimizer::lr={lr}", f"seed={seed}", *OVERRIDES]
        copy = real.with_name(name)
        record = {
            **content,
            "id": name,
            "folder": str(copy),
            "start": start.isoformat(),
            "end": (start + timedelta(seconds=30)).isoformat(),
            "words": ["other.yaml", *overrides],
            "files": [*content["files"], content["files"][0].replace("config.yaml", "other.yaml")],
            "overrides": overrides,
            "seed": index // 100,
            "tags": ["sweep", f"part{index % 7}"],
            "metrics": varied(content["metrics"], index),
            "at_best": {**content["at_best"], "metrics": varied(content["at_best"]["metrics"], index)},
            "values": {**content["values"], "system::optimizer::lr": float(lr), "seed": index // 100},
        }
        copy.mkdir()
        for file, text in {**texts, "record.json": json.dumps(record, indent=2)}.items():
            (copy / file).write_text(text)
        yield copy


def varied(metrics: dict[str, float], index: int) -> dict[str, float]:
    """Return metrics with values that differ between runs."""
    return {name: value + index * 1e-5 for name, value in metrics.items()}
