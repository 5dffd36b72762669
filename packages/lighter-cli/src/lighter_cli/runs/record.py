"""Read the records of earlier runs."""

import json
import logging
import shlex
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lighter_cli.checkpoints.on_disk import (
    checkpoints_of,
    is_of_another_run,
    is_undamaged,
    warn_of_damage,
    writer_of,
)
from lighter_cli.runs.environment import is_gone
from lighter_cli.runs.index import found_runs
from lighter_cli.runs.labels import read_labels
from lighter_cli.runs.moved_record import located, move_of_record, relative_files
from lighter_cli.runs.record_fields import FORMAT, damage, is_newer
from lighter_config import RECORD_FILE, Finding, SourceError
from lighter_config.regular_files import exists, is_folder, is_regular, read_regular

_logger = logging.getLogger(__name__)

_MAX_SIZE = 64 * 2**20  # of a record in bytes; one that Lighter writes has a few thousand


@dataclass(frozen=True, slots=True)
class Record:
    """The record of one run.

    Attributes:
        folder: The folder of the record.
        content: The fields of ``record.json``; after a move, with the paths of the files as they are now.
    """

    folder: Path
    content: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The name that the run has in its checkpoints."""
        name: str = self.content.get("id", self.folder.name)
        return name

    @property
    def status(self) -> str:
        """``running``, ``finished``, ``failed`` or ``interrupted``; ``lost`` if its process ended unrecorded."""
        status: str = self.content["status"]
        return "lost" if status == "running" and is_gone(self.content["process"]) else status

    @property
    def ended(self) -> "Record":
        """The same record, of a process that is known to have ended: a run recorded as ``running`` is ``lost``.

        That a process on another host has ended cannot be seen from here.
        """
        return replace(self, content={**self.content, "status": "lost"}) if self.status == "running" else self

    @property
    def files(self) -> tuple[str, ...]:
        """The resolved config files, in order: two runs with the same files are the same experiment."""
        return tuple(self.content["files"])

    @property
    def overrides(self) -> tuple[str, ...]:
        """The overrides that changed single values of the files."""
        return tuple(self.content["overrides"])

    def checkpoint(self, which: str) -> Path | None:
        """Return the undamaged ``last`` or ``best`` checkpoint of the run; ``None`` if there is none.

        A killed run may have saved a checkpoint that its record does not name yet, and removed the one that it names.
        For such a run, its folders are searched. They are also searched, with a warning, if the recorded checkpoint is
        missing, damaged or written by another run. In a copy of a run, its own checkpoint comes before that of the
        original place.
        """
        named = self.content["checkpoints"].get(which)
        is_lost = self.status == "lost"
        if not is_lost and (file := self._usable(named)):
            return file
        move = move_of_record(self.content, self.folder)
        refused = None if is_lost or named is None else Path(named)
        for file, record in checkpoints_of(self.id, self.content.get("checkpoint_folders", ()), refused):
            if which == "last":
                return file
            best = record.get("checkpoints", {}).get("best")
            best = move.present(best) if move is not None and best is not None else best
            if best is not None and Path(best) != refused and (usable := self._usable(best)):
                return usable
        if is_lost:
            return self._usable(named)
        original = None if move is None or named is None else move.recorded(named)
        return self._usable(original) if original is not None and exists(original) else None

    def _usable(self, path: str | None) -> Path | None:
        if path is None:
            return None
        file = Path(path)
        if not (is_regular(file) or is_folder(file)):
            _logger.warning("the checkpoint %s no longer exists", file)
        elif not is_undamaged(file):
            warn_of_damage(file)
        elif self._is_of_another_run(file):
            _logger.warning("the checkpoint %s was written by another run", file)
        else:
            return file
        return None

    def _is_of_another_run(self, file: Path) -> bool:
        """Return whether another run has written this file, unless this run may have started from it."""
        start = datetime.fromisoformat(self.content["start"])
        if move_of_record(self.content, self.folder) is None:
            return is_of_another_run(file, self.id, since=start)
        writer = writer_of(file)  # copying changes the times of files
        if writer.get("id", self.id) == self.id:
            return False
        try:
            is_older = datetime.fromisoformat(writer["start"]) < start
            files = relative_files(writer["files"], writer["working_directory"])
        except (KeyError, TypeError, ValueError):
            return True
        return not is_older or files != relative_files(self.files, self.content["working_directory"])

    def num_steps_after(self, checkpoint: Path) -> int:
        """Return how many optimizer steps the run made after its last checkpoint; 0 if unknown.

        With a ``monitor``, Lightning writes ``last.ckpt`` only in epochs whose checkpoint it keeps.
        """
        progress, saved = self.content["progress"], self.content["checkpoints"].get("last_step")
        is_last = str(checkpoint) == self.content["checkpoints"].get("last")
        return progress["step"] - saved if is_last and progress is not None and saved is not None else 0


def read_records(working_directory: Path, gone: list[str] | None = None) -> list[Record]:
    """Read the record of every run that was started in a working directory, oldest first.

    Damaged lines and records are skipped with a warning.

    Args:
        working_directory: The folder in which the runs were started.
        gone: Gets the folders that are gone.
    """
    found = (record_or_warning(folder) for folder, _ in found_runs(working_directory, gone))
    return [record for record in found if record is not None][::-1]


def record_or_warning(folder: str) -> Record | None:
    """Read the record in one folder; ``None`` if there is none, and with a warning if it is damaged."""
    try:
        return read_record(Path(folder)) if is_regular(Path(folder, RECORD_FILE)) else None
    except (SourceError, OSError) as error:
        _logger.warning("a run is skipped: %s", error)
        return None


def read_record(folder: Path) -> Record:
    """Read the record of a run in its folder, which may have been moved since it was written.

    Raises:
        SourceError: It is damaged.
    """
    content = read_fields(folder)
    located_content = located(content, move_of_record(content, folder))
    return Record(folder, {**located_content, **read_labels(folder)})


def read_fields(folder: Path) -> Mapping[str, Any]:
    """Read the fields of the record in a folder as they were written.

    Raises:
        SourceError: They are damaged.
    """
    file = folder / RECORD_FILE
    if (size := file.stat().st_size) > _MAX_SIZE:
        raise SourceError(Finding(message=f"the record {str(file)!r} is damaged: it has {size:,} bytes"))
    try:
        content: Mapping[str, Any] = json.loads(read_regular(file))
    except (ValueError, RecursionError) as error:
        raise SourceError(Finding(message=f"the record {str(file)!r} is damaged: {error}")) from error
    if is_newer(content):
        message = f"the record {str(file)!r} is of a newer version of Lighter, in format {content['format']}"
        raise SourceError(Finding(message=message, expected=(f"format {FORMAT}",)))
    if wrong := damage(content):
        raise SourceError(Finding(message=f"the record {str(file)!r} is damaged: {wrong}"))
    return content


def newest_with_checkpoint(records: Iterable[Record], which: str) -> tuple[Record, Path] | tuple[None, None]:
    """Return the first ended run that has a ``last`` or ``best`` checkpoint, and that checkpoint."""
    for record in records:
        if record.status == "running":
            _warn_if_on_another_host(record)
        elif file := record.checkpoint(which):
            return record, file
    return None, None


def _warn_if_on_another_host(record: Record) -> None:
    """Warn about a run that may have been killed together with its machine: its process is not visible from here."""
    host = record.content["process"]["host"]
    if host != socket.gethostname():
        text = "run %s is skipped: it is recorded as running on %s; if it has ended, resume it with `lighter fit %s`"
        _logger.warning(text, record.folder.name, host, shlex.quote(str(record.folder)))
