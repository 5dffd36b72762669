"""Show that neither memory nor the time of a step grows in a long run.

Run: python benchmarks/soak.py [--steps 100000]

Runs a fit as the command line does: a small network, loss and two metrics logged for step and epoch, validation every
1,000 steps, a checkpoint with each, a record. Prints after every tenth the resident memory of the process and the
median time of a step. Fails when, after the second tenth, memory grew by more than `MOST_GROWTH_MIB` or the median of a
step by more than `MOST_SLOWDOWN`.
"""

import argparse
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from lighter_cli import Runner

MOST_GROWTH_MIB = 16.0
MOST_SLOWDOWN = 1.3  # of medians over a tenth; machines that others use too are no steadier

_PAGE_SIZE = resource.getpagesize()


def resident_mib() -> float:
    """Memory of this process that is in RAM now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_SIZE / 2**20


class Watch(pl.Callback):
    """Reads memory and the times between training batches after every tenth of the steps."""

    def __init__(self, num_steps: int) -> None:
        self.every = num_steps // 10
        self.memory_mib: list[float] = []
        self.step_ms: list[float] = []
        self._durations_ms: list[float] = []
        self._start = 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        self._start = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        self._durations_ms.append((time.perf_counter() - self._start) * 1000)
        if len(self._durations_ms) == self.every:
            self.memory_mib.append(resident_mib())
            self.step_ms.append(statistics.median(self._durations_ms))
            self._durations_ms = []
            print(f"{trainer.global_step:>9,} steps  {self.memory_mib[-1]:8.1f} MiB  {self.step_ms[-1]:6.3f} ms a step")
            sys.stdout.flush()


def loader(num_batches: int, *, shuffle: bool) -> DataLoader:
    """Make batches of 8 samples of 16 numbers and one of 4 classes."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(num_batches * 8, 16, generator=generator)
    targets = torch.randint(4, (num_batches * 8,), generator=generator)
    return DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=shuffle)


def config(num_steps: int) -> dict[str, Any]:
    """Describe the run."""
    metrics = [
        {"_target_": f"torchmetrics.classification.Multiclass{name}", "num_classes": 4, "validate_args": False}
        for name in ("Accuracy", "F1Score")
    ]
    return {
        "seed": 0,
        "trainer": {
            "_target_": "pytorch_lightning.Trainer",
            "max_steps": num_steps,
            "max_epochs": -1,
            "val_check_interval": 1000,
            "accelerator": "cpu",
            "devices": 1,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "logger": {"_target_": "pytorch_lightning.loggers.CSVLogger", "save_dir": "."},
            "callbacks": [
                {
                    "_target_": "pytorch_lightning.callbacks.ModelCheckpoint",
                    "dirpath": "checkpoints",
                    "monitor": "val/loss/epoch",
                    "save_top_k": 2,
                },
                {
                    "_target_": "pytorch_lightning.callbacks.ModelCheckpoint",
                    "dirpath": "checkpoints",
                    "filename": "last",
                },
                {"_target_": "soak.Watch", "num_steps": num_steps},
            ],
        },
        "system": {
            "_target_": "lighter.System",
            "model": {
                "_target_": "torch.nn.Sequential",
                "_args_": [
                    {"_target_": "torch.nn.Linear", "in_features": 16, "out_features": 32},
                    {"_target_": "torch.nn.ReLU"},
                    {"_target_": "torch.nn.Linear", "in_features": 32, "out_features": 4},
                ],
            },
            "criterion": {"_target_": "torch.nn.CrossEntropyLoss"},
            "optimizer": {"_target_": "torch.optim.Adam", "params": "$@system::model.parameters()", "lr": 1e-3},
            "metrics": {"train": metrics, "val": metrics},
            "dataloaders": {
                "train": {"_target_": "soak.loader", "num_batches": 5000, "shuffle": True},
                "val": {"_target_": "soak.loader", "num_batches": 20, "shuffle": False},
            },
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, Lightning {pl.__version__}"
    print(f"{versions}, {platform.machine()}, {os.cpu_count()} cores")
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        runner = Runner()
        runner.run("fit", [config(options.steps)])
        left_mib = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 2**20
        os.chdir("/")
    assert runner.experiment is not None
    (watch,) = [one for one in runner.experiment.trainer.callbacks if type(one).__name__ == "Watch"]
    growth_mib = watch.memory_mib[-1] - watch.memory_mib[1]
    slowdown = watch.step_ms[-1] / min(watch.step_ms[:2])
    minutes = (time.monotonic() - begin) / 60
    print(f"memory grew by {growth_mib:.1f} MiB after the second tenth, the median of a step is {slowdown:.2f} of what")
    print(f"it was; {minutes:.1f} minutes in all, {sum(os.times()[:2]):.0f} s of a processor, {left_mib:.1f} MiB left")
    if growth_mib > MOST_GROWTH_MIB or slowdown > MOST_SLOWDOWN:
        sys.exit(f"more than {MOST_GROWTH_MIB} MiB or {MOST_SLOWDOWN}")


if __name__ == "__main__":
    main()
