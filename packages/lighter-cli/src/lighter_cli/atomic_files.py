"""Files that appear whole or not at all."""

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(file: Path) -> Iterator[BinaryIO]:
    """Open a file beside its place and rename it in the end, so that a reader sees all of it or the one before.

    It is on the disk before it has its name, so that this also holds when the power fails. A file that is replaced
    keeps its mode. A process that is killed may leave the file beside, ``.<name>-<random>.partial``, which nothing
    reads.

    Raises:
        OSError: The disk is full, for example; it names the file, which is as it was.
    """
    temporary = file.with_name(f".{file.name}-{secrets.token_hex(4)}.partial")
    handled = sys.exception()
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if file.exists():
            shutil.copymode(file, temporary)
        temporary.replace(file)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        reason = _reason(error, handled)
        if isinstance(reason, OSError):
            raise OSError(reason.errno, reason.strerror, str(file)) from error
        if reason is not error:
            raise reason from error
        raise


def write_whole(file: Path, text: str) -> None:
    """Write a text file so that a reader sees all of it or the one before; a link stays a link."""
    with whole_file(file.resolve()) as stream:
        stream.write(text.encode())


def _reason(error: BaseException, handled: BaseException | None) -> BaseException:
    """Find why writing ended: ``torch.save`` answers a full disk and Ctrl-C with an error about its archive."""
    reason: BaseException | None = error
    while reason is not None and reason is not handled:
        if not isinstance(reason, Exception) or (isinstance(reason, OSError) and reason.errno is not None):
            return reason
        reason = reason.__cause__ or reason.__context__
    return error
