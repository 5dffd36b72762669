"""The handwritten digits that scikit-learn ships, split the same way every time."""

import torch
from sklearn.datasets import load_digits
from torch.utils.data import Dataset, TensorDataset, random_split

_LENGTHS = {"train": 1197, "val": 300, "test": 300}


def digits(split: str) -> Dataset:
    """Return one split: pairs of an image ``(1, 8, 8)`` float32 in [0, 1] and a digit, int64."""
    raw = load_digits()
    images = torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1) / 16
    dataset = TensorDataset(images, torch.tensor(raw.target))
    parts = random_split(dataset, list(_LENGTHS.values()), generator=torch.Generator().manual_seed(0))
    return dict(zip(_LENGTHS, parts, strict=True))[split]
