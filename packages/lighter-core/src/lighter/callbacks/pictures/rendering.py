"""Turn the tensors of one sample into images: denormalize them, cut slices of volumes, color label maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from lighter.callbacks.pictures.picture import Pixels
from lighter.errors import PictureError

Kind = Literal["image", "labels", "class"]
"""How a value is shown: as an image, as the colors of a label map, or as the name of a class below the picture."""


@dataclass(frozen=True, slots=True)
class View:
    """Which part of a sample is shown, and how large.

    Attributes:
        axis: The spatial axis of a volume that slices are cut along: 0, 1 or 2.
        slices: The indices of the slices, or how many, evenly spaced.
        channels: The channels of an image to show: one in gray, three as red, green and blue. None takes all if they
            are one or three, else the first.
        mean: What was subtracted from each channel of images in [0, 1].
        std: What each channel was then divided by.
        min_size: Smaller images are enlarged until their longer side has so many pixels, by a whole factor.
        max_size: Larger images are reduced to so many pixels.
    """

    axis: int
    slices: int | Sequence[int]
    channels: int | Sequence[int] | None
    mean: Sequence[float] | None
    std: Sequence[float] | None
    min_size: int
    max_size: int


def kind_of(value: Tensor, num_spatial: int, like: Kind | None) -> Kind:
    """Return how a value is shown if nobody has said it.

    What has the spatial dimensions of the input is a label map if it has integers, or floats in neither one nor three
    channels (scores of classes); otherwise it is an image. What has fewer dimensions is a class.

    Args:
        value: The value of a sample, without the batch.
        num_spatial: The number of the input's spatial dimensions.
        like: For a prediction, how its target is shown.
    """
    if value.ndim < num_spatial:
        return "class"
    if like in ("image", "labels"):
        return like
    num_channels = value.shape[0] if value.ndim > num_spatial else 1
    if value.is_floating_point():
        return "image" if num_channels in (1, 3) else "labels"  # scores of classes
    return "image" if value.dtype is torch.uint8 and num_channels == 3 else "labels"


def labels_of(value: Tensor, num_spatial: int) -> Tensor:
    """Return a label map without channels: scores ``(C, ...)`` become the label with the highest.

    A single channel of scores is a label where it is above 0.5, or above 0 if one of its scores is outside [0, 1].
    """
    if value.ndim == num_spatial + 1:
        if value.shape[0] > 1:
            return value.argmax(0)
        value = value[0]
    if value.is_floating_point() and not torch.equal(value, value.round()):
        is_logit = bool(((value < 0) | (value > 1)).any())
        return (value > (0.0 if is_logit else 0.5)).long()
    return value.long()


def class_of(value: Tensor) -> int | None:
    """Return the class that a number or a vector of scores means; None if it is something else.

    >>> class_of(torch.tensor(3)), class_of(torch.tensor([0.1, 0.9])), class_of(torch.tensor(0.25))
    (3, 1, None)
    """
    if value.numel() > 1:
        return int(value.argmax()) if value.ndim == 1 else None
    number = value.item()
    return int(number) if number == round(number) else None


def cut(value: Tensor, view: View, num_spatial: int) -> list[Tensor]:
    """Return the 2-D parts of a sample, ``(H, W)`` or ``(C, H, W)``: the image itself, or slices of a volume.

    Raises:
        PictureError: A slice does not exist.
    """
    if num_spatial == 2:
        return [value]
    axis = value.ndim - 3 + view.axis
    length = value.shape[axis]
    if isinstance(view.slices, int):  # the middle of as many equal parts
        indices = [int(length * (2 * part + 1) / (2 * view.slices)) for part in range(view.slices)]
    else:
        indices = list(view.slices)
    for index in indices:
        if not -length <= index < length:
            raise PictureError(
                f"slice {index} does not exist: axis {view.axis} has {length}",
                where="ImageLogger",
                expected=f"slices from 0 to {length - 1}, or a number of slices",
            )
    return [value.select(axis, index) for index in indices]


def resized(image: Tensor, view: View, *, is_labels: bool) -> Tensor:
    """Return ``(H, W)`` or ``(C, H, W)`` in a size that can be seen: enlarged by a whole factor, or reduced."""
    height, width = image.shape[-2:]
    longer = max(height, width)
    if longer > view.max_size:
        size = [max(1, round(side * view.max_size / longer)) for side in (height, width)]
        batch = image.reshape(1, -1, height, width)
        small = (
            interpolate(batch.to(torch.float64), size, mode="nearest-exact")
            if is_labels
            else interpolate(batch.float(), size, mode="area")
        )
        return small.reshape(*image.shape[:-2], *size).to(image.dtype)
    factor = max(1, -(-view.min_size // longer))
    return image.repeat_interleave(factor, -2).repeat_interleave(factor, -1) if factor > 1 else image


def as_pixels(image: Tensor, view: View) -> Pixels:
    """Return an image as pixels, ``(H, W, 3)``.

    Floats are denormalized and cut to [0, 1]. Without ``mean`` and ``std``, an image with values outside [0, 1] is
    stretched from its lowest to its highest. Integers of 8 bits stay as they are. What is nan is black.

    Args:
        image: ``(H, W)`` or ``(C, H, W)``.
        view: Its channels, ``mean`` and ``std``.

    Raises:
        PictureError: ``mean`` and ``std`` have another number of channels, or a channel does not exist.
    """
    image = image[None] if image.ndim == 2 else image
    if image.dtype is not torch.uint8:
        image = image.to(torch.float32)
        if view.mean is not None or view.std is not None:
            image = image * _by_channel(view.std, "std", image) + _by_channel(view.mean, "mean", image)
    image = _chosen(image, view.channels)
    if image.dtype is not torch.uint8:
        image = torch.where(image.isfinite(), image, image.new_tensor(0.0)) if not image.isfinite().all() else image
        if view.mean is None and view.std is None:
            image = _stretched(image)
        image = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(image.expand(3, -1, -1).permute(1, 2, 0).numpy())


def _by_channel(values: Sequence[float] | None, name: str, image: Tensor) -> Tensor:
    """Return a number for each channel; 1 and 0 are those that change nothing."""
    given = torch.tensor([1.0 if name == "std" else 0.0] if values is None else list(values))
    if len(given) not in (1, len(image)):
        raise PictureError(
            f"`{name}` has {len(given)} values, but the image has {len(image)} channels",
            where="ImageLogger",
            expected="one value for each channel, or one for all",
        )
    return given[:, None, None]


def _chosen(image: Tensor, channels: int | Sequence[int] | None) -> Tensor:
    if channels is None:
        return image if len(image) in (1, 3) else image[:1]
    indices = [channels] if isinstance(channels, int) else list(channels)
    if any(not 0 <= index < len(image) for index in indices):
        raise PictureError(
            f"`channels` {channels} do not exist: the image has {len(image)}",
            where="ImageLogger",
            expected=f"numbers from 0 to {len(image) - 1}",
        )
    return image[indices]


def _stretched(image: Tensor) -> Tensor:
    low, high = image.aminmax()
    if low >= 0 and high <= 1:
        return image
    return (image - low) / (high - low) if high > low else torch.zeros_like(image)
