"""The list of runs of a working directory, ``.lighter/runs.jsonl``: a line for each names its folder.

A later line with ``was`` says where a run that was in that folder is now; if both are the same, it was not found. One
with ``removed`` takes its folder off the list.
"""

import json
import logging
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any

from lighter_cli.atomic_files import append_line
from lighter_config import RECORD_FILE, RECORDED_CONFIG
from lighter_config.regular_files import read_regular

_logger = logging.getLogger(__name__)

INDEX = Path(".lighter") / "runs.jsonl"
"""Relative to the working directory."""

_RUNS = "lighter_runs"
_MAX_DEPTH = 3  # folders between the working directory and a folder of runs
_MAX_ENTRIES = 20_000
_APPENDING_S = 0.01


def enter(folder: Path, stage: str) -> None:
    """Add a run to the list of the working directory. If the list is missing, the runs beside this one come first.

    Raises:
        OSError: The list cannot be written.
    """
    working_directory = Path.cwd()
    if not os.path.lexists(working_directory / INDEX) and folder.is_relative_to(working_directory):
        beside = _ordered(_folders_in(str(folder.parent), iter(range(_MAX_ENTRIES))))
        _write([found for found in beside if found != str(folder)], working_directory)
    line = json.dumps({**_named(str(folder), working_directory), "stage": stage})
    append_line(working_directory / INDEX, line)


def forget(folders: Iterable[str], working_directory: Path) -> None:
    """Take the folders of runs off the list of a working directory; those that are not on it are skipped.

    This appends lines: a list that is written anew would lose what other processes append at the same time.

    Raises:
        OSError: The list cannot be written.
    """
    listed = _listed(working_directory)
    lines = [
        json.dumps({**_named(folder, working_directory), "removed": True}) for folder in folders if folder in listed
    ]
    if lines:
        append_line(working_directory / INDEX, "\n".join(lines))


def found_runs(working_directory: Path, gone: list[str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield the folder of each run that was started in a working directory, and its ``version_of``, newest first.

    Damaged lines are skipped with a warning. Lighter searches for runs at most three levels deep, among at most 20,000
    entries, and not where another list is: if the list is missing, is not readable or has no undamaged line, and at
    the first run whose folder is gone. What the search finds, and what it does not find, is written to the list, so
    that no later command searches for it.

    Args:
        working_directory: The folder in which the runs were started.
        gone: Gets the folders that are gone, newest first.
    """
    runs = _listed(working_directory)
    if not runs:
        yield from ((folder, version_of(folder) or "") for folder in reversed(_search_anew(working_directory)))
        return
    found: dict[str, str] | None = None
    moved: dict[str, str] = {}
    try:
        for folder, is_searched in reversed(runs.items()):
            if version := version_of(folder):
                yield folder, version
                continue
            if not is_searched:
                if found is None:
                    found = {name_of(there): there for there in _search(working_directory) if there not in runs}
                moved[folder] = found.get(name_of(folder), folder)
                if version := version_of(moved[folder]):
                    yield moved[folder], version
                    continue
            if gone is not None:
                gone.append(folder)
    finally:
        _note_moved(moved, working_directory)


def version_of(folder: str) -> str | None:
    """Return the version of the record in a folder: another one has another text. ``None`` if there is no record."""
    try:
        found = os.stat(f"{folder}{os.sep}{RECORD_FILE}")  # noqa: PTH116  # making a path takes as long
    except (OSError, ValueError):
        return None
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}" if S_ISREG(found.st_mode) else None


def name_of(folder: str) -> str:
    """Return the name of the folder of a run: its id."""
    return folder.rpartition(os.sep)[2]


def _listed(working_directory: Path) -> dict[str, bool]:
    """Return the folders that the list names, oldest first, each with whether a search has not found it."""
    try:
        lines = _complete_lines(working_directory / INDEX)
    except FileNotFoundError:
        return {}
    except OSError as error:
        _logger.warning("the list of runs %s cannot be read and is skipped: %s", INDEX, error.strerror)
        return {}
    return _folders_of(lines, f"{working_directory.absolute()}{os.sep}")


def _search_anew(working_directory: Path) -> list[str]:
    """Return the folders of the runs below a working directory, oldest first; write them to a missing list."""
    folders = _search(working_directory)
    if not os.path.lexists(working_directory / INDEX):
        _write(folders, working_directory)
    return folders


def _note_moved(moved: Mapping[str, str], working_directory: Path) -> None:
    """Write where a search found runs that were moved, and for the others that it did not find them."""
    if num_found := sum(folder != now for folder, now in moved.items()):
        _logger.warning("%d runs of %s have moved: a search found their folders", num_found, INDEX)
    if moved and not (working_directory / INDEX).is_symlink():  # reading writes nowhere else
        with suppress(OSError):
            lines = [
                json.dumps({**_named(now, working_directory), "was": _named(folder, working_directory)["folder"]})
                for folder, now in moved.items()
            ]
            append_line(working_directory / INDEX, "\n".join(lines))


def _named(folder: str, working_directory: Path) -> dict[str, str]:
    """Return how a line names a folder: relative to the working directory, so that both can be moved.

    One that is outside it can be moved with it or not, and is named both ways.
    """
    inside = folder.removeprefix(f"{working_directory.absolute()}{os.sep}")
    if inside != folder:
        return {"folder": inside}
    return {"folder": folder, "beside": os.path.relpath(folder, working_directory)}


def _complete_lines(file: Path) -> list[bytes]:
    """Read the lines of a file that other processes append to: a read can see the first part of a line alone."""
    content = read_regular(file)
    if content and not content.endswith(b"\n"):
        time.sleep(_APPENDING_S)
        content = read_regular(file)
    return content.splitlines()


def parsed_lines(lines: Sequence[bytes]) -> list[Any]:
    """Parse lines that hold a JSON value each; a damaged or empty line becomes ``None``."""
    try:
        values: list[Any] = json.loads(b"[" + b",".join(lines) + b"]")  # much faster than line by line
    except (ValueError, RecursionError):
        values = []
    return values if len(values) == len(lines) else [_parsed(line) for line in lines]


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _folders_of(lines: Sequence[bytes], inside: str) -> dict[str, bool]:
    folders: list[str] = []
    last: dict[str, int] = {}  # at which number in the list a folder is; its last line decides
    nowhere: set[str] = set()
    for number, value in enumerate(parsed_lines(lines)):
        folder = value.get("folder") if isinstance(value, dict) else None
        if not isinstance(folder, str):
            if lines[number].strip():
                text = lines[number].decode(errors="replace")
                _logger.warning("line %d of %s is damaged and is skipped: %.200s", number + 1, INDEX, text)
            continue
        folder = _absolute(folder, value.get("beside"), inside)
        was = value.get("was")
        if value.get("removed") is True:
            last.pop(folder, None)
        elif not isinstance(was, str):
            last[folder] = len(folders)
            folders.append(folder)
        elif (moved := last.pop(_absolute(was, None, inside), None)) is not None:
            last[folder] = moved
            folders[moved] = folder
            if was == value["folder"]:
                nowhere.add(folder)
    return {folder: folder in nowhere for number, folder in enumerate(folders) if last.get(folder) == number}


def _absolute(folder: str, beside: Any, inside: str) -> str:
    """Return the folder that a line names, see ``_named``."""
    folder = folder.rstrip(os.sep)
    if not os.path.isabs(folder):  # noqa: PTH117  # making a path takes longer
        return inside + folder
    there = os.path.normpath(inside + beside) if isinstance(beside, str) else folder
    return there if there != folder and version_of(there) else folder


def _write(folders: list[str], working_directory: Path) -> None:
    """Write a missing list, unless another process has done so or the folder is read-only."""
    if not folders:
        return
    _logger.warning("the list of runs %s is missing: a search found %d runs", INDEX, len(folders))
    index = working_directory / INDEX
    with suppress(OSError):
        index.parent.mkdir(exist_ok=True)
        with index.open("x", encoding="utf-8") as file:
            file.write("".join(json.dumps(_named(folder, working_directory)) + "\n" for folder in folders))


def _search(working_directory: Path) -> list[str]:
    """Return the folders of the runs below a working directory, oldest first; linked folders are searched last."""
    found: list[os.DirEntry[str]] = []
    budget = iter(range(_MAX_ENTRIES))
    folders = deque([(str(working_directory.absolute()), 0)])
    linked: deque[tuple[str, int]] = deque()
    while folders or linked:
        folder, depth = (folders or linked).popleft()
        for entry in _folders_in(folder, budget):
            if entry.is_symlink() and _is_searched_anyway(entry.path, working_directory):
                continue
            if entry.name == _RUNS:
                found += _folders_in(entry.path, budget)
            elif depth < _MAX_DEPTH and not os.path.lexists(Path(entry.path) / INDEX):
                (linked if entry.is_symlink() else folders).append((entry.path, depth + 1))
    if next(budget, None) is None:
        _logger.warning("the search for runs ended after %d files and folders", _MAX_ENTRIES)
    return _ordered(found)


def _is_searched_anyway(link: str, working_directory: Path) -> bool:
    """Return whether a link leads to a folder that is searched anyway, or to one above."""
    there, here = Path(link).resolve(), working_directory.resolve()
    return there.is_relative_to(here) or here.is_relative_to(there)


def _folders_in(folder: str, budget: Iterator[int]) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [
            entry
            for entry, _ in zip(entries, budget, strict=False)
            if not entry.name.startswith(".") and entry.is_dir()
        ]
    return []


def _ordered(runs: Sequence[os.DirEntry[str]]) -> list[str]:
    """Return the folders that hold a record, by the second that their name begins with, then by age."""
    found = []
    for run in runs:
        folder, config = Path(run.path), Path(run.path, RECORDED_CONFIG)
        if (folder / RECORD_FILE).is_file():
            found.append((run.name[:15], config.stat().st_mtime if config.is_file() else 0.0, run.path))
    return [folder for *_, folder in sorted(found)]
