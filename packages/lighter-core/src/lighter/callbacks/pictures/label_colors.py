"""The colors of label maps: the same for a label in every picture, epoch and run."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_COLORS = (
    (0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
    (204, 121, 167), (145, 30, 180), (70, 240, 240), (188, 246, 12), (250, 190, 190), (0, 128, 128),
    (170, 110, 40), (128, 0, 0), (170, 255, 195), (128, 128, 0), (255, 216, 177), (0, 0, 128), (255, 250, 200),
)  # fmt: skip
"""Black, then those of Okabe and Ito, which color-blind people tell apart, then others; after the last, from orange."""

_NO_LABEL = (128, 128, 128)
_OPACITY = 0.5


def colored(labels: Tensor, ignore_index: int | None = None) -> Tensor:
    """Return the colors of labels: 0 is black; gray marks what is ignored, and negative numbers.

    Args:
        labels: Integers, ``(H, W)``.
        ignore_index: The label that does not count.

    Returns:
        ``(H, W, 3)`` in uint8.

    >>> colored(torch.tensor([[0, 1, -1]])).tolist()
    [[[0, 0, 0], [230, 159, 0], [128, 128, 128]]]
    """
    palette = torch.tensor((*_COLORS, _NO_LABEL), dtype=torch.uint8)
    num_colors = len(_COLORS) - 1
    numbers = torch.where(labels > 0, (labels - 1) % num_colors + 1, labels)
    is_none = labels < 0 if ignore_index is None else (labels < 0) | (labels == ignore_index)
    return palette[torch.where(is_none, len(_COLORS), numbers)]


def label_numbers(labels: Tensor, ignore_index: int | None = None) -> list[int]:
    """Return the labels of a map that have a color of their own, in order: neither 0 nor what is ignored.

    >>> label_numbers(torch.tensor([[0, 3, -1], [255, 1, 3]]), ignore_index=255)
    [1, 3]
    """
    return [number for number in torch.unique(labels).tolist() if number > 0 and number != ignore_index]


def laid_over(image: NDArray[np.uint8], labels: Tensor, ignore_index: int | None = None) -> NDArray[np.uint8]:
    """Lay the colors of labels over an image, half transparent where a label is not 0.

    Args:
        image: ``(H, W, 3)`` in uint8.
        labels: Integers, ``(H, W)``.
        ignore_index: The label that does not count.
    """
    mixed = (1 - _OPACITY) * image + _OPACITY * colored(labels, ignore_index).numpy()
    return np.where((labels != 0).numpy()[..., None], mixed.round(), image).astype(np.uint8)
