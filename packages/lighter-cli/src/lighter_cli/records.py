"""Read the records of earlier runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lighter_cli.environment import is_gone

RECORD_FILE = "record.json"
INDEX = Path(".lighter") / "runs.jsonl"
"""Relative to the working directory: one line a run, naming its folder."""


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


def read_records(working_directory: Path) -> list[Record]:
    """Read every run that was started in a working directory, oldest first.

    Lines whose folder was removed are passed over.
    """
    index = working_directory / INDEX
    if not index.is_file():
        return []
    folders = [Path(json.loads(line)["folder"]) for line in index.read_text(encoding="utf-8").splitlines() if line]
    return [read_record(folder) for folder in folders if (folder / RECORD_FILE).is_file()]


def read_record(folder: Path) -> Record:
    """Read the record in one folder."""
    return Record(folder, json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")))


def newest_with_checkpoint(records: Sequence[Record], files: Sequence[str], which: str) -> Record | None:
    """Return the newest ended run of an experiment that has a ``last`` or ``best`` checkpoint."""
    for record in reversed(records):
        if record.files == tuple(files) and record.status != "running" and record.checkpoint(which) is not None:
            return record
    return None
