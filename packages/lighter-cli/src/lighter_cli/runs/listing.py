"""List runs without reading the record of each: what a list needs is kept until the record changes."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple, TypeAlias

from lighter_cli.atomic_files import append_line, write_atomically
from lighter_cli.runs.environment import is_gone
from lighter_cli.runs.index import parsed_lines, run_folders
from lighter_cli.runs.record import Record, record_or_warning
from lighter_cli.runs.record_fields import is_summary
from lighter_config import RECORD_FILE
from lighter_config.regular_files import read_regular

SUMMARIES = Path(".lighter") / "summaries.jsonl"
"""Relative to the working directory: what lists need of the records. It can be removed: the records have it all."""

_NUM_READ = 64  # reading so many records is faster than reading all summaries


class ListedRun(NamedTuple):  # made several times faster than a dataclass
    """What a list shows of a run.

    Attributes:
        folder: The folder of its record.
        stage: The stage.
        recorded_status: The status in its record.
        start: When it started, in ISO format.
        end: When it ended; ``None`` if that is not recorded.
        words: The inputs as they were typed.
        files: The resolved config files, in order.
        process: What identifies its process; ``None`` if an end is recorded.
        version: The size and the times of the record: another version of it has others.
    """

    folder: str
    stage: str
    recorded_status: str
    start: str
    end: str | None
    words: Sequence[str]
    files: Sequence[str]
    process: Mapping[str, Any] | None
    version: str

    @property
    def name(self) -> str:
        """The name of the folder: the id of the run."""
        return name_of(self.folder)

    @property
    def status(self) -> str:
        """As that of ``Record``."""
        return "lost" if self.process is not None and is_gone(self.process) else self.recorded_status

    def record(self) -> Record | None:
        """Read the record; ``None`` if it is gone, and with a warning if it is damaged."""
        return record_or_warning(self.folder)


_Kept: TypeAlias = dict[str, ListedRun]


def listed_runs(working_directory: Path, folders: Iterable[str] | None = None) -> Iterator[ListedRun]:
    """Yield the runs that were started in a working directory, newest first.

    A record is read when its run is reached, and only if it has changed since its summary was kept. Runs whose folder
    was removed are skipped; damaged lines and records are skipped with a warning.

    Args:
        working_directory: The folder in which the runs were started.
        folders: Those of the runs to list, instead of all.
    """
    kept: _Kept | None = None
    read: _Kept = {}
    num_read = num_lines = 0
    try:
        for folder in run_folders(working_directory) if folders is None else folders:
            if (version := _version(folder)) is None:
                continue
            if kept is None and num_read == _NUM_READ:
                kept, num_lines = _read_summaries(working_directory / SUMMARIES)
            known = None if kept is None else kept.get(folder)
            if known is not None and known.version == version:
                yield known
                continue
            num_read += 1
            if record := record_or_warning(folder):
                read[folder] = _listed(folder, record.content, version)
                yield read[folder]
    finally:
        if kept is not None:
            changed = {folder: run for folder, run in read.items() if kept.get(folder) != run}
            has_many_old_lines = num_lines > 2 * len(kept) + _NUM_READ
            if changed and not (working_directory / SUMMARIES).is_symlink():  # reading writes nowhere else
                _keep({**kept, **changed} if has_many_old_lines else changed, working_directory, has_many_old_lines)


def recorded_folders(working_directory: Path) -> list[str]:
    """Return the folders of runs that still have a record, damaged or not, newest first; no record is read."""
    return [folder for folder in run_folders(working_directory) if _version(folder) is not None]


def name_of(folder: str) -> str:
    """Return the name of the folder of a run: its id."""
    return folder.rpartition(os.sep)[2]


def keep_summary(folder: Path, content: Mapping[str, Any]) -> None:
    """Keep what lists need of a record that was just written; without it, the next list reads the record."""
    if version := _version(str(folder)):
        _keep({str(folder): _listed(str(folder), content, version)}, Path(content["working_directory"]))


def _keep(summaries: _Kept, working_directory: Path, is_replaced: bool = False) -> None:
    file = working_directory / SUMMARIES
    lines = [json.dumps(run) for run in summaries.values()]
    with suppress(OSError):
        if is_replaced:
            write_atomically(file, "".join(f"{line}\n" for line in lines))
        else:
            append_line(file, "\n".join(lines))


def _read_summaries(file: Path) -> tuple[_Kept, int]:
    """Return the summaries that are not damaged, and how many lines there are."""
    try:
        lines = read_regular(file).splitlines()
    except OSError:
        return {}, 0
    kept = {content[0]: ListedRun._make(content) for content in parsed_lines(lines) if is_summary(content)}
    return kept, len(lines)


def _listed(folder: str, content: Mapping[str, Any], version: str) -> ListedRun:
    return ListedRun(
        folder=folder,
        stage=content["stage"],
        recorded_status=content["status"],
        start=content["start"],
        end=content["end"],
        words=content["words"],
        files=content["files"],
        process=content["process"] if content["status"] == "running" else None,
        version=version,
    )


def _version(folder: str) -> str | None:
    """Return the version of the record in a folder; ``None`` if there is none."""
    try:
        found = os.stat(f"{folder}{os.sep}{RECORD_FILE}")  # noqa: PTH116  # making a path takes as long
    except (OSError, ValueError):
        return None
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}" if S_ISREG(found.st_mode) else None
