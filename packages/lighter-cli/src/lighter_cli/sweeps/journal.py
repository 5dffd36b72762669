"""Optuna's journal in a file that survives killed processes and a full disk."""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from lighter_cli.sweeps.locks import locked
from lighter_config.regular_files import exists

JOURNAL_FILE = "journal.log"

_NOTHING = {"op_code": 10}
"""``DISCARD_TRIALS``, which Optuna's Python code passes over."""


def open_journal(folder: Path) -> JournalStorage:
    """Open the journal of a sweep, or begin one."""
    return JournalStorage(Journal(folder / JOURNAL_FILE))


def lock_of(file: Path) -> Path:
    """Return the lock of a journal; Optuna's own is a link named ``.lock``."""
    return file.with_name(f"{file.name}.flock")


class Journal(BaseJournalBackend):
    """A log of what happened in a study, one JSON value a line, as Optuna's ``JournalFileBackend`` writes it.

    That class glues the next line to one that a killed writer left incomplete, and the study can never be read again
    (Optuna 5.0.0). Here a writer first removes an incomplete last line, and a reader stops before one; a damaged line
    inside the file is passed over. The lock is an ``flock``, which ends with its process.

    Args:
        file: The file; Optuna's dashboard opens it too.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = lock_of(file)
        self._ends = [0]  # where each line that was read ends
        if not exists(file):
            file.touch()

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the entries from a number on; it counts lines, damaged ones too."""
        number = min(log_number_from, len(self._ends) - 1)
        for line in self._content(self._ends[number]).splitlines(keepends=True):
            if not line.endswith(b"\n"):
                return
            number += 1
            if number == len(self._ends):
                self._ends.append(self._ends[-1] + len(line))
            if number > log_number_from:
                yield _entry(line)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add entries with one ``write``.

        Raises:
            OSError: The disk is full; nothing is added.
        """
        lines = "".join(f"{json.dumps(entry, separators=(',', ':'))}\n" for entry in logs).encode()
        with locked(self._lock):
            descriptor = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                end = _end_of_lines(descriptor)
                if os.write(descriptor, lines) < len(lines):
                    os.ftruncate(descriptor, end)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._file))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _content(self, start: int) -> bytes:
        """Read the rest of the file at once: between two reads, a writer may remove an incomplete line."""
        descriptor = os.open(self._file, os.O_RDONLY)
        try:
            return os.pread(descriptor, max(0, os.fstat(descriptor).st_size - start), start)
        finally:
            os.close(descriptor)


def _entry(line: bytes) -> dict[str, Any]:
    """Return the entry in a line; of a damaged one an entry that changes nothing."""
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    return entry if isinstance(entry, dict) and "op_code" in entry else _NOTHING


def _end_of_lines(descriptor: int) -> int:
    """Remove an incomplete last line of a file; return its size."""
    size = os.fstat(descriptor).st_size
    end = size
    while end > 0:
        start = max(0, end - 4096)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
    return end
