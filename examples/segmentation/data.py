"""Synthetic volumes: bright balls in noise, and the mask of where they are."""

import torch
from torch import Tensor
from torch.utils.data import Dataset


class Balls(Dataset[dict[str, object]]):
    """Volumes of noise with two balls each.

    Shapes: ``image`` ``(1, S, S, S)`` float32, ``label`` the same, 1 inside a ball and 0 outside, ``name`` a text.
    """

    def __init__(self, num_volumes: int, seed: int, size: int = 32, transform: object = None) -> None:
        self.num_volumes = num_volumes
        self.seed = seed
        self.size = size
        self.transform = transform

    def __len__(self) -> int:
        return self.num_volumes

    def __getitem__(self, index: int) -> dict[str, object]:
        if not 0 <= index < self.num_volumes:
            raise IndexError(index)
        random = torch.Generator().manual_seed(self.seed * 10_000 + index)
        label = sum(self._ball(random) for _ in range(2)).clamp(max=1)
        image = label + 0.5 * torch.randn(label.shape, generator=random)
        sample: dict[str, object] = {"image": image, "label": label, "name": f"volume.{self.seed}.{index}"}
        return self.transform(sample) if callable(self.transform) else sample

    def _ball(self, random: torch.Generator) -> Tensor:
        axis = torch.arange(self.size, dtype=torch.float32)
        grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
        center = self.size * (0.25 + 0.5 * torch.rand(3, generator=random))
        radius = self.size * (0.12 + 0.08 * torch.rand(1, generator=random))
        distance = (grid - center.view(3, 1, 1, 1)).norm(dim=0, keepdim=True)
        return (distance <= radius).float()
