"""Two networks around the same convolutions; the names of their parts differ, as they do between papers."""

from torch import Tensor, nn


def convolutions() -> nn.Sequential:
    """Map ``(B, 1, 8, 8)`` images to ``(B, 32)`` features."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
    )


class Pretrained(nn.Module):
    """What was trained before: scores ``(B, 10)`` over all digits."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = convolutions()
        self.classifier = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.backbone(images))


class IsEven(nn.Module):
    """The new task: scores ``(B, 2)`` for odd and even."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = convolutions()
        self.head = nn.Linear(32, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))
