"""Two interleaved spirals: generated data that a linear model cannot separate."""

import math

import torch
from torch.utils.data import TensorDataset


def spirals(num_samples: int, seed: int, noise: float = 0.05) -> TensorDataset:
    """Draw points of two spirals.

    Args:
        num_samples: Points, half of each spiral.
        seed: The same seed draws the same points.
        noise: Standard deviation around the spiral, whose radius is 1.

    Returns:
        Pairs of a point ``(2,)`` float32 and the number of its spiral, 0 or 1, float32.
    """
    generator = torch.Generator().manual_seed(seed)
    spiral = torch.arange(num_samples) % 2
    radius = torch.rand(num_samples, generator=generator).sqrt()
    angle = 3 * math.pi * radius + math.pi * spiral
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    points += noise * torch.randn(points.shape, generator=generator)
    return TensorDataset(points, spiral.float())
