"""How soon `lighter` answers: whole processes, run in turn, against Python itself and the imports that it avoids.

Marks: `lighter --help`, `--version` and completion under 0.5 s; `show`, `explain`, `diff` and a config error on the
digits example under 0.6 s; no torch in any.
"""

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DIGITS = str(Path(__file__).parents[1] / "examples" / "digits" / "config.yaml")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=7)
    repeats = arguments.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        lighter = [sys.executable, "-m", "lighter_cli"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "import lighter_config": [sys.executable, "-c", "import lighter_config"],
            "lighter --help": [*lighter, "--help"],
            "lighter fit --help": [*lighter, "fit", "--help"],
            "lighter --version": [*lighter, "--version"],
            "completion of a path": [*lighter, "--complete", "zsh", "2", "fit", DIGITS, "trainer::max_e"],
            "lighter show": [*lighter, "show", DIGITS],
            "lighter explain": [*lighter, "explain", "trainer::max_epochs", DIGITS, "trainer::max_epochs=3"],
            "lighter diff": [*lighter, "diff", DIGITS, "trainer::max_epochs=3", "--against", DIGITS],
            "lighter fit (a mistake in the config)": [*lighter, "fit", DIGITS, "trainer::max_epoch=3"],
            "import torch": [sys.executable, "-c", "import torch"],
            "import pytorch_lightning": [sys.executable, "-c", "import pytorch_lightning"],
        }
        # Python keeps what it compiles, whatever the environment says: without, imports take three times as long
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "compiled")
        times_s: dict[str, list[float]] = {name: [] for name in commands}
        for repeat in range(repeats + 1):
            for name, command in commands.items():
                start = time.perf_counter()
                subprocess.run(command, cwd=folder, capture_output=True, check=False, env=environment)
                if repeat:  # the first round only warms the caches of the disk
                    times_s[name].append(time.perf_counter() - start)
    torch_s = statistics.median(times_s["import torch"])
    versions = " ".join(f"{name} {importlib.metadata.version(name)}" for name in ("lighter-cli", "torch", "cyclopts"))
    print(f"{versions}; Python {platform.python_version()}, {os.cpu_count()} cores, {repeats} repeats")
    print(f"{'':40} {'median s':>9} {'min':>6} {'max':>6} {'of import torch':>16}")
    for name, times in times_s.items():
        median = statistics.median(times)
        print(f"{name:40} {median:9.3f} {min(times):6.3f} {max(times):6.3f} {median / torch_s:16.2f}")


if __name__ == "__main__":
    main()
