"""Read a record whose folder was moved or copied: its paths become those of the files where they are now."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from lighter_config.sources.moved_paths import Move, move_of


def move_of_record(content: Mapping[str, Any], folder: Path) -> Move | None:
    """Return how the folder of a record was moved; ``None`` if it is where the run wrote it.

    A record of an earlier version does not hold its folder. It lay in the folder where the run was started as it now
    lies in the working directory.
    """
    then = content.get("folder")
    if then is None:
        now = os.path.abspath(folder)  # noqa: PTH100
        if not Path(now).is_relative_to(Path.cwd()):
            return None
        then = str(Path(content["working_directory"]) / Path(now).relative_to(Path.cwd()))
    return None if then == str(folder) else move_of(then, folder)


def located(content: Mapping[str, Any], move: Move | None) -> Mapping[str, Any]:
    """Return a record with each path where its file is now.

    Args:
        content: The fields of the record; those in a checkpoint may lack some.
        move: How its folder was moved.
    """
    if move is None:
        return content
    changed = {name: change(content[name], move.present) for name, change in _PATHS.items() if name in content}
    if used := content.get("options", {}).get("ckpt_path"):
        started_in = content["working_directory"]
        changed["options"] = {**content["options"], "ckpt_path": move.present(_absolute(used, started_in))}
    return {**content, **changed}


def relative_files(files: Sequence[str], folder: str) -> tuple[str, ...]:
    """Return files as they lie to a folder: they name the same experiment after all of it was moved."""
    return _relative_files(tuple(files), folder)


@cache
def _relative_files(files: tuple[str, ...], folder: str) -> tuple[str, ...]:
    return tuple(os.path.relpath(file, folder) if file else file for file in files)


def _absolute(path: str, folder: str) -> str:
    return path if "://" in path else os.path.join(folder, path)  # noqa: PTH118


_Present = Callable[[str], str]


def _in_list(paths: Sequence[str], present: _Present) -> list[str]:
    return [present(path) for path in paths]


def _in_text(path: str | None, present: _Present) -> str | None:
    return None if path is None else present(path)


def _in_checkpoints(saved: Mapping[str, Any], present: _Present) -> dict[str, Any]:
    single = {name: _in_text(saved[name], present) for name in ("last", "best") if name in saved}
    of_nan = {"nan": _in_list(saved["nan"], present)} if "nan" in saved else {}
    return {**saved, **single, **of_nan}


def _in_loggers(loggers: Sequence[Mapping[str, str]], present: _Present) -> list[dict[str, str]]:
    return [
        {name: present(value) if name == "folder" else value for name, value in logger.items()} for logger in loggers
    ]


_PATHS: Mapping[str, Callable[[Any, _Present], Any]] = {
    "files": _in_list,
    "working_directory": _in_text,
    "project": _in_text,
    "checkpoints": _in_checkpoints,
    "checkpoint_folders": _in_list,
    "loggers": _in_loggers,
}
