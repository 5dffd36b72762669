"""Mistakes in ``[tool.lighter]``. The reader of TOML gives no places: they are searched for in the text."""

from collections.abc import Iterator, Sequence
from typing import Any

from lighter_config import Finding, Place
from lighter_config.pyproject import ToolTable
from lighter_config.sources.file_names import shown

CHECK = "settings"
"""The name of the check that finds mistakes in what names experiments, and in the rest of the table."""

_ROOT = ("tool", "lighter")


class Mistakes:
    """Collect findings about a table.

    Args:
        table: The table.

    Attributes:
        table: The table.
    """

    def __init__(self, table: ToolTable) -> None:
        self.table = table
        self._findings: list[Finding] = []

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings so far, in the order of their places."""
        return tuple(sorted(self._findings, key=_position_of))

    def add(self, message: str, keys: Sequence[str], *, item: str | None = None, **parts: Any) -> None:
        """Add an error.

        Args:
            message: What is wrong.
            keys: The names of the tables and the key inside ``[tool.lighter]`` that lead to it.
            item: The text in the list under that key that is wrong.
            parts: Other parts of the finding.
        """
        line, column = self._position((*_ROOT, *keys), item)
        place = Place(shown(self.table.file), line, column)
        excerpt = self.table.text.splitlines()[line - 1].strip()
        self._findings.append(Finding(message=message, place=place, excerpt=excerpt, check=CHECK, **parts))

    def place_of(self, keys: Sequence[str]) -> Place:
        """Return the place of a key inside ``[tool.lighter]``."""
        return Place(shown(self.table.file), self._position((*_ROOT, *keys))[0])

    def damage(self) -> Finding:
        """Return the finding about a file that cannot be read as TOML."""
        line, column = self.table.damaged_at or (None, None)
        lines = self.table.text.splitlines()
        return Finding(
            message=f"{shown(self.table.file)} is not valid TOML: {self.table.damage}",
            place=Place(shown(self.table.file), line, column),
            excerpt=lines[line - 1].strip() if line is not None and line <= len(lines) else "",
            fix="correct it: until then, nothing of [tool.lighter] is used",
            check=CHECK,
        )

    def _position(self, keys: tuple[str, ...], item: str | None = None) -> tuple[int, int]:
        """Return line and column, from 1, of a key, or of a text in the list under it; else those of its table."""
        lines = self.table.text.splitlines(keepends=True)
        for depth in range(len(keys), 1, -1):
            for first, end in _statements_that_name(keys[:depth], lines):
                if item is not None and depth == len(keys):
                    for number in range(first, end):
                        for quoted in (f'"{item}"', f"'{item}'"):
                            if (column := lines[number].find(quoted)) >= 0:
                                return number + 1, column + 1
                return first + 1, lines[first].index(keys[depth - 1]) + 1
        return 1, 1


def _position_of(finding: Finding) -> tuple[int, int]:
    place = finding.place
    return (0, 0) if place is None else (place.line or 0, place.column or 0)


def _statements_that_name(keys: tuple[str, ...], lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where the statement begins and ends that makes a key: before it the file lacks the key, with it not."""
    for first, line in enumerate(lines):
        if keys[-1] not in line or _has(keys, lines[:first]) is not False:
            continue
        for end in range(first + 1, len(lines) + 1):
            if (is_there := _has(keys, lines[:end])) is not None:
                if is_there:
                    yield first, end
                break


def _has(keys: tuple[str, ...], lines: Sequence[str]) -> bool | None:
    """Return whether the first lines of a file have a key; ``None`` if they are not whole statements."""
    import tomllib  # few tables have mistakes

    try:
        inside: Any = tomllib.loads("".join(lines))
    except (ValueError, RecursionError):
        return None
    for key in keys:
        if not isinstance(inside, dict) or key not in inside:
            return False
        inside = inside[key]
    return True
