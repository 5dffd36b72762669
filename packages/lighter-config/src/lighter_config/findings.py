"""One result of reading or checking a config, and how it reads as text."""

from dataclasses import dataclass
from enum import StrEnum

from lighter_config.places import Place


class Severity(StrEnum):
    """How bad a finding is: an error stops the run, a warning may be a mistake, a note is for information."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to say about a config.

    Attributes:
        message: What happened, one line, without a full stop.
        severity: Error, warning or note.
        path: The place in the config, ``trainer::callbacks::0``; empty when there is none.
        place: The line or word that caused it.
        excerpt: The text at that place, as the user wrote it.
        expected: What is valid there: names, or one sentence.
        nearest: The nearest valid names, best first.
        fix: What to do about it.
        check: The name of the check that found it.
        case: The values of a sweep with which it holds; empty if it holds for every trial.
    """

    message: str
    severity: Severity = Severity.ERROR
    path: str = ""
    place: Place | None = None
    excerpt: str = ""
    expected: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
    fix: str = ""
    check: str = ""
    case: str = ""

    def __str__(self) -> str:
        """Render the five parts: what happened, where, what was expected, the nearest names, how to fix it.

        >>> print(Finding(message="'max_epoch' is not an argument of Trainer", place=Place("exp.yaml", 3, 3),
        ...               excerpt="max_epoch: 5", nearest=("max_epochs",), fix="rename the key"))
        'max_epoch' is not an argument of Trainer
          exp.yaml:3:3       max_epoch: 5
          nearest            max_epochs
          to fix             rename the key
        """
        lines = [f"  {label:<{LABEL_WIDTH}} {text}".rstrip() for label, text in self.parts]
        return "\n".join([self.message, *lines])

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """The lines under the message, each as its label and its text; those with nothing to say are left out."""
        parts: list[tuple[str, str]] = []
        if self.place is not None:
            parts.append((str(self.place), self.excerpt))
        if self.case:
            parts.append(("with", self.case))
        if self.expected:
            parts.append(("expected", _shortened(self.expected)))
        if self.nearest:
            parts.append(("nearest", ", ".join(self.nearest)))
        if self.fix:
            parts.append(("to fix", self.fix))
        return tuple(parts)


LABEL_WIDTH = 18
"""How wide the labels of a finding's parts are, so that their texts start in one column."""

_MAX_EXPECTED = 8


def _shortened(expected: tuple[str, ...]) -> str:
    if len(expected) == 1:
        return expected[0]
    shown = ", ".join(expected[:_MAX_EXPECTED])
    return f"one of {shown}, ..." if len(expected) > _MAX_EXPECTED else f"one of {shown}"
