"""Names of files in messages: relative to the working directory, and the nearest ones that exist."""

import os
from pathlib import Path

from lighter_config.regular_files import without_links
from lighter_config.suggestions import nearest_names


def shown(path: Path) -> str:
    """Return the name of a file as messages show it: relative to the working directory if it is inside."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def nearest_files(asked: Path, folder: Path | None = None, besides: Path | None = None) -> tuple[str, ...]:
    """Return the nearest names to that of a file which does not exist, each written as the file was.

    Args:
        asked: The file as the user named it.
        folder: What it is relative to; ``None`` is the working directory.
        besides: A file that is not meant: the one that names it.
    """
    around = (asked if folder is None else folder / asked).parent
    try:
        entries = [entry for entry in os.scandir(around) if besides is None or without_links(entry) != besides]
    except (OSError, ValueError):  # no such folder, one that may not be read, a name that no folder can have
        return ()
    return nearest_names(str(asked), {str(asked.parent / entry.name) for entry in entries})
