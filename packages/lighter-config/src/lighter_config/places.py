"""Where a value came from: a line of a file, a word of the command line, a caller in Python."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One place that set a value.

    Attributes:
        source: The file as the user named it, or ``command line``, or the calling Python file.
        line: Line in the file, from 1; ``None`` for a word of the command line.
        column: Column in the file, from 1; ``None`` when it is not known.
        word: Position among the words of the command line, from 1.
        via: How the value came here when not directly: ``copied by %``, ``via alias``; with the place it came through.
        trial: The number of the trial of a sweep whose value is written here as a range or among others.

    >>> str(Place("exp.yaml", 14, 9))
    'exp.yaml:14:9'
    >>> str(Place("command line", word=3))
    'command line, word 3'
    >>> str(Place("search.yaml", 7, 18, trial=7))
    'search.yaml:7:18 (trial 7)'
    """

    source: str
    line: int | None = None
    column: int | None = None
    word: int | None = None
    via: str = ""
    trial: int | None = None

    def __str__(self) -> str:
        if self.word is not None:
            text = f"{self.source}, word {self.word}"
        else:
            text = ":".join([self.source, *(str(part) for part in (self.line, self.column) if part is not None)])
        if self.trial is not None:
            text = f"{text} (trial {self.trial})"
        return f"{self.via} {text}" if self.via else text
