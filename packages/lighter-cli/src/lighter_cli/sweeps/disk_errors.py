"""Say what to do where a sweep cannot write: the disk is full, or the folder belongs to another user."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lighter_cli.atomic_files import NOT_WRITABLE
from lighter_cli.errors import SweepError
from lighter_cli.sweeps.layout import SWEEPS
from lighter_cli.terminal.shown import shown_path
from lighter_config import Finding
from lighter_config.regular_files import exists

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def reporting_disk_errors() -> Iterator[None]:
    """Turn errors of writing below ``lighter_sweeps`` into errors that say what to do.

    Raises:
        SweepError: The disk is full, or this user may not write there.
    """
    try:
        yield
    except OSError as error:
        file = Path(os.fsdecode(error.filename or SWEEPS))
        if error.errno in _FULL:
            message = f"the sweep stops, as the disk is full: {file}"
            raise SweepError(Finding(message=message, fix="make space, then run the same command again")) from error
        if error.errno not in NOT_WRITABLE or SWEEPS not in file.absolute().parts:
            raise
        raise SweepError(
            Finding(
                message=f"the sweep cannot write {shown_path(file)}: {os.strerror(error.errno)}",
                expected=("files to which every user of the sweep may write",),
                fix=f"give them a common group, chmod -R g+w {shown_path(_folder_of(file))}, and umask 002 for all",
            )
        ) from error


def _folder_of(file: Path) -> Path:
    """Return the folder of the sweep that a file belongs to; that of all sweeps if it does not exist yet."""
    parts = file.absolute().parts
    folder = Path(*parts[: parts.index(SWEEPS) + 2])
    return folder if exists(folder) else folder.parent
