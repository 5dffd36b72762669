"""Write the files of a record, also when the disk is full in the end."""

import errno
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lighter_cli.atomic_files import reserve, write_atomically
from lighter_cli.runs import listing
from lighter_config import RECORD_FILE, RECORDED_CONFIG, RECORDED_PLACES, Config, to_yaml

_logger = logging.getLogger(__name__)

RESERVE = ".reserved"
_RESERVED_BYTES = 32 * 1024  # at least, and four times the first record
_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)


class RecordWriter:
    """Write ``config.yaml``, ``provenance.json`` and ``record.json``, each atomically.

    While the run lasts, a file ``.reserved`` keeps space for the last write: a run that fails because the disk is full
    is recorded as failed.

    Args:
        config: The config as it is recorded.

    Attributes:
        config_text: The config, complete without other files.
        has_folder: Whether the folder of the record could be written.
    """

    def __init__(self, config: Config) -> None:
        self.config_text = to_yaml(config, standalone=True)
        self.has_folder = False
        self._config = config

    def provenance(self) -> dict[str, list[str]]:
        """Return the places of each value."""
        return places_of(self._config)

    def create(self, folder: Path, record: Mapping[str, Any]) -> None:
        """Make the folder of a record, and write all files.

        Raises:
            OSError: They cannot be written.
        """
        folder.mkdir(parents=True)
        self.write_all(folder, record)
        self.has_folder = True
        with suppress(OSError):  # a disk that has no space left for it will soon end the run
            reserve(folder / RESERVE, max(_RESERVED_BYTES, 4 * (folder / RECORD_FILE).stat().st_size))

    def write_all(self, folder: Path, record: Mapping[str, Any]) -> None:
        """Write all files into a folder, which may also be a sharded checkpoint.

        Raises:
            OSError: They cannot be written.
        """
        write_atomically(folder / RECORDED_CONFIG, self.config_text)
        write_atomically(folder / RECORDED_PLACES, to_json(self.provenance()))
        _write(folder, record)

    def write(self, folder: Path, record: Mapping[str, Any]) -> None:
        """Write the record again while the run lasts, with a warning if that is not possible."""
        if not self.has_folder:
            return
        try:
            _write(folder, record)
        except OSError as error:
            _warn(error)

    def write_last(self, folder: Path, record: Mapping[str, Any]) -> None:
        """Write the record of a run that has ended; on a full disk, into the space that was reserved for it."""
        if not self.has_folder:
            return
        try:
            _write(folder, record)
        except OSError as error:
            if error.errno not in _DISK_IS_FULL:
                _warn(error)
                return
            (folder / RESERVE).unlink(missing_ok=True)
            self.write(folder, record)
        else:
            listing.keep_summary(folder, record)
        (folder / RESERVE).unlink(missing_ok=True)


def to_json(content: Mapping[str, Any]) -> str:
    """Write what a record holds as JSON."""
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)


def _write(folder: Path, record: Mapping[str, Any]) -> None:
    write_atomically(folder / RECORD_FILE, to_json(record))


def _warn(error: OSError) -> None:
    _logger.warning("the record of this run could not be updated: %s", error)


def places_of(config: Config) -> dict[str, list[str]]:
    """Return the places of each value by its path, as records keep them; the one that set it last comes first."""
    return {path: [str(place) for place in config.chain(path)] for path in config.leaf_paths()}
