"""What an error means for the record: its text, whether it is an interruption, and a warning in its place."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lighter_cli.atomic_files import NOT_WRITABLE
from lighter_cli.lightning_package import is_sigterm

_logger = logging.getLogger(__name__)


def as_text(error: BaseException | None) -> str | None:
    """Return an error as the record names it."""
    if error is None:
        return None
    if is_sigterm(error):
        return str(error) or "SIGTERM"
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # the text of a user's own error can fail
        return type(error).__name__


def was_interrupted(error: BaseException | None) -> bool:
    """Return whether Ctrl-C led to this error: a callback may fail while Lightning stops."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def note_not_writable(error: BaseException, root: str) -> None:
    """Add a note to an error of writing below ``trainer::default_root_dir``: how to write to another folder.

    Args:
        error: The error that ended the run.
        root: The folder, or an address such as that of a bucket.
    """
    if not isinstance(error, OSError) or error.errno not in NOT_WRITABLE or not isinstance(error.filename, str):
        return
    file = Path(error.filename).resolve()
    if "://" not in root and file.is_relative_to(Path(root).resolve()):
        error.add_note(f"to write the results to another folder than {root}: trainer::default_root_dir=FOLDER")


@contextmanager
def warning_instead(consequence: str) -> Iterator[None]:
    """Turn an error of the recorder into a warning."""
    try:
        yield
    except Exception as error:
        _logger.warning("%s: %s", consequence, as_text(error))
