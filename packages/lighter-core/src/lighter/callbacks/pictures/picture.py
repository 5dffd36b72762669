"""What picture callbacks make: a picture of an epoch, and the numbers of a confusion matrix."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""An image, ``(H, W, 3)``, red, green and blue from 0 to 255."""


@dataclass(frozen=True)
class Picture:
    """A picture of one epoch.

    Attributes:
        name: Its name, such as ``val/images``; the same in every epoch. It is also a relative path.
        epoch: The epoch, from 0.
        step: The optimizer steps made so far.
        x: Where loggers show it: Lightning's own x axis for the values of the epoch.
        pixels: ``(H, W, 3)`` in uint8.
        caption: What it shows, as one line of text.
    """

    name: str
    epoch: int
    step: int
    x: int
    pixels: Pixels
    caption: str

    @property
    def file(self) -> Path:
        """The relative path of its file, such as ``val/images/epoch=0003.png``."""
        return Path(self.name, f"epoch={self.epoch:04d}.png")

    @cached_property
    def png(self) -> bytes:
        """The content of a PNG file."""
        from PIL import Image

        stream = BytesIO()
        Image.fromarray(self.pixels).save(stream, "PNG")
        return stream.getvalue()


@dataclass(frozen=True, slots=True)
class Matrix:
    """The numbers of the confusion matrix of one epoch.

    Attributes:
        name: Its name, such as ``val/confusion_matrix``.
        epoch: The epoch, from 0.
        step: The optimizer steps made so far.
        labels: The names of the classes.
        counts: ``counts[i][j]`` samples of class ``i`` were predicted to be of class ``j``.
    """

    name: str
    epoch: int
    step: int
    labels: Sequence[str]
    counts: Sequence[Sequence[int]]


def write_picture(picture: Picture, folder: Path) -> Path:
    """Write the file of a picture into a folder, in place of one of the same name and epoch; return its path.

    This is no method: with ``--safe``, an expression could write with one.

    Raises:
        OSError: The file cannot be written; one that was there before is unchanged.
    """
    file = folder / picture.file
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}-{os.urandom(4).hex()}.partial")
    try:
        temporary.write_bytes(picture.png)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    return file
