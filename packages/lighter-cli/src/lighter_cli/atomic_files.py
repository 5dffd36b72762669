"""Write files atomically: a reader sees the new content or the content before it, never a part.

Everything that the command line writes for a later process goes through this module: records, checkpoints, migrated
configs, completion scripts and the alias package of a project.
"""

import errno
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
"""The errors of a folder or a disk that this user may not write to."""

PARTIAL = re.compile(r"\.(?P<name>.+)-[0-9a-f]{8}\.partial")
"""The names of temporary files, see `open_atomically`."""
_BEING_WRITTEN_S = 60.0  # on some disks of several machines, each machine sees its own locks alone


@contextmanager
def open_atomically(file: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``file`` and rename it to ``file`` at the end.

    The content is flushed to the disk before the rename, so a power failure leaves no partial file either. A replaced
    file keeps its mode. A killed process may leave its temporary file, ``.<name>-<random>.partial``; nothing reads it,
    and `remove_partial_files` removes it. While it is written, it is locked.

    Raises:
        OSError: The file cannot be written, for example because the disk is full. The error names ``file``, which is
            unchanged.
    """
    temporary = file.with_name(f".{file.name}-{os.urandom(4).hex()}.partial")
    handled = sys.exception()
    try:
        with temporary.open("xb") as stream:
            with suppress(OSError):  # some disks have no locks
                _lock(stream)
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


def remove_partial_files(folder: Path, suffix: str) -> tuple[int, int]:
    """Remove the temporary files of killed processes from a folder; return their number and their bytes.

    A file that is locked, or that was written to within the last minute, belongs to a process that writes it. On a disk
    without locks, nothing is removed.

    Args:
        folder: The folder; if it does not exist, nothing happens.
        suffix: How the names of the files end that were to be written, such as ``.ckpt``.
    """
    num_removed = num_bytes = 0
    for temporary in folder.glob(f".*{suffix}-*.partial"):
        found = PARTIAL.fullmatch(temporary.name)
        if found is None or not found["name"].endswith(suffix) or not temporary.is_file():
            continue
        with suppress(OSError), temporary.open("r+b") as stream:
            status = os.fstat(stream.fileno())
            if time.time() - status.st_mtime > _BEING_WRITTEN_S:
                _lock(stream)
                temporary.unlink()
                num_removed += 1
                num_bytes += status.st_size
    return num_removed, num_bytes


def write_atomically(file: Path, text: str) -> None:
    """Write a text file atomically; a symbolic link stays a link, and the file it points to is replaced.

    Raises:
        OSError: As ``open_atomically``.
    """
    with open_atomically(file.resolve()) as stream:
        stream.write(text.encode())


def reserve(file: Path, size: int) -> None:
    """Write a file that only takes up ``size`` bytes of the disk; remove it to have them for a last write.

    Raises:
        OSError: The file cannot be written.
    """
    try:
        with file.open("wb") as stream:
            stream.write(os.urandom(size))  # a file system may store zeros without space
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        file.unlink(missing_ok=True)
        raise


def append_line(file: Path, text: str) -> None:
    """Append a line to a file that several processes append to.

    A rename would lose the lines that other processes append at the same time. Instead, one ``write`` to a file opened
    with ``O_APPEND`` adds the line: no other process can write between its bytes. If the last line of the file is
    incomplete, because a machine failed while it was written, the new line starts on a line of its own.

    Raises:
        OSError: The file or its folder cannot be written.
    """
    file.parent.mkdir(exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        is_incomplete = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, f"{chr(10) * is_incomplete}{text}\n".encode())
    finally:
        os.close(descriptor)


class LineFile:
    """A file of lines that this process alone appends to, each with one ``write``: a killed process leaves them whole.

    What cannot be written, for example because the disk is full, is kept and written before the next lines. The file is
    made with its first line. Nothing waits for the disk, so a power failure can lose the newest lines.

    Args:
        file: The path of the file, in a folder that exists.
    """

    def __init__(self, file: Path) -> None:
        self._path = file
        self._unwritten = b""
        self._descriptor: int | None = None

    def append(self, lines: str) -> None:
        """Append text that ends with a line break.

        Raises:
            OSError: The file cannot be written; it ends with a complete line.
        """
        self._unwritten += lines.encode()
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self._path, flags, 0o666)
        size = os.fstat(self._descriptor).st_size
        written = os.write(self._descriptor, self._unwritten)
        if written < len(self._unwritten):
            os.ftruncate(self._descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        self._unwritten = b""

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lock(stream: BinaryIO) -> None:
    """Lock an open file; the system releases the lock when the process closes the file or ends.

    Raises:
        OSError: Another process holds the lock, or there are no locks here.
    """
    try:
        import fcntl  # here, as only processes that write need it
    except ImportError as error:  # Windows has no such locks
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP)) from error
    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _reason(error: BaseException, handled: BaseException | None) -> BaseException:
    """Return why writing failed: ``torch.save`` turns a full disk and Ctrl-C into an error about its archive."""
    reason: BaseException | None = error
    while reason is not None and reason is not handled:
        if not isinstance(reason, Exception) or (isinstance(reason, OSError) and reason.errno is not None):
            return reason
        reason = reason.__cause__ or reason.__context__
    return error
