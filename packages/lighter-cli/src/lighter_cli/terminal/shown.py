"""Paths and sizes as lines show them."""

import os
from pathlib import Path

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_FACTOR = 1024


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
