"""Say how code differs: that of a run from the code now, and that of two runs."""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lighter_cli.code.files import PATTERNS, hash_of, project_files, read_code
from lighter_cli.code.packages import installed_packages
from lighter_cli.code.repository import working_tree
from lighter_cli.code.stored import StoredCode, StoredFiles, stored_code
from lighter_config.regular_files import is_regular

_NUM_NAMED = 20
_MAX_SHOWN_BYTES = 256 * 1024
_PYTHON = ".py"


def changes_since(record: Path, project: Path | None) -> list[str]:
    """Say how code and packages differ from those of a run, one line for each file and package, at most 21 lines.

    Files that were read as config do not count: the record holds their values. Of new files, only Python counts.

    Args:
        record: The folder of the record of the run.
        project: The folder of the user's code now.
    """
    code = stored_code(record)
    if code is None:
        return []
    run = f"run {code.folder.name}"
    lines = []
    places = _Places(code, project)
    for path, recorded in code.files.items():
        if path not in code.configs and (state := _state(places.file(path), recorded)):
            lines.append(f"{path} {state.format(run)}")
    for file, recorded in code.outside.items():
        if file not in code.configs and (state := _state(Path(file), recorded)):
            lines.append(f"{file} {state.format(run)}")
    new = (path for path in places.project_paths() if path not in code.files)
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


class _Places:
    """Where the files of a run are now: the project may be at another place, and with it all that is around it."""

    def __init__(self, code: StoredCode, project: Path | None) -> None:
        self.project = project if code.project is not None else None
        self._prefix = "" if code.project in (None, ".") else f"{code.project}/"
        self._root = code.root
        for folder, path in ((self.project, code.project), (Path.cwd(), code.working_directory)):
            parts = [] if path in (None, ".") else str(path).split("/")
            if folder is None or path is None or list(folder.parts[-len(parts) :] if parts else []) != parts:
                continue
            root = Path(*folder.parts[: len(folder.parts) - len(parts)])
            if any(is_regular(root / path) for path in code.files):
                self._root = root
                break

    def file(self, path: str) -> Path:
        """Return where a file of the run is now."""
        if self.project is not None and path.startswith(self._prefix):
            return self.project / path.removeprefix(self._prefix)
        return self._root / path

    def project_paths(self) -> list[str]:
        """Return the paths that the files of the project would have in a record."""
        if self.project is None:
            return []
        files = project_files(self.project, working_tree(self.project, PATTERNS, 0), [])
        return [self._prefix + os.path.relpath(file, self.project).replace(os.sep, "/") for file in files]


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
