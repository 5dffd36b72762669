"""Let one process at a time change a folder, also on disks that know no ``flock``."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lighter_cli.errors import SweepError
from lighter_config import Finding

_STALE_S = 30.0  # nothing holds a lock longer than a few milliseconds
_POLL_S = 0.005
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock that a file stands for; it is made if it does not exist.

    The system releases an ``flock`` when its process ends, however that happens. On a disk that refuses ``flock``, a
    link beside the file is the lock: it can be left behind, and counts as released after 30 s.

    Raises:
        SweepError: The disk knows neither.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            with _linked(file.with_name(f"{file.name}.link")):
                yield
        else:
            yield
    finally:
        os.close(descriptor)


@contextmanager
def _linked(link: Path) -> Iterator[None]:
    """Hold a lock by making a symbolic link, which only one process can."""
    owner = f"{os.getpid()}-{os.urandom(4).hex()}"
    seen, since = "", time.monotonic()
    while True:
        try:
            link.symlink_to(owner)
            break
        except OSError as error:
            if error.errno in _NO_LINKS:
                raise _no_locks(link.parent) from error
            if error.errno != errno.EEXIST:
                raise
            holder = ""
            with suppress(OSError):
                holder = str(link.readlink())
            if holder != seen:
                seen, since = holder, time.monotonic()
            elif time.monotonic() - since > _STALE_S:
                with suppress(OSError):  # another process may have removed it
                    link.rename(link.with_name(f"{link.name}-{owner}"))
                    link.with_name(f"{link.name}-{owner}").unlink()
            time.sleep(_POLL_S)
    try:
        yield
    finally:
        with suppress(OSError):
            if str(link.readlink()) == owner:
                link.unlink()


def _no_locks(folder: Path) -> SweepError:
    return SweepError(
        Finding(
            message=f"the disk of {folder} has no locks",
            expected=("flock or symbolic links, by which one process at a time changes a sweep",),
            fix="begin the sweep in a folder on another disk",
        )
    )
