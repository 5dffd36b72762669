"""Tell whether the config, the code or the space of a sweep is another one than when it began."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from lighter_cli.code.files import PATTERNS, hash_of, project_files, read_code
from lighter_cli.code.repository import working_tree
from lighter_config import Config, StdinSource, diff, load
from lighter_config.project import locate_project
from lighter_config.sections import SWEEP
from lighter_config.space import Range, Space
from lighter_config.tree.paths import SEPARATOR

_MAX_PATCH_BYTES = 4 * 2**20


def changes_since(frozen: str, now: str) -> list[str]:
    """Return what differs between two kept configs, as ``PATH OLD → NEW``; the ``sweep`` section does not count."""
    if frozen == now:
        return []
    differences = diff(load([StdinSource(frozen)]), load([StdinSource(now)]))
    outside = (one for one in differences if one.path != SWEEP and not one.path.startswith(f"{SWEEP}{SEPARATOR}"))
    return [f"{one.path} {one.before!r:.60} → {one.after!r:.60}" for one in outside]


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


def _update(digest: Any, file: Path, root: Path) -> None:
    try:
        digest.update(f"{os.path.relpath(file, root)} {hash_of(read_code(file))}\n".encode())
    except OSError:
        digest.update(f"{file}\n".encode())
