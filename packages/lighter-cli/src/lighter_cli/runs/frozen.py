"""Keep a config and the code of a project as they are now: what runs later never sees later edits."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from lighter_cli.atomic_files import write_atomically
from lighter_cli.code.files import MAX_FILE_BYTES, PATTERNS, project_files
from lighter_cli.code.repository import working_tree
from lighter_cli.runs.record_writer import places_of
from lighter_config import (
    RECORDED_CONFIG,
    RECORDED_PLACES,
    Config,
    Finding,
    Secrets,
    SourceError,
    to_yaml,
)
from lighter_config.project import locate_project
from lighter_config.regular_files import is_folder, is_regular

CODE = "code"
"""The folder with the copy of a project."""

_MOST_BYTES = 50 * 2**20
_NOT_LINKED = ("__pycache__", "lighter_jobs", "lighter_runs", "lighter_sweeps")


@dataclass(frozen=True, slots=True)
class FrozenCode:
    """The copy of a project.

    Attributes:
        project: The folder to import as ``project``: the copy, or the original; ``None`` without one.
        notes: What a user should know.
    """

    project: Path | None
    notes: tuple[str, ...] = field(default=())


def config_text(config: Config, owner: str) -> str:
    """Return a config as it is kept, complete without other files.

    Args:
        config: The config.
        owner: What keeps it, such as ``a sweep``.

    Raises:
        SourceError: It holds a secret, which would be kept with it.
    """
    if paths := Secrets(config).paths:
        path = paths[0]
        raise SourceError(
            Finding(
                message=f"{owner} keeps its config, and {path} is a secret",
                path=path,
                place=config.place(path),
                fix="let the environment hold it: \"$__import__('os').environ['NAME']\"",
            )
        )
    return to_yaml(config, standalone=True)


def keep_config(folder: Path, config: Config, owner: str) -> None:
    """Write a config, and the places of its values.

    Args:
        folder: Where to.
        config: The config.
        owner: What keeps it, such as ``a sweep``.

    Raises:
        SourceError: It holds a secret.
        OSError: It cannot be written.
    """
    write_atomically(folder / RECORDED_CONFIG, config_text(config, owner))
    write_atomically(folder / RECORDED_PLACES, json.dumps(places_of(config), indent=1))


def freeze_code(config: Config, folder: Path) -> FrozenCode:
    """Copy the code of the project into a folder; data beside it is linked.

    Args:
        config: The config.
        folder: The folder to make.
    """
    project = locate_project(config)
    if project is None:
        return FrozenCode(None)
    left_out: list[str] = []
    files = project_files(project.folder, working_tree(project.folder, PATTERNS, 0), left_out)
    sizes = {file: os.stat(file).st_size for file in files if os.path.isfile(file)}  # noqa: PTH113, PTH116
    kept = {file for file, size in sizes.items() if size <= MAX_FILE_BYTES}
    if sum(sizes[file] for file in kept) > _MOST_BYTES:
        text = f"the code in {project.folder} is too large to be copied: later edits of it are used"
        return FrozenCode(project.folder, (text,))
    _copy(project.folder, folder, kept)
    return FrozenCode(folder)


def _copy(source: Path, target: Path, kept: set[str]) -> None:
    """Copy the files to keep, and link the rest, such as data that code reads from beside itself.

    A module that git ignores, such as a generated one, is copied: through a link, a later edit would be used.
    """
    target.mkdir(parents=True)
    folders = {parent for file in kept for parent in Path(file).parents}
    for entry in sorted(source.iterdir()):
        copy = target / entry.name
        if str(entry) in kept or (entry.suffix == ".py" and is_regular(entry)):
            shutil.copyfile(entry, copy)
        elif entry in folders:
            _copy(entry, copy, kept)
        elif entry.name not in _NOT_LINKED and not entry.name.startswith("."):
            copy.symlink_to(entry.absolute(), target_is_directory=is_folder(entry))
