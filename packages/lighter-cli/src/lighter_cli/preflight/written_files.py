"""Note what a rehearsal writes outside its temporary folder, and who does."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from inspect import currentframe
from pathlib import Path
from tempfile import gettempdir
from types import FrameType
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CACHES = ("XDG_CACHE_HOME", "TORCH_HOME", "HF_HOME", "TRITON_CACHE_DIR", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")
_HOME_CACHES = (".cache", ".triton", ".nv")
_SYSTEM = ("/dev/", "/proc/", "/sys/")
_NOT_FILES = (":memory:", "")

Naming = Callable[[FrameType | None], str]


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file or folder outside the temporary folder.

    Attributes:
        path: The file.
        what: ``written``, ``made`` for a folder, or ``removed``.
        owner: The path in the config of the object that did it; empty if that is not known.
    """

    path: str
    what: str
    owner: str


class _Watch:
    """Writes a line for each file into a log: forked workers of loaders inherit it, and share it so."""

    def __init__(self, folder: Path, log: int, name_of: Naming) -> None:
        folders = [str(folder), *(os.environ.get(name, "") for name in _CACHES)]
        folders += [str(Path.home() / name) for name in _HOME_CACHES]
        self.spared = [os.path.realpath(path) + os.sep for path in folders if path]
        self.spared.append(os.path.join(os.path.realpath(gettempdir()), "torchinductor_"))  # torch's, one for each user
        self._log = log
        self._name_of = name_of

    def note(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "tempfile.mkdtemp" or event == "tempfile.mkstemp":
            self.spared.append(os.path.realpath(args[0]) + ("" if event.endswith("mkstemp") else os.sep))
            return
        for path, what in _changes(event, args):
            where = _absolute(path)
            if where is None or self._is_spared(where):
                continue
            if os.path.lexists(where) if what == "made" else what == "removed" and not os.path.lexists(where):
                continue
            if what == "written" and os.path.isdir(where):  # for a temporary file without a name in it
                continue
            line = json.dumps([where, what, self._name_of(currentframe())])
            with suppress(OSError):
                os.write(self._log, f"{line}\n".encode())

    def _is_spared(self, path: str) -> bool:
        is_code = f"{os.sep}__pycache__{os.sep}" in path or path.endswith((f"{os.sep}__pycache__", ".pyc"))
        below = path + os.sep
        return is_code or path.startswith(_SYSTEM) or any(below.startswith(folder) for folder in self.spared)


_watch: _Watch | None = None
_is_installed = False


@contextmanager
def watching(folder: Path, name_of: Naming) -> Iterator[list[WrittenFile]]:
    """Note the files that are written while the block runs; the list is complete after it.

    Python tells of each file that it opens, and so do its modules; a library in C that opens files by itself is not
    seen. Caches, files that ``tempfile`` names, compiled code and devices do not count.

    Args:
        folder: The temporary folder, which may be written.
        name_of: Names who is at work in a frame or its callers, as a path in the config.
    """
    global _watch, _is_installed
    written: list[WrittenFile] = []
    file = folder / "written.log"
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    watch = _Watch(folder, log, name_of)
    if not _is_installed:  # a hook can never be removed
        sys.addaudithook(_hook)
        _is_installed = True
    _watch = watch
    try:
        yield written
    finally:
        _watch = None
        os.close(log)
        written += _distinct(file.read_text(encoding="utf-8", errors="replace"))


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _watch is not None and event in _EVENTS:
        _watch.note(event, args)


_EVENTS = frozenset(
    [
        "open",
        "os.mkdir",
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.symlink",
        "os.link",
        "os.truncate",
        "sqlite3.connect",
        "tempfile.mkdtemp",
        "tempfile.mkstemp",
    ]
)


def _changes(event: str, args: tuple[Any, ...]) -> list[tuple[Any, str]]:
    if event == "open":
        path, _, flags = args
        return [(path, "written")] if isinstance(flags, int) and flags & _WRITING else []
    if event == "os.rename":
        return [(args[0], "removed"), (args[1], "written")]
    if event in ("os.symlink", "os.link"):
        return [(args[1], "written")]
    return [(args[0], {"os.mkdir": "made", "os.remove": "removed", "os.rmdir": "removed"}.get(event, "written"))]


def _absolute(path: Any) -> str | None:
    """Return the file of a path, with links in its folder followed; ``None`` for a pipe or an open file."""
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    text = os.fsdecode(path)
    if text in _NOT_FILES:
        return None
    folder, name = os.path.split(os.path.abspath(text))
    return os.path.join(os.path.realpath(folder), name)


def _distinct(text: str) -> list[WrittenFile]:
    """Return each file once; of what was written and removed again nothing, and no folder of a file."""
    found: dict[str, WrittenFile] = {}
    for line in text.splitlines():
        with suppress(ValueError):  # a line of a process that was killed
            path, what, owner = json.loads(line)
            before = found.get(path)
            if what == "removed" and before is not None and before.what != "removed":
                del found[path]
            elif before is None or before.what == "removed":
                found[path] = WrittenFile(path, what, owner)
    files = [one.path for one in found.values() if one.what != "made"]
    return [
        one
        for one in found.values()
        if one.what != "made" or not any(file.startswith(one.path + os.sep) for file in files)
    ]
