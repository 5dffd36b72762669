"""The modules that are compared: what users write by hand, and Lighter's that do the same."""

from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
    MulticlassSpecificity,
)
from turns import CLASSES


def metrics() -> list[Any]:
    return [
        MulticlassAccuracy(num_classes=CLASSES, validate_args=False),
        MulticlassF1Score(num_classes=CLASSES, validate_args=False),
    ]


def fifty_metrics() -> dict[str, Any]:
    """Make 50 metrics: five classes in two averages, each for the five best predictions."""
    classes = [MulticlassAccuracy, MulticlassF1Score, MulticlassPrecision, MulticlassRecall, MulticlassSpecificity]
    return {
        f"{cls.__name__}_{average}_{top_k}": cls(num_classes=CLASSES, average=average, top_k=top_k, validate_args=False)
        for cls in classes
        for average in ("micro", "macro")
        for top_k in range(1, 6)
    }


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, CLASSES))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


def resnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        *(Block(32) for _ in range(3)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, CLASSES),
    )


def sgd(network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(network.parameters(), lr=0.01)


class Bare(LightningModule):
    """Trains, and nothing else."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.criterion = nn.CrossEntropyLoss()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return sgd(self.network)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        loss: Tensor = self.criterion(self.network(x), y)
        return loss


class Updates(Bare):
    """Updates the same metrics and logs nothing."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.metrics = MetricCollection(metrics())

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        pred = self.network(x)
        self.metrics.update(pred, y)
        loss: Tensor = self.criterion(pred, y)
        return loss


class EvaluatedByHand(Bare):
    """Logs the values of validation and test for step and epoch by ``self.log``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.accuracy, self.f1 = metrics()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        x, y = batch
        pred = self.network(x)
        self.log("val/loss", self.criterion(pred, y), on_step=True, on_epoch=True, batch_size=len(y))
        self._log_metrics("val", pred, y)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        x, y = batch
        self._log_metrics("test", self.network(x), y)

    def _log_metrics(self, mode: str, pred: Tensor, y: Tensor) -> None:
        self.accuracy(pred, y)
        self.f1(pred, y)
        self.log(f"{mode}/accuracy", self.accuracy, on_step=True, on_epoch=True)
        self.log(f"{mode}/f1", self.f1, on_step=True, on_epoch=True)


class ManyByHand(Bare):
    """Logs 50 metrics by ``self.log_dict``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.metrics = MetricCollection(fifty_metrics())

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        pred = self.network(x)
        loss: Tensor = self.criterion(pred, y)
        self.metrics(pred, y)
        self.log("loss", loss, on_step=True, on_epoch=True, batch_size=len(y))
        self.log_dict(self.metrics, on_step=True, on_epoch=True)
        return loss


class ByHand(Bare):
    """Logs loss and metrics for step and epoch by ``self.log``, as Lightning's guide shows."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.accuracy, self.f1 = metrics()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        pred = self.network(x)
        loss: Tensor = self.criterion(pred, y)
        self.accuracy(pred, y)
        self.f1(pred, y)
        self.log("train/loss", loss, on_step=True, on_epoch=True, batch_size=len(y))
        self.log("train/accuracy", self.accuracy, on_step=True, on_epoch=True)
        self.log("train/f1", self.f1, on_step=True, on_epoch=True)
        return loss


class ByHandWithOptimizer(ByHand):
    """Also logs what the optimizer was given, once per epoch, as Lighter does."""

    def on_train_epoch_end(self) -> None:
        group = self.trainer.optimizers[0].param_groups[0]
        self.log_dict({f"train/optimizer/SGD/{key}": float(group[key]) for key in ("lr", "momentum", "weight_decay")})


def lighter_system(network: nn.Module) -> LightningModule:
    from lighter import System

    return System(network, optimizer=sgd(network), criterion=nn.CrossEntropyLoss(), metrics={"train": metrics()})


def lighter_evaluation(network: nn.Module) -> LightningModule:
    from lighter import System

    return System(network, criterion=nn.CrossEntropyLoss(), metrics={"val": metrics(), "test": metrics()})


def lighter_many(network: nn.Module) -> LightningModule:
    from lighter import System

    return System(network, optimizer=sgd(network), criterion=nn.CrossEntropyLoss(), metrics={"train": fifty_metrics()})


def lighter_module(network: nn.Module) -> LightningModule:
    from lighter import LighterModule

    class Module(LighterModule):
        def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
            x, y = batch
            pred = self(x)
            self.update_metrics(pred, y)
            return {"loss": self.criterion(pred, y), "pred": pred, "target": y}

    return Module(network, nn.CrossEntropyLoss(), sgd(network), train_metrics=metrics())


def peer_module(network: nn.Module) -> LightningModule:
    """Lighter 0.1.0, as its guide shows; only in its own environment."""
    from lighter import LighterModule

    class Module(LighterModule):
        def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
            x, y = batch
            pred = self(x)
            self.train_metrics(pred, y)
            return {"loss": self.criterion(pred, y), "pred": pred, "target": y}

        def validation_step(self, batch: Any, batch_idx: int) -> None: ...

        def test_step(self, batch: Any, batch_idx: int) -> None: ...

        def predict_step(self, batch: Any, batch_idx: int) -> None: ...

    return Module(
        network=network,
        criterion=nn.CrossEntropyLoss(),
        optimizer=sgd(network),
        train_metrics=MetricCollection(metrics()),
    )
