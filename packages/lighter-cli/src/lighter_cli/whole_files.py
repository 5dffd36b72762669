"""Files that appear whole or not at all."""

import os
import secrets
import shutil
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write a file beside its place and rename it, so that a reader sees all of it or the one before.

    A link stays a link, and a file that is replaced keeps its mode.
    """
    file = file.resolve()
    temporary = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    try:
        with temporary.open("x", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if file.exists():
            shutil.copymode(file, temporary)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
