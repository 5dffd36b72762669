"""Keep what ``--help`` prints, as working it out takes ten times as long as Python's start.

A page depends on the words, on the terminal, and on the files of the commands and of Cyclopts; it is kept in the user's
cache folder, and used while all of these are the same.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import zlib
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parents[1]
_VARIABLES = ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
_MOST_PAGES = 200


def print_kept(words: Sequence[str]) -> bool:
    """Print the page that is kept for some words; return whether there is one."""
    asked = _asked(words)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        page = json.loads(_file(asked).read_text(encoding="utf-8"))
        if page["asked"] == asked:
            sys.stdout.write(page["text"])
            sys.stdout.flush()
            return True
    return False


@contextlib.contextmanager
def keeping(words: Sequence[str]) -> Iterator[None]:
    """Keep what is printed inside, unless it ends with an error."""
    asked, before = _asked(words), sys.stdout
    copy = sys.stdout = _Copy(before)
    code: Any = 0
    try:
        yield
    except SystemExit as end:
        code = end.code
        raise
    finally:
        sys.stdout = before
        if not code and sys.exc_info()[0] in (None, SystemExit):
            with contextlib.suppress(OSError):
                _keep(asked, copy.text.getvalue())


class _Copy:
    """Standard output that also keeps what is written.

    Args:
        stream: Where it goes.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.text = io.StringIO()

    def write(self, text: str) -> int:
        self.text.write(text)
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _asked(words: Sequence[str]) -> list[Any]:
    """Return everything that a page depends on, as JSON has it."""
    size = shutil.get_terminal_size()
    terminal = [size.columns, sys.stdout.isatty(), sys.stdout.encoding, *(os.environ.get(name) for name in _VARIABLES)]
    files = [_PACKAGE / "app.py", *sorted((_PACKAGE / "commands").rglob("*.py"))]
    found = PathFinder.find_spec("cyclopts")
    if found is not None and found.origin is not None:
        files.append(Path(found.origin))
    states = [[str(file), (status := file.stat()).st_mtime_ns, status.st_size] for file in files]
    return [list(words), terminal, zlib.crc32(json.dumps(states).encode())]


def _folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("lighter") / "help"


def _file(asked: Sequence[Any]) -> Path:
    return _folder() / f"{zlib.crc32(json.dumps(asked).encode()):08x}.json"


def _keep(asked: Sequence[Any], text: str) -> None:
    from lighter_cli.atomic_files import write_atomically

    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    pages = list(folder.glob("*.json"))
    if len(pages) >= _MOST_PAGES:  # of earlier versions, and of terminals of all widths
        for page in pages:
            page.unlink(missing_ok=True)
    write_atomically(_file(asked), json.dumps({"asked": asked, "text": text}))
