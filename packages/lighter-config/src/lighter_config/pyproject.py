"""Find ``[tool.lighter]`` of a pyproject.toml: the table that commands, hooks and editors share."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lighter_config.regular_files import is_folder, is_regular, read_regular, with_home

FILE = "pyproject.toml"
SEARCH_PATH = "search-path"

_MAX_BYTES = 2**20  # reading TOML takes about a second for so many
_NAMED = re.compile(
    rb"""^\s*["']?tool["']?\s*= | ^\s*\[\s*["']?tool["']?\s*\] | \btool["']?\s*\.\s*["']?lighter\b""",
    re.MULTILINE | re.VERBOSE,
)
"""The ways to begin the table, as a file without them need not be read as TOML."""

_HEADER = re.compile(r"^\s*\[+\s*tool\s*\.\s*lighter\b", re.MULTILINE)
_AT = re.compile(r"\s*\(at line (\d+), column (\d+)\)$")


@dataclass(frozen=True, slots=True)
class ToolTable:
    """The table ``[tool.lighter]``, as its file has it.

    Attributes:
        file: The pyproject.toml, absolute.
        text: The text of the file; empty if it cannot be read.
        content: The keys of the table and their values; empty if the file is damaged.
        damage: Why the file cannot be read as TOML; empty if it can.
        damaged_at: The line and the column of the damage, from 1; ``None`` if they are not known.
    """

    file: Path
    text: str
    content: Mapping[str, Any] = field(default_factory=dict)
    damage: str = ""
    damaged_at: tuple[int, int] | None = None


def find_table(start: Path) -> ToolTable | None:
    """Return ``[tool.lighter]`` of the nearest pyproject.toml that has it, in a folder or above; ``None`` without one.

    A file that cannot be read as TOML is taken if it seems to have the table.

    Args:
        start: The folder to begin with.
    """
    start = Path(os.path.abspath(start))  # noqa: PTH100  # links stay, as in the names that the user sees
    for folder in (start, *start.parents):
        if is_regular(folder / FILE) and (table := _read(folder / FILE)) is not None:
            return table
    return None


def search_path(start: Path) -> tuple[Path, ...]:
    """Return the folders that ``search-path`` of the table adds to the places where targets are looked for.

    They come after all that is installed, and after the working directory. Entries that are not folders are left out:
    a check reports them.

    Args:
        start: The folder to begin with: the working directory of a command.
    """
    table = find_table(start)
    given = table.content.get(SEARCH_PATH) if table is not None else None
    if table is None or not isinstance(given, list):
        return ()
    folders = (table.file.parent / with_home(entry) for entry in given if isinstance(entry, str))
    return tuple(dict.fromkeys(Path(os.path.normpath(folder)) for folder in folders if is_folder(folder)))


def _read(file: Path) -> ToolTable | None:
    """Read the table of a file; ``None`` if the file has none."""
    try:
        content = read_regular(file)
    except OSError:
        return None  # no table is known to be in it
    if _NAMED.search(content) is None:  # most files need no reader of TOML
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        text = content.decode(errors="replace")
        return _damaged(file, text, f"byte {error.start + 1} is not UTF-8", _position(text, error.start))
    if len(content) > _MAX_BYTES:
        return _damaged(file, text, f"it has more than {_MAX_BYTES // 2**20} MiB", None)
    import tomllib  # few folders have such a file

    try:
        tools = tomllib.loads(text).get("tool")
    except (ValueError, RecursionError) as error:
        at = _AT.search(str(error))
        where = (int(at[1]), int(at[2])) if at else None
        return _damaged(file, text, _AT.sub("", str(error)), where)
    table = tools.get("lighter") if isinstance(tools, dict) else None
    return ToolTable(file, text, table) if isinstance(table, dict) else None


def _damaged(file: Path, text: str, damage: str, at: tuple[int, int] | None) -> ToolTable | None:
    return ToolTable(file, text, damage=damage, damaged_at=at) if _HEADER.search(text) else None


def _position(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")
