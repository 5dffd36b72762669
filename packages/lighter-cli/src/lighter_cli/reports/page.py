"""What a page shows, in order: sections of facts, tables, figures, configs and images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from lighter_cli.reports.figures import Figure


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: What it shows.
        key: The number that it is sorted by; ``None`` for text.
        colour: The colour of a mark before the text, an index into the palette.
    """

    text: str
    key: float | None = None
    colour: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and texts."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that a click on a heading sorts.

    Attributes:
        headings: The columns.
        rows: The cells.
        best: The index of the row that is marked as the best.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    best: int | None = None


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences, one a line."""

    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines of text as they are, with notes at their right: a config with the places of its values."""

    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Shares:
    """Parts of a whole, as names and shares from 0 to 1."""

    parts: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a run logged: its caption and the bytes of a PNG file."""

    caption: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures under one name."""

    name: str
    pictures: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures below each other; small ones side by side."""

    figures: Sequence[Figure]


Block: TypeAlias = Facts | Table | Sentences | Listing | Shares | Pictures | Figures


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page under a heading; a closed one shows its heading until a click opens it."""

    title: str
    blocks: Sequence[Block]
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Attributes:
        title: What it is about.
        summary: What a reader should know first.
        commands: What to run next: the purpose of each command, and the command.
        sections: The rest.
        is_final: Whether everything that it shows has ended.
        facts: What ``--json`` prints.
    """

    title: str
    summary: Sequence[str]
    commands: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    is_final: bool
    facts: dict[str, Any]

    def figures(self) -> Iterator[Figure]:
        """Yield all figures, in order."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Figures):
                    yield from block.figures
