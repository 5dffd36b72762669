"""Small files in the cache of a user, which any number of processes write and read at once."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any


def write_json(file: Path, entry: dict[str, Any]) -> None:
    """Put a file in place in one step, so that no reader sees half of it. A folder that refuses is fine."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    text = json.dumps(entry)
    try:
        try:
            temporary.write_text(text, encoding="utf-8")
        except FileNotFoundError:  # the first entry, or somebody has emptied the cache
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()


def remove_old(folder: Path, num_kept: int, *, num_more: int = 0) -> None:
    """Remove all files of a folder but the newest ones.

    Args:
        folder: The folder; it need not exist.
        num_kept: How many stay.
        num_more: How many more there may be before any is removed.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        files = list(found)
        if len(files) <= num_kept + num_more:
            return
        oldest_first = sorted(files, key=lambda entry: entry.stat().st_mtime_ns)
        for entry in oldest_first[: len(files) - num_kept]:
            with contextlib.suppress(OSError):
                Path(entry).unlink()
