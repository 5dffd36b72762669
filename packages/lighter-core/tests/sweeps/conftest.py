"""One training in two ways: through `System`, and as a plain LightningModule that logs the same names by hand."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lighter import System
from lighter.resumable import ResumableDataLoader

Configure = Callable[[nn.Module], tuple[torch.optim.Optimizer, Any]]
BATCHES = 4


def make_network() -> nn.Sequential:
    """A network that draws numbers in each step, and that has statistics beside its weights."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.25), nn.Linear(6, 3))


def make_loaders() -> dict[str, DataLoader]:
    """Loaders with `BATCHES` batches for training, the last one smaller, and two for validation."""
    generator = torch.Generator().manual_seed(2)
    inputs, targets = torch.randn(22, 4, generator=generator), torch.randint(3, (22,), generator=generator)
    train, val = TensorDataset(inputs[:14], targets[:14]), TensorDataset(inputs[14:], targets[14:])
    return {"train": ResumableDataLoader(train, batch_size=4, shuffle=True), "val": DataLoader(val, batch_size=4)}


class Plain(LightningModule):
    """What `System` does, written by hand."""

    def __init__(self, configure: Configure) -> None:
        super().__init__()
        self.network = make_network()
        self.criterion = nn.CrossEntropyLoss()
        self.configure = configure
        self.loaders = make_loaders()

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        loss = self.criterion(self.network(batch[0]), batch[1])
        self.log("train/loss/step", loss, on_step=True, on_epoch=False)
        self.log("train/loss/epoch", loss, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss = self.criterion(self.network(batch[0]), batch[1])
        self.log("val/loss/epoch", loss, batch_size=len(batch[0]))

    def configure_optimizers(self) -> Any:
        optimizer, scheduler = self.configure(self.network)
        return optimizer if scheduler is None else {"optimizer": optimizer, "lr_scheduler": scheduler}

    def train_dataloader(self) -> DataLoader:
        return self.loaders["train"]

    def val_dataloader(self) -> DataLoader:
        return self.loaders["val"]


def make_system(configure: Configure) -> System:
    network = make_network()
    return System(network, make_loaders(), *configure(network), nn.CrossEntropyLoss())


KINDS: dict[str, Callable[[Configure], Any]] = {"plain": Plain, "system": make_system}


@pytest.fixture
def train() -> Callable[..., Trainer]:
    """Train, by default three epochs; ``kind`` is ``plain`` or ``system``."""

    def run(kind: str, configure: Configure, *, ckpt_path: Any = None, **options: Any) -> Trainer:
        torch.manual_seed(3 if ckpt_path is None else 4)
        module = KINDS[kind](configure)
        defaults = {
            "max_epochs": 3,
            "accelerator": "cpu",
            "devices": 1,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "enable_checkpointing": False,
            "log_every_n_steps": 1,
        }
        trainer = Trainer(**{**defaults, **options})
        trainer.fit(module, ckpt_path=ckpt_path, weights_only=False)
        return trainer

    return run
