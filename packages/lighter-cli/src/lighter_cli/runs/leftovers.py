"""Remove what killed runs have left on the disk and nothing reads: parts of checkpoints, and reserved space."""

import logging
from collections.abc import Iterable
from pathlib import Path

from lighter_cli.atomic_files import remove_partial_files
from lighter_cli.runs.record import record_or_warning
from lighter_cli.runs.record_writer import RESERVE

_logger = logging.getLogger(__name__)


def remove_partial_checkpoints(folders: Iterable[str]) -> None:
    """Remove the partial checkpoints of killed processes from folders, see `remove_partial_files`."""
    for folder in folders:
        num_files, num_bytes = remove_partial_files(Path(folder), ".ckpt")
        if num_files:
            text = "removed %d partial checkpoint(s) of killed runs from %s: %.1f MiB"
            _logger.info(text, num_files, folder, num_bytes / 2**20)


def release_reserve(record: Path) -> None:
    """Remove the space that a run reserved for the last write of its record, if its process was killed.

    Args:
        record: The folder of the record.

    Raises:
        OSError: The file cannot be removed.
    """
    if (record / RESERVE).exists() and (found := record_or_warning(str(record))) and found.status == "lost":
        (record / RESERVE).unlink(missing_ok=True)
