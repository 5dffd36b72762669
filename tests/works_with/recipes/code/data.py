"""Small data that is the same in each process: noise with a bright square, whose place is the class."""

import torch
from torch import Tensor
from torch.utils.data import TensorDataset


def squares(count: int, *, seed: int, channels: int = 3, size: int = 32) -> tuple[Tensor, Tensor, Tensor]:
    """Make images `(N, C, H, W)` in [0, 1], classes `(N,)` in 0 to 3, and masks `(N, 1, H, W)` of 0.0 and 1.0."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, channels, size, size, generator=generator) / 2
    classes = torch.randint(4, (count,), generator=generator)
    masks = torch.zeros(count, 1, size, size)
    half = size // 2
    for mask, place in zip(masks, classes.tolist(), strict=True):
        top, left = half * (place // 2), half * (place % 2)
        mask[:, top + 2 : top + half - 2, left + 2 : left + half - 2] = 1
    return images + masks / 2, classes, masks


def classified(count: int, *, seed: int, channels: int = 3, size: int = 32) -> TensorDataset:
    """Make pairs of an image and its class."""
    images, classes, _ = squares(count, seed=seed, channels=channels, size=size)
    return TensorDataset(images, classes)


def segmented(count: int, *, seed: int, channels: int = 3, size: int = 32) -> TensorDataset:
    """Make pairs of an image and its mask."""
    images, _, masks = squares(count, seed=seed, channels=channels, size=size)
    return TensorDataset(images, masks)


def samples(count: int, *, seed: int, channels: int = 1, size: int = 32) -> list[dict[str, Tensor]]:
    """Make mappings with `image`, `label` and `mask`."""
    parts = squares(count, seed=seed, channels=channels, size=size)
    return [dict(zip(("image", "label", "mask"), sample, strict=True)) for sample in zip(*parts, strict=True)]
