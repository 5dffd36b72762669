"""Tell which experiments a config file belongs to: its first line says it, or ``[tool.lighter.experiments]``."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lighter_cli.checking.experiment import Experiment, experiment_of, is_override
from lighter_cli.checking.settings import Settings
from lighter_cli.checking.table_mistakes import CHECK
from lighter_config import Finding, Place
from lighter_config.regular_files import is_regular, with_home, without_links
from lighter_config.sources.file_names import nearest_files, shown

THIS = "this"

_FIRST_LINE = re.compile(r"\ufeff?#\s*lighter:[ \t]*(?P<words>[^\r\n]*)")
_EXAMPLE = f"# lighter: base.yaml, {THIS}"


def experiments_of(file: Path, text: str, settings: Settings) -> tuple[Experiment, ...]:
    """Return the experiments that a file belongs to; none if neither its first line nor the table names one.

    The first line wins: ``# lighter: base.yaml, this``. ``this`` stands for the file itself, other names are relative
    to its folder, and overrides such as ``seed=1`` may stand among them.

    Args:
        file: The file.
        text: Its content.
        settings: Those of the project.
    """
    named = _FIRST_LINE.match(text)
    if named is not None:
        return (_of_first_line(Path(os.path.abspath(file)), named),)  # noqa: PTH100  # links stay in messages
    resolved = without_links(file)
    return tuple(experiment for experiment in settings.experiments if resolved in experiment.files)


def _of_first_line(file: Path, named: re.Match[str]) -> Experiment:
    words: list[str | Path] = []
    findings: list[Finding] = []
    for word, column in _words(named):
        if word == THIS:
            words.append(file)
        elif is_override(word, file.parent):
            words.append(word)
        elif is_regular(other := Path(os.path.normpath(file.parent / with_home(word)))):
            words.append(other)
        else:
            message = f"{word!r} is neither a file nor an override" if word else "an empty name between commas"
            nearest = nearest_files(Path(word), file.parent, besides=without_links(file)) if word else ()
            fix = "name a file relative to the folder of this one" if word else "remove the extra comma"
            place = Place(shown(file), 1, column)
            findings.append(_finding(message, place, named, nearest=nearest, fix="" if nearest else fix))
    if file not in words and not findings:
        message = f"the first line names an experiment without this file: it lacks `{THIS}`"
        fix = f"write `{THIS}` where this file is merged: {_EXAMPLE}"
        findings.append(_finding(message, Place(shown(file), 1, 1), named, fix=fix))
    if findings:
        return Experiment(shown(file), (shown(file),), (without_links(file),), findings=tuple(findings))
    return experiment_of(shown(file), words, lambda: Place(shown(file), 1))


def _words(named: re.Match[str]) -> Iterator[tuple[str, int]]:
    """Yield each word after ``# lighter:`` with its column, from 1; commas in brackets and quotes are inside a word."""
    text, depth, quote, begin = named["words"], 0, "", 0
    if not text.strip():
        return
    for index, char in enumerate(f"{text},"):
        is_end = index == len(text)
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
        if is_end or (char == "," and depth <= 0 and not quote):
            part = text[begin:index]
            indent = len(part) - len(part.lstrip())
            yield part.strip(), named.start("words") + begin + indent + 1
            begin = index + 1


def _finding(message: str, place: Place, named: re.Match[str], **parts: Any) -> Finding:
    return Finding(message=message, place=place, excerpt=named[0].lstrip("\ufeff").rstrip(), check=CHECK, **parts)
