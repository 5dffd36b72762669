"""What the scripts of the shells ask for: the command line as they have it, and candidates as they insert them."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cyclopts import App

from lighter_cli.completion import candidates

Complete = Callable[[Sequence[str], int], list[str]]

_QUOTES = "'\""
_SPECIAL = re.compile(r"[^\w@%+=:,./~-]")


def answer(app: App, question: Sequence[str]) -> None:
    """Print one candidate a line for what a script asks; nothing when something is wrong.

    Args:
        app: The commands and their options.
        question: ``bash WORDBREAKS BEFORE AFTER``, the line on both sides of the cursor; or, of the shells that give
            words, ``zsh INDEX WORD...`` and ``fish INDEX WORD...`` with the words after the command.
    """

    def complete(words: Sequence[str], index: int) -> list[str]:
        return candidates(app, words, index)

    try:
        shell, *rest = question
        found = in_bash(complete, *rest) if shell == "bash" else complete(rest[1:], int(rest[0]))
    except Exception:  # a person who presses a key is shown no error
        return
    sys.stdout.write("".join(f"{one}\n" for one in found))


def in_bash(complete: Complete, breaks: str, before: str, after: str) -> list[str]:
    """Return candidates as bash inserts them: behind the last ``:`` or ``=`` of the word, which split words for it.

    >>> in_bash(lambda words, index: ["trainer::max_epochs="], " :=", "lighter fit a.yaml trainer::ma", "")
    ['max_epochs=']
    >>> in_bash(lambda words, index: ["~trainer::callbacks "], " :=", "lighter fit a.yaml '~trainer::ca", "")
    ['~trainer::callbacks']
    """
    line = _split(before)
    behind = _split(after.lstrip() if not line.text else after.partition(" ")[2])
    # assignments may stand before the command
    start = next(index for index, word in enumerate(line.words) if "=" not in word) + 1
    words = [*line.words[start:], line.text, *behind.words, *([behind.text] if behind.text else [])]
    found = complete(words, len(line.words) - start)
    if line.quote:
        return [one.removesuffix(" ") for one in found]
    cut = 1 + max((line.text.rfind(character) for character in breaks), default=-1)
    return [_SPECIAL.sub(r"\\\g<0>", one[cut:].removesuffix(" ")) + " " * one.endswith(" ") for one in found]


@dataclass(frozen=True, slots=True)
class _Line:
    """A command line up to the cursor.

    Attributes:
        words: The words that are complete.
        text: The word that is not, without its quotes.
        quote: The quote that is open in it.
    """

    words: list[str]
    text: str
    quote: str


def _split(line: str) -> _Line:
    """Split as a shell does, an open quote included."""
    words: list[str] = []
    text, quote, is_open = "", "", False
    characters = iter(line)
    for character in characters:
        if character == quote:
            quote = ""
        elif not quote and character in _QUOTES:
            quote, is_open = character, True
        elif character == "\\" and quote != "'":
            text, is_open = text + next(characters, ""), True
        elif character.isspace() and not quote:
            if is_open:
                words.append(text)
            text, is_open = "", False
        else:
            text, is_open = text + character, True
    return _Line(words, text, quote)
