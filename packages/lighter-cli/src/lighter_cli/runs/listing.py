"""List runs without reading the record of each: what a list needs is kept until the record changes."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from lighter_cli.atomic_files import append_line, write_atomically
from lighter_cli.runs.environment import is_gone
from lighter_cli.runs.index import found_runs, name_of, parsed_lines, version_of
from lighter_cli.runs.labels import read_labels
from lighter_cli.runs.metric_choice import chosen_metrics
from lighter_cli.runs.moved_record import relative_files
from lighter_cli.runs.record import Record, record_or_warning
from lighter_cli.runs.record_fields import is_summary
from lighter_cli.runs.trial import name_of_trial
from lighter_config.regular_files import open_regular

SUMMARIES = Path(".lighter") / "summaries.jsonl"
"""Relative to the working directory: what lists need of the records. It can be removed: the records have it all."""

_CHUNK_BYTES = 2**18
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
        started_in: The working directory; it may have been moved since, with the files in it.
        process: What identifies its process; ``None`` if an end is recorded.
        version: The size and the times of the record: another version of it has others.
        label: The name that the user gave; empty without one.
        tags: The tags.
        trial: The trial of a sweep that it belongs to, such as ``digits-3fa9/7``; empty without one.
        metrics: The few that a list shows, at the best checkpoint if there is one; the monitored one first.
    """

    folder: str
    stage: str
    recorded_status: str
    start: str
    end: str | None
    words: Sequence[str]
    files: Sequence[str]
    started_in: str
    process: Mapping[str, Any] | None
    version: str
    label: str
    tags: Sequence[str]
    trial: str
    metrics: Mapping[str, float]

    @property
    def name(self) -> str:
        """The name of the folder: the id of the run."""
        return name_of(self.folder)

    @property
    def status(self) -> str:
        """As that of ``Record``."""
        return "lost" if self.process is not None and is_gone(self.process) else self.recorded_status

    def is_of(self, files: Sequence[str], working_directory: str) -> bool:
        """Return whether this run, listed in a working directory, was started there from these files.

        After the working directory was moved, its files count as the same. A run that lies where it was started,
        outside it, has not moved along.
        """
        if list(files) == list(self.files):
            return True
        if self.started_in == working_directory or self.folder.startswith(self.started_in + os.sep):
            return False
        return relative_files(files, working_directory) == relative_files(self.files, self.started_in)

    def record(self) -> Record | None:
        """Read the record; ``None`` if it is gone, and with a warning if it is damaged."""
        return record_or_warning(self.folder)


_WORDS = ListedRun._fields.index("words")
_SAME_IN_MANY = tuple(map(ListedRun._fields.index, ("files", "started_in", "tags")))
_Kept: TypeAlias = dict[str, ListedRun]


def listed_runs(
    working_directory: Path, folders: Iterable[str] | None = None, gone: list[str] | None = None
) -> Iterator[ListedRun]:
    """Yield the runs that were started in a working directory, newest first.

    A record is read when its run is reached, and only if it has changed since its summary was kept. Damaged lines and
    records are skipped with a warning.

    Args:
        working_directory: The folder in which the runs were started.
        folders: Those of the runs to list, instead of all.
        gone: Gets the folders that are gone, newest first.
    """
    found = found_runs(working_directory, gone) if folders is None else ((path, version_of(path)) for path in folders)
    kept: _Kept | None = None
    read: _Kept = {}
    num_read = num_lines = 0
    try:
        for folder, version in found:
            if version is None:
                continue
            if kept is None and num_read == _NUM_READ:
                kept, num_lines = _read_summaries(working_directory)
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


def listed_run(record: Record) -> ListedRun:
    """Return what lists show of a run whose record was read."""
    return _listed(str(record.folder), record.content, version_of(str(record.folder)) or "")


def recorded_folders(working_directory: Path, gone: list[str] | None = None) -> list[str]:
    """Return the folders of runs that still have a record, damaged or not, newest first; no record is read.

    Args:
        working_directory: The folder in which the runs were started.
        gone: Gets the folders that are gone, newest first.
    """
    return [folder for folder, _ in found_runs(working_directory, gone)]


def keep_summary(folder: Path, content: Mapping[str, Any]) -> None:
    """Keep what lists need of a record that was just written; without it, the next list reads the record."""
    if version := version_of(str(folder)):
        listed = _listed(str(folder), {**content, **read_labels(folder)}, version)
        _keep({str(folder): listed}, Path(content["working_directory"]))


def _keep(summaries: _Kept, working_directory: Path, is_replaced: bool = False) -> None:
    file = working_directory / SUMMARIES
    inside = _inside(working_directory)
    lines = [json.dumps([folder.removeprefix(inside), *run[1:]]) for folder, run in summaries.items()]
    with suppress(OSError):
        if is_replaced:
            write_atomically(file, "".join(f"{line}\n" for line in lines))
        else:
            append_line(file, "\n".join(lines))


def _read_summaries(working_directory: Path) -> tuple[_Kept, int]:
    """Return the summaries that are not damaged, and how many lines there are."""
    kept: _Kept = {}
    num_lines = 0
    inside = _inside(working_directory)
    shared: dict[Any, Any] = {}
    with suppress(OSError), open_regular(working_directory / SUMMARIES) as stream:
        while lines := stream.readlines(_CHUNK_BYTES):
            num_lines += len(lines)
            for content in parsed_lines(lines):
                if is_summary(content):
                    run = _sharing(content, shared)
                    folder = run[0]
                    if folder[:1] != os.sep:
                        run[0] = folder = inside + folder
                    kept[folder] = ListedRun._make(run)
    return kept, num_lines


def _sharing(content: list[Any], shared: dict[Any, Any]) -> list[Any]:
    """Return a summary with the texts and lists of earlier ones in place of equal ones: most runs differ little."""
    share = shared.setdefault
    for place in _SAME_IN_MANY:
        value = content[place]
        content[place] = share(value if isinstance(value, str) else tuple(value), value)
    content[_WORDS] = [share(word, word) for word in content[_WORDS]]
    return content


def _inside(working_directory: Path) -> str:
    """Return what the folders of summaries are relative to, so that they stay valid when all is moved."""
    return f"{working_directory.absolute()}{os.sep}"


def _listed(folder: str, content: Mapping[str, Any], version: str) -> ListedRun:
    return ListedRun(
        folder=folder,
        stage=content["stage"],
        recorded_status=content["status"],
        start=content["start"],
        end=content["end"],
        words=content["words"],
        files=content["files"],
        started_in=content["working_directory"],
        process=content["process"] if content["status"] == "running" else None,
        version=version,
        label=content.get("name", ""),
        tags=content.get("tags", ()),
        trial=name_of_trial(content),
        metrics=chosen_metrics(content),
    )
