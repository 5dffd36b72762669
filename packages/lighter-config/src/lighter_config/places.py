"""Where a value came from: a line of a file, a word of the command line, an argument in Python."""

from dataclasses import dataclass, replace

COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Place:
    """One place that set a value.

    Attributes:
        source: The file as the user named it, or ``command line``, or the calling Python file.
        line: Line in the file, from 1; ``None`` for a word of the command line.
        column: Column in the file, from 1; ``None`` when it is not known.
        word: Position among the words of the command line, or among the arguments in Python, from 1.
        via: How the value came here when not directly: ``copied by %``, ``via alias``; with the place it came through.
        trial: The number of the trial of a sweep whose value is written here as a range or among others.

    >>> str(Place("exp.yaml", 14, 9))
    'exp.yaml:14:9'
    >>> str(Place("command line", word=3))
    'command line, word 3'
    >>> str(Place("search.yaml", 7, 18, trial=7))
    'search.yaml:7:18 (trial 7)'
    >>> str(Place("train.py", 14, word=3))
    'train.py:14, argument 3'
    """

    source: str
    line: int | None = None
    column: int | None = None
    word: int | None = None
    via: str = ""
    trial: int | None = None

    @classmethod
    def of_input(cls, number: int, caller: "Place | None") -> "Place":
        """Return the place of an input: an argument of the call in a line of Python, or a word of the command line."""
        return cls(COMMAND_LINE, word=number) if caller is None else replace(caller, word=number)

    def __str__(self) -> str:
        text = ":".join([self.source, *(str(part) for part in (self.line, self.column) if part is not None)])
        if self.word is not None:
            text += f", {'word' if self.source == COMMAND_LINE else 'argument'} {self.word}"
        if self.trial is not None:
            text += f" (trial {self.trial})"
        return f"{self.via} {text}" if self.via else text
