"""Paths and sizes as lines show them."""

import os
from pathlib import Path

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_FACTOR = 1024
_MINUTE_S = 60
_LONG = (
    (86400, "d", (3600, "h")),
    (3600, "h", (_MINUTE_S, "min")),
    (_MINUTE_S, "min", (1, "s")),
)
"""The seconds and the name of each unit from minutes on, and those of the part that is shown after it."""


def shown_path(path: str | Path) -> str:
    """Return a path relative to the working directory if it is inside, else as it is."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else str(path)


def size_text(num_bytes: int) -> str:
    """Return a number of bytes as a line shows it.

    >>> size_text(312), size_text(1536), size_text(5 * 1024**3)
    ('312 bytes', '1.5 KiB', '5.0 GiB')
    """
    size, unit = float(num_bytes), 0
    while size >= _FACTOR and unit < len(_UNITS) - 1:
        size, unit = size / _FACTOR, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{num_bytes} bytes"


def duration_text(seconds: float) -> str:
    """Return a time as a line shows it.

    >>> duration_text(0.0412), duration_text(83.4), duration_text(209), duration_text(9000), duration_text(200_000)
    ('0.041 s', '83.4 s', '3 min 29 s', '2 h 30 min', '2 d 8 h')
    """
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.1f} s"
    factor, unit, part = next(one for one in _LONG if seconds >= 2 * one[0])
    whole, rest = divmod(round(seconds / part[0]), factor // part[0])
    return f"{whole} {unit}" + (f" {rest} {part[1]}" if rest else "")
