"""Keep the config and the code of a sweep as they are when it begins: later edits never reach its trials."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lighter_cli.atomic_files import write_atomically
from lighter_cli.code.files import MAX_FILE_BYTES, PATTERNS, hash_of, project_files, read_code
from lighter_cli.code.repository import working_tree
from lighter_cli.runs.record_writer import places_of
from lighter_config import (
    RECORDED_CONFIG,
    RECORDED_PLACES,
    Config,
    Finding,
    Secrets,
    SourceError,
    StdinSource,
    diff,
    load,
    to_yaml,
)
from lighter_config.project import locate_project
from lighter_config.regular_files import is_folder
from lighter_config.sections import SWEEP
from lighter_config.space import Range, Space
from lighter_config.tree.paths import SEPARATOR

_MOST_BYTES = 50 * 2**20
_MAX_PATCH_BYTES = 4 * 2**20
_NOT_LINKED = ("__pycache__", "lighter_sweeps", "lighter_runs")


@dataclass(frozen=True, slots=True)
class FrozenCode:
    """The copy of a project.

    Attributes:
        project: The folder that trials import as ``project``: the copy, or the original; ``None`` without one.
        notes: What a user should know.
    """

    project: Path | None
    notes: tuple[str, ...] = field(default=())


def config_text(config: Config) -> str:
    """Return the config of a sweep as it is kept, complete without other files.

    Raises:
        SourceError: It holds a secret, which would be kept with it.
    """
    if paths := Secrets(config).paths:
        path = paths[0]
        raise SourceError(
            Finding(
                message=f"a sweep keeps its config, and {path} is a secret",
                path=path,
                place=config.place(path),
                fix="let the environment hold it: \"$__import__('os').environ['NAME']\"",
            )
        )
    return to_yaml(config, standalone=True)


def keep_config(folder: Path, config: Config) -> None:
    """Write the config of a sweep, and the places of its values.

    Raises:
        SourceError: It holds a secret.
        OSError: It cannot be written.
    """
    write_atomically(folder / RECORDED_CONFIG, config_text(config))
    write_atomically(folder / RECORDED_PLACES, json.dumps(places_of(config), indent=1))


def changes_since(frozen: str, now: str) -> list[str]:
    """Return what differs between two kept configs, as ``PATH OLD → NEW``; the ``sweep`` section does not count."""
    if frozen == now:
        return []
    differences = diff(load([StdinSource(frozen)]), load([StdinSource(now)]))
    outside = (one for one in differences if one.path != SWEEP and not one.path.startswith(f"{SWEEP}{SEPARATOR}"))
    return [f"{one.path} {one.before!r:.60} → {one.after!r:.60}" for one in outside]


def freeze_code(config: Config, folder: Path) -> FrozenCode:
    """Copy the code of the project into the folder of a sweep; data beside it is linked.

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
        text = f"the code in {project.folder} is too large to be copied: edits of it reach later trials"
        return FrozenCode(project.folder, (text,))
    _copy(project.folder, folder, kept)
    return FrozenCode(folder)


def fingerprint(config: Config) -> str:
    """Return a hash of the code that trials use: that of the project, and of the working tree around it."""
    digest = hashlib.sha256()
    project = locate_project(config)
    for folder in dict.fromkeys(filter(None, (Path.cwd(), None if project is None else project.folder))):
        tree = working_tree(folder, PATTERNS, _MAX_PATCH_BYTES)
        if tree is not None:
            digest.update(f"{tree.commit}\n".encode())
            digest.update(tree.changes or b"")
        if project is not None and folder == project.folder:
            for file in project_files(folder, tree, []):
                if file.endswith(".py"):
                    _update(digest, Path(file), folder)
        elif tree is not None:
            for name in tree.untracked:
                if name.endswith(".py"):
                    _update(digest, tree.root / name, tree.root)
    return digest.hexdigest()[:16]


def space_facts(space: Space) -> dict[str, Any]:
    """Return what makes a space another one, as plain values: its dimensions, repeats, objectives and conditions."""
    return {
        "dimensions": [_facts(dimension) for dimension in space.dimensions],
        "repeats": [_facts(dimension) for dimension in space.repeats],
        "objectives": [[objective.name, objective.direction] for objective in space.objectives],
        "where": [condition.text for condition in space.where],
    }


def _facts(dimension: Any) -> list[Any]:
    domain = dimension.domain
    if isinstance(domain, Range):
        return [dimension.name, str(domain)]
    choices = [
        [choice.label, *map(_facts, choice.dimensions), *([] if choice.is_file else [choice.node.plain()])]
        for choice in domain
    ]
    return [dimension.name, choices]


def hashes_of_files(space: Space) -> dict[str, str]:
    """Return a hash of each file that is a choice, with its bases, by the label of the choice."""
    files = (choice for one in space.dimensions for choice in one.choices if choice.is_file)
    return {choice.label: hash_of(repr([part.plain() for part in choice.parts]).encode()) for choice in files}


def _copy(source: Path, target: Path, kept: set[str]) -> None:
    """Copy the files to keep, and link the rest, such as data that code reads from beside itself."""
    target.mkdir(parents=True)
    folders = {parent for file in kept for parent in Path(file).parents}
    for entry in sorted(source.iterdir()):
        copy = target / entry.name
        if str(entry) in kept:
            shutil.copyfile(entry, copy)
        elif entry in folders:
            _copy(entry, copy, kept)
        elif entry.name not in _NOT_LINKED and not entry.name.startswith("."):
            copy.symlink_to(entry.absolute(), target_is_directory=is_folder(entry))


def _update(digest: Any, file: Path, root: Path) -> None:
    try:
        digest.update(f"{os.path.relpath(file, root)} {hash_of(read_code(file))}\n".encode())
    except OSError:
        digest.update(f"{file}\n".encode())
