"""Open only regular files, because a FIFO never ends and a device may not either; take any text as the name of one."""

# A check asks for hundreds of files: an object for each path would take longer than the questions.
# ruff: noqa: PTH110, PTH112, PTH113, PTH116

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from lighter_config.dependencies import note_path

_MAX_BYTES = 64 * 2**20  # of a file that is read as a whole: configs, records and sources have a thousandth of it


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file, or a link to one, for reading bytes.

    Raises:
        OSError: The file does not exist, is not a regular file, or its name is invalid.
    """
    note_path(path)
    try:
        _refuse_special(os.stat(path), path)  # before it is opened: opening a device can do something
        # another process could have replaced the file; opening a FIFO without this flag waits for its writer
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a null character, or text that no name of a file can hold
        raise OSError(errno.EINVAL, "no file can have this name", repr(os.fspath(path))) from error
    try:
        _refuse_special(os.fstat(descriptor), path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: It cannot be read, is not a regular file, or has more than 64 MiB.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > _MAX_BYTES:
            raise OSError(errno.EFBIG, f"larger than {_MAX_BYTES // 2**20} MiB", os.fspath(path))
        return file.read()


def is_regular(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a regular file, or a link to one; also false if no file can have this name."""
    note_path(path)
    return os.path.isfile(path)


def _refuse_special(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder; also false if no folder can have this name."""
    note_path(path)
    return os.path.isdir(path)


def exists(path: str | os.PathLike[str]) -> bool:
    """Return whether something is at a path; also false if nothing can have this name."""
    note_path(path)
    return os.path.exists(path)


def with_home(path: str | os.PathLike[str]) -> Path:
    """Return a path with the home folder in the place of ``~``; unchanged if it names an unknown user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def without_links(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path that links lead to; one whose links lead in a circle is returned as far as they do."""
    note_path(path)
    try:
        return Path(os.path.realpath(path))  # `Path.resolve` raises an error for a circle before Python 3.13
    except ValueError:  # a null character
        return Path(os.path.abspath(path))  # noqa: PTH100  # looks at no file
