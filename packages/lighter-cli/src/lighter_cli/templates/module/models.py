"""Your network and module: you write the steps as in Lightning; Lighter does the logging."""

from typing import Any

from torch import Tensor, nn

from lighter import LighterModule


class Perceptron(nn.Module):
    """Score points ``(B, 2)`` float32; a positive score ``(B,)`` means the second spiral."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def forward(self, points: Tensor) -> Tensor:
        return self.layers(points).squeeze(1)


class SpiralModule(LighterModule):
    """Return a loss and update the metrics: both are logged for each step and each epoch."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Any]:
        points, spiral = batch
        scores = self(points)
        self.update_metrics(scores, spiral.long())
        return {"loss": self.criterion(scores, spiral)}

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Any]:
        return self.training_step(batch, batch_idx)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Any]:
        return self.training_step(batch, batch_idx)

    def predict_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        probability = self(batch[0]).sigmoid()
        return {"pred": (probability > 0.5).long(), "probability": probability}
