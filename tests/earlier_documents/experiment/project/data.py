import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import Dataset


class Digits(Dataset[tuple[Tensor, Tensor]]):
    """Forty images of digits in five folds: without one of them, or that one alone."""

    def __init__(self, fold: int, image_size: int = 8, *, held_out: bool = False) -> None:
        if not 1 <= fold <= 5:
            raise ValueError(f"there is no fold {fold}")
        digits = load_digits()
        kept = (torch.arange(40) % 5 == fold - 1) == held_out
        images = torch.tensor(digits.images[:40], dtype=torch.float32)[kept].unsqueeze(1) / 16
        self.images = interpolate(images, size=image_size)
        self.targets = torch.tensor(digits.target[:40])[kept]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.targets[index]
