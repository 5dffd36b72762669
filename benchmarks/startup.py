"""How soon `lighter` answers: whole processes, run in turn, against Python itself and the imports that it avoids.

Marks: `lighter --help` under 0.5 s; a config error under 0.6 s; no torch in either.
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

CONFIG = """
trainer: {_target_: pytorch_lightning.Trainer, max_epoch: 3}
system: {_target_: lighter.System, model: {_target_: torch.nn.Linear, in_features: 4, out_features: 2}, dataloaders: {}}
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=7)
    repeats = arguments.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(CONFIG)
        lighter = [sys.executable, "-m", "lighter_cli"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "import lighter_config": [sys.executable, "-c", "import lighter_config"],
            "lighter --help": [*lighter, "--help"],
            "lighter fit --help": [*lighter, "fit", "--help"],
            "lighter fit (a mistake in the config)": [*lighter, "fit", str(config)],
            "import torch": [sys.executable, "-c", "import torch"],
            "import pytorch_lightning": [sys.executable, "-c", "import pytorch_lightning"],
        }
        times_s: dict[str, list[float]] = {name: [] for name in commands}
        for repeat in range(repeats + 1):
            for name, command in commands.items():
                start = time.perf_counter()
                subprocess.run(command, cwd=folder, capture_output=True, check=False)
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
