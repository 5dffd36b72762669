"""What `lighter preflight` costs against a fit with ``fast_dev_run``: ratios of processor time, measured in pairs.

The rehearsal runs four stages, saves and loads a checkpoint, and writes predictions; the fit runs one batch of training
and one of validation. A row that misses its mark says so, and the exit code is then 1.

    python benchmarks/preflight.py             # three pairs for each example
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
NEEDS = {"digits": "sklearn", "segmentation": "monai"}
MOST = 3.0


def processor_seconds(words: list[str], folder: Path) -> tuple[float, str]:
    """Run ``lighter`` to its end; return its processor time, with that of its workers, and what it printed."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        command = [sys.executable, "-m", "lighter_cli", *words]
        process = subprocess.Popen(command, stdout=output, stderr=errors, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{errors.read().decode()}")
        return usage.ru_utime + usage.ru_stime, output.read().decode()


def measure(example: str, repeats: int) -> bool:
    """Compare the two for an example; return whether the mark is met."""
    config = str(EXAMPLES / example / "config.yaml")
    ratios = []
    for number in range(repeats + 1):  # the first pair warms up
        with tempfile.TemporaryDirectory() as folder:
            rehearsal, printed = processor_seconds(["preflight", config, "--json"], Path(folder))
            fit, _ = processor_seconds(["fit", config, "trainer::fast_dev_run=true"], Path(folder))
        states = [stage["state"] for stage in json.loads(printed)["stages"]]
        assert states == ["passed"] * 4, states
        ratios += [rehearsal / fit] if number else []
    ratio = statistics.median(ratios)
    verdict = "met" if ratio <= MOST else "MISSED"
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(
        f"| {example:<12} | {ratio:.2f} ({spread}) of a fast_dev_run fit | at most {MOST:g} | {verdict} |", flush=True
    )
    return ratio <= MOST


def main() -> None:
    """Measure each example whose packages are installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    packages = ("lighter-cli", "torch", "pytorch-lightning")
    print(f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in packages)}")
    usable = [example for example, package in NEEDS.items() if find_spec(package) is not None]
    for example in NEEDS.keys() - set(usable):
        print(f"| {example:<12} | not measured: {NEEDS[example]} is not installed |")
    are_met = [measure(example, repeats) for example in usable]  # all of them, also after a miss
    sys.exit(not all(are_met))


if __name__ == "__main__":
    main()
