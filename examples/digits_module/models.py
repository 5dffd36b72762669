"""A network and a module of one's own: three steps written as in Lightning, the logging left to Lighter."""

from typing import Any

import torch
from torch import Tensor, nn

from lighter import LighterModule


class Perceptron(nn.Module):
    """Classify ``(B, 1, 8, 8)`` float32 images in [0, 1]; returns scores ``(B, 10)``."""

    def __init__(self, hidden: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class DigitsModule(LighterModule):
    """Train on cross entropy with a penalty on large scores; both terms are logged."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Any]:
        images, digits = batch
        scores = self(images)
        self.update_metrics(scores, digits)
        cross_entropy = self.criterion(scores, digits)
        penalty = 1e-4 * scores.square().mean()
        return {"loss": {"total": cross_entropy + penalty, "cross_entropy": cross_entropy, "penalty": penalty}}

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Any]:
        images, digits = batch
        scores = self(images)
        self.update_metrics(scores, digits)
        return {"loss": self.criterion(scores, digits)}

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Any]:
        return self.validation_step(batch, batch_idx)

    def predict_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        scores: Tensor = self(batch[0])
        return {"pred": scores.argmax(dim=1), "confidence": torch.softmax(scores, dim=1).amax(dim=1)}
