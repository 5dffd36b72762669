"""Read the code that a record keeps. Anything may have written the record: nothing in it is trusted or executed."""

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lighter_cli.code import CODE_FILE, PATCH_FILE
from lighter_cli.code.files import hash_of
from lighter_cli.code.patch import FileChange, PatchError, parse_patch
from lighter_cli.code.repository import Blob, Commit, is_commit
from lighter_cli.code.snapshot import FORMAT, MAX_PATCH_BYTES
from lighter_config.regular_files import exists, open_regular

_logger = logging.getLogger(__name__)

_MAX_BYTES = 16 * 1024 * 1024
_MAX_FILES = 5_000
_NUM_HEX_DIGITS = 64
LINK = "120000"
SUBMODULE = "160000"
_EXECUTABLE = "100755"


@dataclass(frozen=True, slots=True)
class StoredCode:
    """What ``code.json`` says.

    Attributes:
        folder: The folder of the record.
        root: The folder that paths are relative to.
        commit: The commit that the patch belongs to; ``None`` if it makes all files.
        project: The project, relative to ``root``; ``None`` if there was none below it.
        working_directory: The working directory, relative to ``root``; ``None`` if it was not below it.
        files: The hash of each file.
        outside: The hashes of files outside ``root``, by their absolute paths.
        configs: Those of both that were read as config.
        left_out: What was left out, as text.
        patch: What is said about the patch; ``None`` if the code is that of the commit.
        packages: The versions of the imported packages.
        config: The hash of the recorded config.
    """

    folder: Path
    root: Path
    commit: str | None
    project: str | None
    working_directory: str | None
    files: Mapping[str, str]
    outside: Mapping[str, str]
    configs: Sequence[str]
    left_out: Sequence[str]
    patch: Mapping[str, Any] | None
    packages: Mapping[str, str]
    config: str

    @property
    def is_masked(self) -> bool:
        """Whether secrets are masked in the patch."""
        return self.patch is not None and bool(self.patch["is_masked"])

    def patch_size(self) -> int:
        """Return the number of bytes of the patch."""
        try:
            return (self.folder / PATCH_FILE).stat().st_size
        except OSError:
            return 0


def stored_code(folder: Path) -> StoredCode | None:
    """Read what a record says about its code; ``None`` if it says nothing, and with a warning if it is damaged."""
    file = folder / CODE_FILE
    if not exists(file):
        return None
    try:
        content = json.loads(_read(file, _MAX_BYTES))
        problem = _problem(content)
    except (OSError, ValueError, RecursionError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    if problem:
        _logger.warning("what the record says about its code is skipped: %s: %s", file, problem)
        return None
    fields = {name: content[name] for name in _FIELDS if name not in ("format", "root")}
    return StoredCode(folder=folder, root=Path(content["root"]), **fields)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as it was.

    Attributes:
        path: Its path, relative to the root.
        content: Its content, or where a link points to; ``None`` if the record does not hold it.
        mode: Its mode in git.
        problem: Why there is no content.
    """

    path: str
    content: bytes | None
    mode: str
    problem: str = ""

    @property
    def is_executable(self) -> bool:
        """Whether it can be run as a program."""
        return self.mode == _EXECUTABLE


class StoredFiles:
    """The files of a run: those of its commit, changed by its patch.

    Args:
        code: What the record says.

    Attributes:
        problems: What is missing of all files, as text.
        paths: The paths of the files that can be made, in order.
    """

    def __init__(self, code: StoredCode) -> None:
        self.problems: list[str] = []
        self._commit = self._found_commit(code)
        self._blobs = {} if self._commit is None else self._commit.files()
        self._changes = {os.fsdecode(change.path): change for change in self._read_patch(code)}
        removed = {path for path, change in self._changes.items() if change.is_removed}
        self.paths = sorted({*self._blobs, *self._changes} - removed)

    def read(self, paths: Sequence[str]) -> Iterator[StoredFile]:
        """Yield some of the files."""
        known = [path for path in paths if path in self._blobs and self._blobs[path].mode != SUBMODULE]
        contents = iter(()) if self._commit is None else self._commit.contents([self._blobs[path] for path in known])
        for path in paths:
            blob, change = self._blobs.get(path), self._changes.get(path)
            try:
                content = next(contents, None) if path in known else None
            except OSError as error:
                yield StoredFile(path, None, "", str(error))
                contents = iter(())
                continue
            yield _changed(path, blob, content, change)

    def _found_commit(self, code: StoredCode) -> Commit | None:
        if code.commit is None:
            return None
        for repository in (Path.cwd(), code.root):
            commit = Commit(repository, code.commit)
            if commit.is_there:
                return commit
        self.problems.append(
            f"the commit {code.commit[:12]} is neither in the repository of this folder nor in {str(code.root)!r}"
        )
        return None

    def _read_patch(self, code: StoredCode) -> list[FileChange]:
        if code.patch is None:
            return []
        if not code.patch["is_complete"]:
            names = ", ".join(code.patch["left_out"]) or "files that are not code"
            self.problems.append(f"the changes were too large to be kept in the record: {names}")
        if code.patch["hash"] == hash_of(b""):
            return []
        try:
            patch = _read(code.folder / PATCH_FILE, 2 * MAX_PATCH_BYTES)
            if hash_of(patch) != code.patch["hash"]:
                self.problems.append(f"{PATCH_FILE} has changed since the run started")
            return parse_patch(patch)
        except (OSError, PatchError) as error:
            self.problems.append(f"{PATCH_FILE} cannot be read: {getattr(error, 'strerror', None) or error}")
            return []


def _changed(path: str, blob: Blob | None, content: bytes | None, change: FileChange | None) -> StoredFile:
    mode = (change and change.mode) or (blob and blob.mode) or ""
    if change is None or mode == SUBMODULE:
        problem = "a submodule" if mode == SUBMODULE else "not in the record" if content is None else ""
        return StoredFile(path, content, mode, problem)
    if change.is_binary:
        return StoredFile(path, None, mode, "its change is binary, which the record does not keep")
    if content is None and not _is_addition(change):
        return StoredFile(path, None, mode, "the file that it changes is missing")
    try:
        return StoredFile(path, change.applied_to(content or b""), mode)
    except PatchError as error:
        return StoredFile(path, None, mode, str(error))


def _is_addition(change: FileChange) -> bool:
    return change.mode is not None and all(start == 0 for start, _ in change.hunks)


def _read(file: Path, max_bytes: int) -> bytes:
    with open_regular(file) as stream:
        content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(f"larger than {max_bytes // 2**20} MiB")
    return content


def is_inside(path: Any) -> bool:
    """Return whether a value is a relative path that names a file below a folder, and nothing of git's own."""
    return _is_name(path) and not any(
        part in ("", ".", "..") or part.lower() == ".git" for part in path.replace(os.sep, "/").split("/")
    )


def _is_name(path: Any) -> bool:
    try:
        return isinstance(path, str) and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _is_folder_inside(path: Any) -> bool:
    return path is None or path == "." or is_inside(path)


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) == _NUM_HEX_DIGITS and set(value) <= set("0123456789abcdef")


def _is_absolute(path: Any) -> bool:
    return _is_name(path) and Path(path).is_absolute()


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_patch(value: Any) -> bool:
    flags = ("is_complete", "is_masked")
    return value is None or (
        isinstance(value, dict)
        and all(isinstance(value.get(name), bool) for name in flags)
        and _are_texts(value.get("left_out"))
        and _is_hash(value.get("hash"))
    )


def _is_mapping(value: Any, is_key: Any, is_value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MAX_FILES
        and all(map(is_key, value))
        and all(map(is_value, value.values()))
    )


_FIELDS = {
    "format": lambda value: value == FORMAT,
    "root": _is_absolute,
    "commit": lambda value: value is None or (isinstance(value, str) and is_commit(value)),
    "project": _is_folder_inside,
    "working_directory": _is_folder_inside,
    "files": lambda value: _is_mapping(value, is_inside, _is_hash),
    "outside": lambda value: _is_mapping(value, _is_absolute, _is_hash),
    "configs": _are_texts,
    "left_out": _are_texts,
    "patch": _is_patch,
    "packages": lambda value: _is_mapping(value, bool, lambda version: isinstance(version, str)),
    "config": _is_hash,
}


def _problem(content: Any) -> str:
    """Return what is wrong with the content of ``code.json``; empty if nothing is."""
    if not isinstance(content, dict):
        return "it is not a mapping"
    if isinstance(content.get("format"), int) and content["format"] > FORMAT:
        return f"a newer version of Lighter wrote it (format {content['format']}; this one reads {FORMAT})"
    wrong = [name for name, fits in _FIELDS.items() if name not in content or not fits(content[name])]
    return f"its {wrong[0]} is {content.get(wrong[0])!r:.60}" if wrong else ""
