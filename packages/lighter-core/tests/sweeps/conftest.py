"""One training in two ways: through `System`, and as a plain LightningModule that logs the same names by hand."""

from collections.abc import Callable
from types import SimpleNamespace
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


def make_network(*, is_random: bool) -> nn.Sequential:
    """A network that may draw numbers in each step, and that has statistics beside its weights."""
    torch.manual_seed(1)
    dropout = nn.Dropout(0.25 if is_random else 0.0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), dropout, nn.Linear(6, 3))


def make_loaders(*, is_random: bool, batch_size: int = 4) -> dict[str, DataLoader]:
    """Loaders with `BATCHES` batches for training, the last one smaller, and two for validation."""
    generator = torch.Generator().manual_seed(2)
    inputs, targets = torch.randn(22, 4, generator=generator), torch.randint(3, (22,), generator=generator)
    train, val = TensorDataset(inputs[:14], targets[:14]), TensorDataset(inputs[14:], targets[14:])
    return {
        "train": ResumableDataLoader(train, batch_size=batch_size, shuffle=is_random),
        "val": DataLoader(val, batch_size=4),
    }


class Plain(LightningModule):
    """What `System` does, written by hand."""

    def __init__(self, configure: Configure, *, is_random: bool = True) -> None:
        super().__init__()
        self.network = make_network(is_random=is_random)
        self.criterion = nn.CrossEntropyLoss()
        self.configure = configure
        self.is_random = is_random
        self.batch_size = 4
        self.learning_rate: float | None = None

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        loss = self.criterion(self.network(batch[0]), batch[1])
        self.log("train/loss/step", loss, on_step=True, on_epoch=False)
        self.log("train/loss/epoch", loss, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss = self.criterion(self.network(batch[0]), batch[1])
        self.log("val/loss/step", loss, on_step=True, on_epoch=False)
        self.log("val/loss/epoch", loss, batch_size=len(batch[0]))

    def configure_optimizers(self) -> Any:
        optimizer, scheduler = self.configure(self.network)
        if self.learning_rate is not None:  # set by Lightning's finder
            optimizer.param_groups[0]["lr"] = self.learning_rate
        return optimizer if scheduler is None else {"optimizer": optimizer, "lr_scheduler": scheduler}

    def train_dataloader(self) -> DataLoader:
        return make_loaders(is_random=self.is_random, batch_size=self.batch_size)["train"]

    def val_dataloader(self) -> DataLoader:
        return make_loaders(is_random=self.is_random)["val"]


def make_system(configure: Configure, *, is_random: bool = True) -> System:
    network = make_network(is_random=is_random)
    loaders = make_loaders(is_random=is_random)
    return System(network, loaders, *configure(network), nn.CrossEntropyLoss())


KINDS: dict[str, Callable[..., Any]] = {"plain": Plain, "system": make_system}


@pytest.fixture
def parts() -> SimpleNamespace:
    """What a test of its own module is made of."""
    return SimpleNamespace(make_network=make_network, make_loaders=make_loaders, Plain=Plain, make_system=make_system)


@pytest.fixture
def train() -> Callable[..., Trainer]:
    """Train, by default three epochs; ``kind`` is ``plain``, ``system``, or the function that makes the module."""

    def run(
        kind: str | Callable[..., Any],
        configure: Configure,
        *,
        is_random: bool = True,
        ckpt_path: Any = None,
        **options: Any,
    ) -> Trainer:
        module = (KINDS[kind] if isinstance(kind, str) else kind)(configure, is_random=is_random)
        torch.manual_seed(3 if ckpt_path is None else 4)
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
