"""The temporary folder of a rehearsal, and its silence."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from lighter_config import Finding, SourceError

_QUIET = ("lighter", "lighter_cli", "lighter_config", "pytorch_lightning", "lightning.pytorch", "lightning_fabric")


@contextmanager
def temporary_folder(*, keep: bool) -> Iterator[Path]:
    """Make a folder, and remove it at the end with all that is in it.

    Args:
        keep: Leave it.

    Raises:
        SourceError: It cannot be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="lighter-preflight-")).resolve()
        (folder / "loggers").mkdir()
    except OSError as error:
        raise SourceError(
            Finding(
                message=f"no temporary folder can be made: {error.strerror or error}",
                expected=("a folder that can be written, with space for a checkpoint and some predictions",),
                fix="set TMPDIR to such a folder",
            )
        ) from error
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Let libraries only warn, and send what code prints to standard error: the report has standard output."""
    loggers = [logging.getLogger(name) for name in _QUIET]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
