"""Small volumes for torchio."""

import torch
import torchio


def subjects(count: int, *, seed: int, size: int = 16) -> list[torchio.Subject]:
    """Make subjects with an `image` of noise and a brighter cube, and the cube as `mask`."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        mask = torch.zeros(1, size, size, size)
        top = int(torch.randint(size // 2, (1,), generator=generator))
        mask[:, top : top + size // 2, 4:12, 4:12] = 1
        image = torch.rand(1, size, size, size, generator=generator) + mask
        made.append(torchio.Subject(image=torchio.ScalarImage(tensor=image), mask=torchio.LabelMap(tensor=mask)))
    return made
