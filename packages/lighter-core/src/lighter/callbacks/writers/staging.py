"""Atomic output: it appears complete or not at all."""

import errno
import logging
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from lighter.errors import WriterError

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

_LOCK = "lock"
_BEING_WRITTEN_S = 60.0  # on some disks of several machines, each machine sees its own locks alone

_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


def check_writable(target: Path, *, where: str) -> None:
    """Check that a path can be written, without writing.

    Raises:
        WriterError: A parent is a file, or cannot be written.
    """
    parent = next(folder for folder in target.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise WriterError(
            f"`{target}` cannot be written: `{parent}` is a file", where=where, fix="give a path in a directory"
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise WriterError(
            f"`{target}` cannot be written: no permission to write into `{parent}`",
            where=where,
            fix="give a path in another directory, or change its permissions",
        )


def staging_of(target: Path) -> Path:
    """Return a hidden folder beside a path, on the same disk, for its content until it is complete.

    The folder's name is new each time, so that files of a killed run are never mixed in.
    """
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")


def create_staging(staging: Path, target: Path) -> IO[bytes]:
    """Create the hidden folder of a path.

    Returns:
        An open file in it. While it is open, the folder belongs to a process that writes; see `remove_abandoned`.

    Raises:
        WriterError: The folder cannot be created.
    """
    try:
        staging.mkdir(parents=True)
        lock = (staging / _LOCK).open("xb")
    except OSError as error:
        raise WriterError(
            f"`{target}` cannot be written: {error.strerror or error}", fix="give a path that you can write"
        ) from error
    with suppress(OSError):  # some disks have no locks
        _lock(lock)
    return lock


def remove_abandoned(target: Path) -> None:
    """Remove the hidden folders of a path that killed processes have left.

    A folder that is locked, or that was written to within the last minute, belongs to a process that writes. On a disk
    without locks, nothing is removed.
    """
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.partial(\.discarded)?")
    for staging in target.absolute().parent.glob(".*.partial*"):
        if not name.fullmatch(staging.name) or staging.is_symlink():
            continue
        with suppress(OSError), (staging / _LOCK).open("r+b") as lock:
            written = max(path.stat().st_mtime for path in (staging, *staging.iterdir()))
            if time.time() - written > _BEING_WRITTEN_S:
                _lock(lock)
                remove(staging)
                logger.info("removed `%s`, which a killed run has left", staging)


def _lock(stream: IO[bytes]) -> None:
    """Lock an open file; the system releases the lock when the process closes the file or ends.

    Raises:
        OSError: Another process holds the lock, or there are no locks here.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def naming(target: Path, *, where: str) -> Iterator[None]:
    """Turn an error of the disk, such as a full one, into an error that names the output.

    Raises:
        WriterError: The disk cannot be written.
    """
    handled = sys.exception()
    try:
        yield
    except Exception as error:
        reason = _disk_error(error, handled)
        if reason is None:
            raise
        raise WriterError(
            f"`{target}` cannot be written: {reason.strerror}",
            where=where,
            fix="free space on that disk, or give a path on another disk; no partial output was left",
        ) from error


def _disk_error(error: BaseException, handled: BaseException | None) -> OSError | None:
    reason: BaseException | None = error
    while reason is not None and reason is not handled:
        if isinstance(reason, OSError) and reason.errno in _DISK_ERRORS:
            return reason
        reason = reason.__cause__ or reason.__context__  # torch.save raises an error about its archive instead
    return None


def publish(content: Path, target: Path, *, keep_previous: bool) -> None:
    """Move finished content to its path, replacing the output of an earlier run.

    Args:
        content: A file or folder on the same disk, alone in its folder.
        target: The path.
        keep_previous: Keep the earlier output as ``<name>.previous``, one generation. If False remove it, and do not
            change what has that name.
    """
    if target.exists():
        previous = target.with_name(f"{target.name}.previous") if keep_previous else content.with_name("replaced")
        remove(previous)
        target.replace(previous)
        try:
            content.replace(target)
        except OSError:
            previous.replace(target)
            raise
        if keep_previous:
            logger.info("wrote `%s`; the output of an earlier run is now `%s`", target, previous)
        else:
            remove(previous)
    else:
        content.replace(target)


def discard(staging: Path) -> None:
    """Remove a staging folder that other ranks may still write to.

    It is renamed first, so that no rank can create a file in it while its files are removed.
    """
    renamed = staging.with_name(f"{staging.name}.discarded")
    with suppress(OSError):  # another rank has renamed it, or the disk does not rename a folder with open files
        staging.replace(renamed)
    remove(renamed)
    remove(staging)


def remove(path: Path) -> None:
    """Remove a file or folder; do nothing if it does not exist."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
