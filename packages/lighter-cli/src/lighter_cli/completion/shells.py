"""Answer the completion scripts: read the command line of each shell, and write candidates in its form."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cyclopts import App

from lighter_cli.completion import candidates
from lighter_cli.terminal.control_characters import has_control_characters

Complete = Callable[[Sequence[str], int], list[str]]

_QUOTES = "'\""
_SPECIAL_IN_QUOTES = re.compile(r'[\\"$`!]')
_SPECIAL = re.compile(r"[^\w@%+=:,./~-]")


def answer(app: App, question: Sequence[str]) -> None:
    """Print the candidates that a script asks for, one a line; nothing if something fails.

    Args:
        app: The commands and their options.
        question: ``bash WORDBREAKS BEFORE AFTER`` with the line before and after the cursor, or ``zsh INDEX WORD...``
            and ``fish INDEX WORD...`` with the words after the command.
    """

    def complete(words: Sequence[str], index: int) -> list[str]:
        return candidates(app, words, index)

    try:
        shell, *rest = question
        found = in_bash(complete, *rest) if shell == "bash" else complete(rest[1:], int(rest[0]))
    except Exception:  # the tab key must not print an error
        return
    sys.stdout.write("".join(f"{candidate}\n" for candidate in found if not has_control_characters(candidate)))


def in_bash(complete: Complete, breaks: str, before: str, after: str) -> list[str]:
    """Return candidates as bash inserts them: behind the last ``:`` or ``=`` of the word, which split words for it.

    >>> in_bash(lambda words, index: ["trainer::max_epochs="], " :=", "lighter fit a.yaml trainer::ma", "")
    ['max_epochs=']
    >>> in_bash(lambda words, index: ["~trainer::callbacks "], " :=", "lighter fit a.yaml '~trainer::ca", "")
    ['~trainer::callbacks']
    """
    line = _split(before)
    behind = _split(after.lstrip() if not line.text else after.partition(" ")[2])
    # assignments may precede the command
    start = next(index for index, word in enumerate(line.words) if "=" not in word) + 1
    words = [*line.words[start:], line.text, *behind.words, *([behind.text] if behind.text else [])]
    found = complete(words, len(line.words) - start)
    if line.quote:
        return [_quoted(candidate.removesuffix(" "), line.quote) for candidate in found]
    cut = 1 + max((line.text.rfind(character) for character in breaks), default=-1)
    return [
        _SPECIAL.sub(r"\\\g<0>", candidate[cut:].removesuffix(" ")) + " " * candidate.endswith(" ")
        for candidate in found
    ]


def _quoted(candidate: str, quote: str) -> str:
    r"""Write a candidate into an open quote, which nothing in it may end.

    >>> _quoted("it's", "'"), _quoted("$(x)", '"')
    ("it'\\''s", '\\$(x)')
    """
    if quote == "'":
        return candidate.replace("'", r"'\''")
    return _SPECIAL_IN_QUOTES.sub(r"\\\g<0>", candidate)


@dataclass(frozen=True, slots=True)
class _Line:
    """A command line up to the cursor.

    Attributes:
        words: The complete words.
        text: The last word, which is incomplete, without its quotes.
        quote: The quote that is still open in it.
    """

    words: list[str]
    text: str
    quote: str


def _split(line: str) -> _Line:
    """Split a line as a shell does; a quote may still be open."""
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
