"""Your network; config.yaml describes its training."""

from torch import Tensor, nn


class Perceptron(nn.Module):
    """Score points ``(B, 2)`` float32; a positive score ``(B,)`` means the second spiral."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def forward(self, points: Tensor) -> Tensor:
        return self.layers(points).squeeze(1)
