"""Say how code differs: that of a run from the code now, and that of two runs."""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lighter_cli.code.files import PATTERNS, hash_of, project_files, read_code
from lighter_cli.code.packages import installed_packages
from lighter_cli.code.repository import working_tree
from lighter_cli.code.stored import StoredCode, StoredFiles
from lighter_config.regular_files import is_regular

_NUM_NAMED = 20
_MAX_SHOWN_BYTES = 256 * 1024
_PYTHON = ".py"


def changes_since(code: StoredCode, project: Path | None) -> list[str]:
    """Say how code and packages differ from those of a run, one line for each file and package, at most 21 lines.

    Files that were read as config do not count: the record holds their values. Of new files, only Python counts.

    Args:
        code: What the record of the run says.
        project: The folder of the user's code now.
    """
    run = f"run {code.folder.name}"
    lines = []
    root = _root_now(code, project)
    for path, recorded in code.files.items():
        if path not in code.configs and (state := _state(Path(root, path), recorded)):
            lines.append(f"{path} {state.format(run)}")
    for file, recorded in code.outside.items():
        if file not in code.configs and (state := _state(Path(file), recorded)):
            lines.append(f"{file} {state.format(run)}")
    new = (path for path in _project_paths(code, project, root) if path not in code.files)
    lines += [f"{path} is new since {run}" for path in new if path.endswith(_PYTHON)]
    now = {name: version for _, name, version in installed_packages()}
    for name, version in code.packages.items():
        if now.get(name, version) != version:
            lines.append(f"{name} {version} in {run}, {now[name]} now")
    num_more = len(lines) - _NUM_NAMED
    return lines[:_NUM_NAMED] + [f"{num_more} more files and packages differ from {run}"] * (num_more > 0)


def _state(file: Path, recorded: str) -> str:
    if not is_regular(file):
        return "of {} is missing"
    try:
        return "" if hash_of(read_code(file)) == recorded else "differs from that of {}"
    except OSError as error:
        return f"cannot be compared with that of {{}}: {error.strerror or error}"


def _root_now(code: StoredCode, project: Path | None) -> Path:
    """Return what is now the root: it has moved if the project, or the working directory, is at another place."""
    for folder, path in ((project, code.project), (Path.cwd(), code.working_directory)):
        if folder is None or path is None:
            continue
        parts = [part for part in path.split("/") if part != "."]
        if list(folder.parts[len(folder.parts) - len(parts) :]) == parts:
            return Path(*folder.parts[: len(folder.parts) - len(parts)])
    return code.root


def _project_paths(code: StoredCode, project: Path | None, root: Path) -> list[str]:
    if project is None or code.project is None or not project.is_relative_to(root):
        return []
    files = project_files(project, working_tree(project, PATTERNS, 0), [])
    return [os.path.relpath(file, root).replace(os.sep, "/") for file in files]


@dataclass(frozen=True, slots=True)
class FileDifference:
    """How a file differs between two runs.

    Attributes:
        path: Its path.
        kind: ``changed``, ``added`` or ``removed``.
        lines: The difference as a patch shows it, or one line that says why it cannot be shown.
    """

    path: str
    kind: str
    lines: tuple[str, ...]


def differences_of_code(before: StoredCode, after: StoredCode) -> Iterator[FileDifference]:
    """Yield how the files of two runs differ, by path; without those that were read as config."""
    paths = {*before.files, *after.files}.difference(before.configs, after.configs)
    differing = sorted(path for path in paths if before.files.get(path) != after.files.get(path))
    texts = [_texts(code, differing) for code in (before, after)] if differing else []
    for path in differing:
        kind = (
            "changed" if path in before.files and path in after.files else "added" if path in after.files else "removed"
        )
        first, second = (text[path] for text in texts)
        if first is None or second is None:
            lines = ["its content is not in the record, or is too large to be shown"]
        else:
            lines = [line.rstrip("\n") for line in difflib.unified_diff(first, second)][2:]
        yield FileDifference(path, kind, tuple(lines))


def _texts(code: StoredCode, paths: list[str]) -> Mapping[str, list[str] | None]:
    """Return the lines of files of a run: none of a file that it did not have, ``None`` if they cannot be shown."""
    stored = StoredFiles(code)
    texts: dict[str, list[str] | None] = {path: None if path in code.files else [] for path in paths}
    for file in stored.read([path for path in paths if path in code.files]):
        if file.content is not None and len(file.content) <= _MAX_SHOWN_BYTES:
            texts[file.path] = file.content.decode(errors="replace").splitlines(keepends=True)
    return texts
