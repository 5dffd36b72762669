"""What the experiment needs of its own: data, a logger that loses no row, and the faults that come from inside."""

import json
import os
import resource
import signal
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers.logger import Logger
from torch.utils.data import Dataset, get_worker_info

FAULT, _, AT = os.environ.get("FAULT", "").partition(":")
"""What goes wrong, and at which step or sample: ``raise:17``, ``worker:40``, ``disk:9``."""


class Samples(Dataset):
    def __init__(self, size: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.inputs = torch.randn(size, 16, generator=generator)
        self.targets = torch.randint(3, (size,), generator=generator)

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if FAULT == "worker" and get_worker_info() is not None and index == int(AT):
            os.kill(os.getpid(), signal.SIGKILL)
        return self.inputs[index], self.targets[index]


class Rows(Logger):
    """Appends a line a row, in one write, so that a kill loses none that was logged."""

    name = "rows"
    version = 0

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = Path(file)

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        line = json.dumps({"step": step, "values": {name: float(value) for name, value in metrics.items()}}) + "\n"
        with self.file.open("ab", buffering=0) as stream:
            stream.write(line.encode())

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None: ...


class Faults(Callback):
    """Lets something go wrong at a step, and gives a run of a second the time to be struck everywhere in it."""

    def on_predict_batch_end(self, *args: Any) -> None:
        time.sleep(0.01)

    def on_validation_batch_end(self, *args: Any) -> None:
        time.sleep(0.01)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        time.sleep(0.01)
        if not AT or trainer.global_step != int(AT):
            return
        if FAULT == "raise":
            raise ValueError(f"raised at step {AT}")
        if FAULT == "disk":
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
