"""The list of runs of a working directory, ``.lighter/runs.jsonl``: one line for each, which names its folder."""

import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
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
    append_line(working_directory / INDEX, json.dumps({"folder": str(folder), "stage": stage}))


def run_folders(working_directory: Path) -> Iterator[str]:
    """Yield the folder of each run that was started in a working directory, newest first; some may be gone.

    Damaged lines are skipped with a warning. If the list is missing, is not readable or has no undamaged line, the
    folders of runs are searched: at most three levels deep, at most 20,000 entries, and not where another list is.
    A missing list is then written again.
    """
    index = working_directory / INDEX
    try:
        lines = _complete_lines(index)
    except FileNotFoundError:
        folders = _search(working_directory)
        _write(folders, working_directory)
        yield from reversed(folders)
        return
    except OSError as error:
        _logger.warning("the list of runs %s cannot be read and is skipped: %s", INDEX, error.strerror)
        lines = []
    seen: set[str] = set()
    for folder in reversed(_folders_of(lines)):
        if folder not in seen:
            seen.add(folder)
            yield folder
    if not seen:
        yield from reversed(_search(working_directory))


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


def _folders_of(lines: Sequence[bytes]) -> list[str]:
    folders = []
    for number, value in enumerate(parsed_lines(lines)):
        folder = value.get("folder") if isinstance(value, dict) else None
        if isinstance(folder, str):
            folders.append(folder.rstrip(os.sep))
        elif lines[number].strip():
            text = lines[number].decode(errors="replace")
            _logger.warning("line %d of %s is damaged and is skipped: %.200s", number + 1, INDEX, text)
    return folders


def _write(folders: list[str], working_directory: Path) -> None:
    """Write a missing list, unless another process has done so or the folder is read-only."""
    if not folders:
        return
    _logger.warning("the list of runs %s is missing: a search found %d runs", INDEX, len(folders))
    index = working_directory / INDEX
    with suppress(OSError):
        index.parent.mkdir(exist_ok=True)
        with index.open("x", encoding="utf-8") as file:
            file.write("".join(json.dumps({"folder": folder}) + "\n" for folder in folders))


def _search(working_directory: Path) -> list[str]:
    """Return the folders of the runs below a working directory, oldest first."""
    found: list[os.DirEntry[str]] = []
    budget = iter(range(_MAX_ENTRIES))
    folders = [(str(working_directory), 0)]
    while folders:
        folder, depth = folders.pop(0)
        for entry in _folders_in(folder, budget):
            if entry.name == _RUNS:
                found += _folders_in(entry.path, budget)
            elif depth < _MAX_DEPTH and not os.path.lexists(Path(entry.path) / INDEX):
                folders.append((entry.path, depth + 1))
    if next(budget, None) is None:
        _logger.warning("the search for runs ended after %d files and folders", _MAX_ENTRIES)
    return _ordered(found)


def _folders_in(folder: str, budget: Iterator[int]) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [
            entry
            for entry, _ in zip(entries, budget, strict=False)
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
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
