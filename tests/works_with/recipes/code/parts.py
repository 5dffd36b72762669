"""Parts of an experiment for the package `lightning`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.callbacks import BasePredictionWriter


class Loaders(LightningDataModule):
    """Give the loaders under `train`, `val`, `test` and `predict` to the trainer."""

    def __init__(self, **loaders: Any) -> None:
        super().__init__()
        self.loaders = loaders

    def train_dataloader(self) -> Any:
        """Return the loader of training."""
        return self.loaders["train"]

    def val_dataloader(self) -> Any:
        """Return the loader of validation."""
        return self.loaders["val"]

    def test_dataloader(self) -> Any:
        """Return the loader of the test."""
        return self.loaders["test"]

    def predict_dataloader(self) -> Any:
        """Return the loader of predict."""
        return self.loaders["predict"]


class PredictionFiles(BasePredictionWriter):
    """Write a file for each prediction, numbered in the order of the data; `part` takes it from what is returned."""

    def __init__(self, folder: str, part: Callable[[Any], torch.Tensor]) -> None:
        super().__init__("batch")
        self.folder = Path(folder)
        self.part = part
        self.count = 0

    def write_on_batch_end(self, trainer: Any, pl_module: Any, prediction: Any, *_: Any) -> None:
        """Write the predictions of a batch."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for sample in self.part(prediction):
            torch.save(sample.clone(), self.folder / f"{self.count}.pt")
            self.count += 1
