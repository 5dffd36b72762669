"""Detection with a network of torchvision, which returns losses in training and boxes in evaluation."""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.fcos import FCOS

from lighter import LighterModule

Sample = tuple[Tensor, dict[str, Tensor]]


class Backbone(nn.Sequential):
    """Three convolutions with stride 2; `out_channels` is what torchvision asks for."""

    def __init__(self, out_channels: int) -> None:
        widths = [3, 8, 16, out_channels]
        pairs = itertools.pairwise(widths)
        super().__init__(*(nn.Sequential(nn.Conv2d(*pair, 3, 2, 1), nn.ReLU()) for pair in pairs))
        self.out_channels = out_channels


def fcos(out_channels: int, num_classes: int, size: int) -> FCOS:
    """Make a small detector for images of one size."""
    from torchvision.models.detection.anchor_utils import AnchorGenerator

    anchors = AnchorGenerator(sizes=((8,),), aspect_ratios=((1.0,),))
    return FCOS(
        Backbone(out_channels), num_classes, min_size=size, max_size=size, anchor_generator=anchors, score_thresh=0.0
    )


class Detector(LighterModule):
    """The losses of the network are logged; in evaluation its boxes go to the metrics."""

    def training_step(self, batch: list[Sample], batch_idx: int) -> dict[str, Any]:
        """Return the losses, and the number of images, which cannot be seen from a list."""
        images, targets = zip(*batch, strict=True)
        losses = self(list(images), list(targets))
        return {"loss": {"total": sum(losses.values()), **losses}, "batch_size": len(images)}

    def validation_step(self, batch: list[Sample], batch_idx: int) -> None:
        """Update the metrics."""
        images, targets = zip(*batch, strict=True)
        self.update_metrics(self(list(images)), list(targets))

    def test_step(self, batch: list[Sample], batch_idx: int) -> None:
        """Update the metrics."""
        self.validation_step(batch, batch_idx)

    def predict_step(self, batch: list[Sample], batch_idx: int) -> dict[str, Any]:
        """Return a mapping of `boxes`, `labels` and `scores` for each image."""
        return {"pred": self([image for image, _ in batch])}


def pairs(samples: Sequence[Sample]) -> list[Sample]:
    """Keep a batch a list, as images of detection differ in size."""
    return list(samples)


def boxes(count: int, *, seed: int, size: int = 64) -> list[Sample]:
    """Make images of noise with one bright box each."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        image = torch.rand(3, size, size, generator=generator) / 2
        left, top = (int(place) for place in torch.randint(size // 2, (2,), generator=generator))
        image[:, top : top + 24, left : left + 24] += 0.5
        box = torch.tensor([[left, top, left + 24, top + 24]], dtype=torch.float32)
        made.append((image, {"boxes": box, "labels": torch.tensor([1])}))
    return made
