"""Turn figures of matplotlib into pixels, without pyplot: the user's backend and open figures stay as they are."""

import importlib.util
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from lighter.callbacks.pictures.picture import Pixels
from lighter.errors import PictureError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_matplotlib(where: str) -> None:
    """Raise if matplotlib is not installed.

    Raises:
        PictureError: It is not.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise PictureError(
            f"{where} needs matplotlib, which is missing",
            where=where,
            fix="pip install 'lighter-core[figures]'",
        )


def check_pillow(where: str) -> None:
    """Raise if Pillow is not installed.

    Raises:
        PictureError: It is not.
    """
    if importlib.util.find_spec("PIL") is None:
        raise PictureError(
            f"{where} needs Pillow, which is missing", where=where, fix="pip install 'lighter-core[images]'"
        )


def pixels_of(figure: "Figure") -> Pixels:
    """Draw a figure, and forget it: one that pyplot has made is closed, so that it does not keep its memory."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    figure.clear()
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
    return pixels
