"""A residual network with the parts that the recipe names: ``backbone.stem``, ``backbone.blocks`` and ``head``."""

from torch import Tensor, nn


class Block(nn.Module):
    """Add ``width`` channels of a normalised convolution to ``(B, width, H, W)`` features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(4, width)
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.conv(nn.functional.relu(self.norm(features)))


class Backbone(nn.Module):
    """Map ``(B, 1, H, W)`` images to ``(B, width)`` features."""

    def __init__(self, width: int, num_blocks: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(num_blocks)))

    def forward(self, images: Tensor) -> Tensor:
        return self.blocks(self.stem(images)).amax((2, 3))


class Classifier(nn.Module):
    """Score ``(B, 1, H, W)`` images for each class."""

    def __init__(self, num_classes: int, width: int = 32, num_blocks: int = 3) -> None:
        super().__init__()
        self.backbone = Backbone(width, num_blocks)
        self.head = nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.backbone(images))
