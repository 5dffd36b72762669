"""Show that the memory of a training run does not grow with its steps.

Run: python benchmarks/training_memory.py [--steps 10000]

Trains a System with loss and metrics for step and epoch, CSV logging and a validation every thousand steps, and prints
the resident memory of the process after every tenth and how far it grew after the first tenth.
"""

import argparse
import logging
import platform
import tempfile
import time
import warnings

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score
from writer_memory import resident_mib

from lighter import System

STEPS_AN_EPOCH = 1000


class Watch(pl.Callback):
    """Reads the memory after every tenth of the steps."""

    def __init__(self, steps: int) -> None:
        self.every = max(1, steps // 10)
        self.seen: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, *args: object) -> None:
        if trainer.global_step % self.every == 0:
            self.seen.append(resident_mib())
            print(f"{trainer.global_step:>8,} steps  {self.seen[-1]:8.1f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    options = parser.parse_args()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, Lightning {pl.__version__}"
    print(f"{versions}, {platform.machine()}")
    data = TensorDataset(torch.randn(STEPS_AN_EPOCH * 8, 16), torch.randint(10, (STEPS_AN_EPOCH * 8,)))
    network = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 10))
    metrics = [MulticlassAccuracy(10, validate_args=False), MulticlassF1Score(10, validate_args=False)]
    system = System(
        network,
        {"train": DataLoader(data, batch_size=8, shuffle=True), "val": DataLoader(data, batch_size=800)},
        optimizer=torch.optim.AdamW(network.parameters()),
        criterion=nn.CrossEntropyLoss(),
        metrics={"train": metrics, "val": [metric.clone() for metric in metrics]},
    )
    watch = Watch(options.steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_steps=options.steps,
            accelerator="cpu",
            logger=CSVLogger(folder, flush_logs_every_n_steps=100),
            default_root_dir=folder,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[watch],
        )
        start = time.perf_counter()
        trainer.fit(system)
    print(f"{time.perf_counter() - start:.0f} s")
    print(f"grown after the first tenth: {max(watch.seen) - watch.seen[0]:+.1f} MiB")


if __name__ == "__main__":
    main()
