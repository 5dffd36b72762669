"""The origins of values, with places: a file, an override, Python code, a trial of a sweep."""

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from lighter_config.places import Place


class Mark(Protocol):
    """A position in a text, as the YAML parser gives it: line and column from 0."""

    @property
    def line(self) -> int:
        """The line."""

    @property
    def column(self) -> int:
        """The column."""


class Origin:
    """Something that sets values; one object for all of them, so that a node needs only a mark."""

    __slots__ = ("folder", "legacy", "names_items", "suspects")

    def __init__(self, folder: Path | None = None, *, names_items: bool = False) -> None:
        self.names_items = names_items
        """Whether it may hold a ``_name_``."""
        self.folder = folder
        """The folder that file names in this origin are relative to, when it has one."""
        self.suspects: dict[int, Mark | None] = {}
        """Where values may not be what was meant, by ``id``: ``yes``, ``None``, ``...`` without quotes."""
        self.legacy: tuple[Mark | None, str] | None = None
        """The first key of this origin that is written with the old ``#`` separator."""

    def place(self, mark: Mark | None, via: str = "") -> Place:
        """Say where ``mark`` is, in words of the user."""
        raise NotImplementedError

    def excerpt(self, mark: Mark | None) -> str:
        """Return what the user wrote at ``mark``, one line."""
        raise NotImplementedError


class Document(Origin):
    """A YAML file, by the name that the user gave it."""

    __slots__ = ("_lines", "name", "text")

    def __init__(self, name: str, text: str, folder: Path | None = None) -> None:
        super().__init__(folder, names_items="_name_" in text)
        self.name = name
        self.text = text
        self._lines: list[str] | None = None

    def place(self, mark: Mark | None, via: str = "") -> Place:
        """Return file, line and column, from 1."""
        if mark is None:
            return Place(self.name, via=via)
        return Place(self.name, mark.line + 1, mark.column + 1, via=via)

    def excerpt(self, mark: Mark | None) -> str:
        """Return the line, without its indentation."""
        if mark is None:
            return ""
        if self._lines is None:
            self._lines = self.text.split("\n")
        return self._lines[mark.line].strip() if mark.line < len(self._lines) else ""


class Word(Origin):
    """An override among the words of the command line, or among the arguments of a call in Python."""

    __slots__ = ("caller", "number", "text")

    def __init__(self, text: str, number: int, caller: Place | None = None) -> None:
        super().__init__(names_items="_name_" in text)
        self.text = text
        self.number = number
        self.caller = caller

    def place(self, mark: Mark | None = None, via: str = "") -> Place:
        """Return the number of the word, from 1, and the line of the call."""
        place = Place.of_input(self.number, self.caller)
        return replace(place, via=via) if via else place

    def excerpt(self, mark: Mark | None = None) -> str:
        """Return the whole word."""
        return self.text


class Caller(Origin):
    """Python code that gave a mapping."""

    __slots__ = ("line", "name")

    def __init__(self, name: str, line: int | None) -> None:
        super().__init__()
        self.name = name
        self.line = line

    def place(self, mark: Mark | None = None, via: str = "") -> Place:
        """Return the line of the call."""
        return Place(self.name, self.line, via=via)

    def excerpt(self, mark: Mark | None = None) -> str:
        """Return nothing: a call spans lines, and its file is the caller's."""
        return ""


class Trial(Origin):
    """A trial of a sweep, which takes its values from where the dimensions of the sweep are written.

    Args:
        written: What the dimension is written in.
        number: The number of the trial.
    """

    __slots__ = ("number", "written")

    def __init__(self, written: Origin, number: int) -> None:
        super().__init__(written.folder, names_items=written.names_items)
        self.written = written
        self.number = number
        self.suspects = written.suspects

    def place(self, mark: Mark | None, via: str = "") -> Place:
        """Return the place of the dimension, with the number of the trial."""
        return replace(self.written.place(mark, via), trial=self.number)

    def excerpt(self, mark: Mark | None) -> str:
        """Return what the user wrote for the dimension."""
        return self.written.excerpt(mark)
