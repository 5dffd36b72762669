"""Keep in the record of a run what its code was when it started."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lighter_cli.atomic_files import write_atomically
from lighter_cli.code import CODE_FILE, PATCH_FILE
from lighter_cli.code.files import MAX_FILES, PATTERNS, CodeFiles, code_files, hash_of, is_wanted, read_code
from lighter_cli.code.packages import imported_packages
from lighter_cli.code.patch import addition, masked
from lighter_cli.code.repository import WorkingTree, changes_of_kinds, working_tree
from lighter_config import RECORDED_CONFIG

if TYPE_CHECKING:
    from lighter_config import Secrets

_logger = logging.getLogger(__name__)

FORMAT = 1
MAX_PATCH_BYTES = 4 * 1024 * 1024
_KEPT_OUTSIDE_PROJECT = (".py", ".yaml", ".yml")
_NUM_NAMED = 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The code of a run.

    Attributes:
        git: The commit and whether the code differs from it; ``None`` without a commit.
        facts: The content of ``code.json``.
        patch: The content of ``code.patch``; empty if the code is that of the commit.
    """

    git: dict[str, Any] | None
    facts: Mapping[str, Any]
    patch: bytes

    def write(self, folder: Path) -> None:
        """Write it into the folder of a record, whose config is already there; a failure is only a warning."""
        try:
            if self.patch:
                (folder / PATCH_FILE).write_bytes(self.patch)  # complete if it has the hash in the other file
            config = hash_of((folder / RECORDED_CONFIG).read_bytes())
            # names of files may not be text: JSON holds their bytes only as escapes
            write_atomically(folder / CODE_FILE, json.dumps({**self.facts, "config": config}, indent=1))
        except OSError as error:
            _logger.warning("the record of this run does not hold its code: %s", error)


def take_snapshot(project: Path | None, configs: Iterable[str], secrets: Secrets) -> Snapshot:
    """Hash the files of the project, the config files and imported modules, and collect what no commit holds.

    Args:
        project: The folder of the user's code, if there is one.
        configs: The config files.
        secrets: The secrets to mask.
    """
    here = Path.cwd()
    tree = working_tree(project or here, PATTERNS, MAX_PATCH_BYTES)
    files = code_files(project, configs, tree)
    if files.changed:
        text = "%s has changed since it was imported: the record of this run holds it as it is now"
        _logger.warning(text, ", ".join(files.changed[:_NUM_NAMED]))
    contents: dict[str, bytes] = {}
    for path in files.inside:
        try:
            contents[path] = read_code(files.root / path)
        except FileNotFoundError:  # git tracks it, and it was removed
            continue
        except OSError as error:
            files.left_out.append(f"{path}: {error.strerror or error}")
    outside = {}
    for file in files.outside:
        with suppress(OSError):
            outside[file] = hash_of(read_code(file))
    patch, facts = _patch(tree, files, contents, secrets)
    if not facts["is_complete"]:
        _logger.warning(
            "the uncommitted changes are too large for the record, which keeps %d MiB: it lacks %s; commit them, so "
            "that the run can be restored",
            MAX_PATCH_BYTES // 2**20,
            ", ".join(facts["left_out"][:3]) or "changes of files that are not code",
        )
    left_out = files.left_out[:_NUM_NAMED]
    return Snapshot(
        git=None if tree is None else tree.state,
        facts={
            "format": FORMAT,
            "root": str(files.root),
            "commit": None if tree is None else tree.commit,
            "project": _relative(project, files.root),
            "working_directory": _relative(here, files.root),
            "files": {path: hash_of(content) for path, content in contents.items()},
            "outside": outside,
            "configs": files.configs,
            "left_out": left_out + [f"{len(files.left_out) - len(left_out)} more"] * (files.left_out != left_out),
            "patch": facts if patch or not facts["is_complete"] else None,
            "packages": imported_packages(),
        },
        patch=patch,
    )


def _patch(
    tree: WorkingTree | None, files: CodeFiles, contents: Mapping[str, bytes], secrets: Secrets
) -> tuple[bytes, dict[str, Any]]:
    """Return what makes the code from the files of the commit, and what to say about it."""
    changes: bytes | None = b""
    is_complete = True
    if tree is not None and tree.commit is not None:
        changes = tree.changes
        is_complete = changes is not None
        if changes is None:
            changes = changes_of_kinds(tree.root, PATTERNS, MAX_PATCH_BYTES)
    pieces = [masked_changes := masked(changes or b"", secrets)]
    is_masked = masked_changes != (changes or b"")
    left_out = []
    size = len(masked_changes)
    for path, content in _added(tree, files, contents):
        if content is None:
            left_out.append(path)
            continue
        added = addition(path.encode(errors="surrogateescape"), content)
        without_secrets = masked(added, secrets)
        if size + len(added) > MAX_PATCH_BYTES:
            left_out.append(path)
        elif b"\0" not in content:
            size += len(added)
            pieces.append(without_secrets)
            is_masked = is_masked or without_secrets != added
    facts = {
        "is_complete": is_complete and not left_out,
        "is_masked": is_masked,
        "left_out": left_out[:_NUM_NAMED],
    }
    patch = b"".join(pieces)
    return patch, {**facts, "hash": hash_of(patch)}


def _added(
    tree: WorkingTree | None, files: CodeFiles, contents: Mapping[str, bytes]
) -> Iterable[tuple[str, bytes | None]]:
    """Yield the files that the commit lacks and ``git diff`` leaves out; without content those above ``MAX_FILES``."""
    is_of_commit = tree.tracked.__contains__ if tree is not None and tree.commit is not None else _never
    yield from ((path, content) for path, content in contents.items() if not is_of_commit(path))
    num_files = len(contents)
    for path in () if tree is None else tree.untracked:
        if path not in contents and path.endswith(_KEPT_OUTSIDE_PROJECT) and is_wanted(path):
            num_files += 1
            with suppress(OSError):
                yield path, read_code(files.root / path) if num_files <= MAX_FILES else None


def _never(_path: str) -> bool:
    return False


def _relative(folder: Path | None, root: Path) -> str | None:
    """Return a folder relative to the root; ``None`` if it is not in it."""
    return folder.relative_to(root).as_posix() if folder is not None and folder.is_relative_to(root) else None
