"""Read the records of earlier runs."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lighter_cli.environment import is_gone
from lighter_config import RECORD_FILE, Finding, SourceError

_logger = logging.getLogger(__name__)

INDEX = Path(".lighter") / "runs.jsonl"
"""Relative to the working directory: one line a run, naming its folder."""

_FIELDS = {
    *("stage", "status", "start", "end", "error", "words", "files", "overrides", "options", "working_directory"),
    *("project", "seed", "git", "versions", "process", "devices", "progress", "metrics", "checkpoints"),
}


@dataclass(frozen=True, slots=True)
class Record:
    """What is known about one run.

    Attributes:
        folder: The folder of the record.
        content: The fields of ``record.json``.
    """

    folder: Path
    content: Mapping[str, Any]

    @property
    def status(self) -> str:
        """``running``, ``finished``, ``failed``, ``interrupted``; ``lost`` when its process is gone."""
        status: str = self.content["status"]
        return "lost" if status == "running" and is_gone(self.content["process"]) else status

    @property
    def files(self) -> tuple[str, ...]:
        """The resolved config files, in order: what makes two runs the same experiment."""
        return tuple(self.content["files"])

    @property
    def overrides(self) -> tuple[str, ...]:
        """The words that changed single values of the files."""
        return tuple(self.content["overrides"])

    def checkpoint(self, which: str) -> Path | None:
        """Return the ``last`` or ``best`` checkpoint of the run, or ``None`` when it has none or the file is gone."""
        path = self.content["checkpoints"].get(which)
        return Path(path) if path and Path(path).exists() else None

    @property
    def num_steps_lost(self) -> int:
        """How many optimizer steps came after the last checkpoint; 0 when that is not known.

        With a ``monitor``, Lightning writes ``last.ckpt`` only in epochs whose checkpoint it keeps.
        """
        progress, saved = self.content["progress"], self.content["checkpoints"].get("last_step")
        return 0 if progress is None or saved is None else progress["step"] - saved


def read_records(working_directory: Path) -> list[Record]:
    """Read every run that was started in a working directory, oldest first.

    Runs whose folder was removed are passed over; so are damaged lines and records, each with a warning.
    """
    index = working_directory / INDEX
    try:
        lines = index.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            folder = Path(json.loads(line)["folder"])
        except (ValueError, TypeError, KeyError):
            _logger.warning("line %d of %s is damaged and passed over: %s", number, INDEX, line)
            continue
        try:
            records += [read_record(folder)] if (folder / RECORD_FILE).is_file() else []
        except (SourceError, OSError) as error:
            _logger.warning("a run is passed over: %s", error)
    return records


def read_record(folder: Path) -> Record:
    """Read the record in one folder.

    Raises:
        SourceError: It is damaged.
    """
    file = folder / RECORD_FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        missing = sorted(_FIELDS - content.keys())
    except (ValueError, AttributeError) as error:
        raise SourceError(Finding(message=f"the record {str(file)!r} is damaged: {error}")) from error
    if missing:
        raise SourceError(Finding(message=f"the record {str(file)!r} is damaged: it has no {', '.join(missing)}"))
    return Record(folder, content)


def newest_with_checkpoint(records: Sequence[Record], files: Sequence[str], which: str) -> Record | None:
    """Return the newest ended run of an experiment that has a ``last`` or ``best`` checkpoint."""
    for record in reversed(records):
        if record.files == tuple(files) and record.status != "running" and record.checkpoint(which) is not None:
            return record
    return None
