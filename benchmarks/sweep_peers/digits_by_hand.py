"""The experiment of examples/digits, written by hand on Lightning: network, metrics, loggers and callbacks alike."""

from pathlib import Path

import pytorch_lightning as pl
import torch
import torchmetrics
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Digits(pl.LightningModule):
    """A network of two convolutions with its losses and metrics, logged a step and an epoch."""

    def __init__(self, lr: float, epochs: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(1024, 10),
        )
        metrics = torchmetrics.MetricCollection(
            {
                "Accuracy": torchmetrics.Accuracy("multiclass", num_classes=10, validate_args=False),
                "F1": torchmetrics.F1Score("multiclass", num_classes=10, average="macro", validate_args=False),
            }
        )
        self.metrics = nn.ModuleDict({f"{mode}_": metrics.clone(prefix=f"{mode}/") for mode in ("train", "val")})

    def step(self, mode: str, batch: list[torch.Tensor]) -> torch.Tensor:
        """Return the loss of a batch; log it and the metrics."""
        images, targets = batch
        scores = self.network(images)
        loss = nn.functional.cross_entropy(scores, targets)
        self.log(f"{mode}/loss", loss, on_step=mode == "train", on_epoch=True)
        self.metrics[f"{mode}_"](scores, targets)
        self.log_dict(self.metrics[f"{mode}_"], on_step=mode == "train", on_epoch=True)
        return loss

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        """Train on a batch."""
        return self.step("train", batch)

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        """Validate on a batch."""
        self.step("val", batch)

    def configure_optimizers(self):  # type: ignore[no-untyped-def]
        """Make the optimizer and its schedule."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams["lr"], weight_decay=0.01)
        return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.hparams["epochs"])]


def train(lr: float, epochs: int, folder: Path) -> float:
    """Train in a folder; return the accuracy on the validation data."""
    pl.seed_everything(42)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    data = TensorDataset(images, torch.tensor(digits.target))
    train_data, val_data, _ = random_split(data, [1197, 300, 300], torch.Generator().manual_seed(0))
    trainer = pl.Trainer(
        max_epochs=epochs,
        devices=1,
        log_every_n_steps=10,
        default_root_dir=folder,
        logger=TensorBoardLogger(folder),
        callbacks=[
            ModelCheckpoint(monitor="val/Accuracy", mode="max", save_last=True),
            EarlyStopping("val/loss", patience=100),
        ],
    )
    loaders = DataLoader(train_data, 64, shuffle=True), DataLoader(val_data, 64)
    trainer.fit(Digits(lr, epochs), *loaders)
    return trainer.callback_metrics["val/Accuracy"].item()
