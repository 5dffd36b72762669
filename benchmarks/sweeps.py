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


def processor_seconds(words: tuple[str, ...], folder: Path) -> float:
    """Run ``python -m lighter_cli *words`` to its end and return its processor time."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "lighter_cli", *words], stdout=output, stderr=subprocess.STDOUT, cwd=folder
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise SystemExit(f"lighter {' '.join(words)} failed:\n{text}")
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


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("lighter-cli", "torch"))
    print(f"{versions}; Python {platform.python_version()}, {os.cpu_count()} cores", end="\n\n")
    return 0 if check_of_a_space(repeats) else 1


if __name__ == "__main__":
    sys.exit(main())
