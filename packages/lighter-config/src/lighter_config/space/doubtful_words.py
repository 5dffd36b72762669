"""Overrides of a sweep that look like dimensions: ``batch_size=32,64`` sets one text in every trial."""

from collections.abc import Iterator

from lighter_config.config import Config
from lighter_config.findings import Finding, Severity
from lighter_config.sections import SWEEP
from lighter_config.sources.dimensions import SIGN
from lighter_config.sources.overrides import parse_override
from lighter_config.sources.words import OverrideSource
from lighter_config.space.range_text import is_range
from lighter_config.tree.origins import Word
from lighter_config.tree.paths import format_path


def overrides_like_dimensions(config: Config) -> Iterator[Finding]:
    """Yield a warning for each override whose value is a list of choices, or a range, as plain text."""
    for source in config.sources:
        if not isinstance(source, OverrideSource):
            continue
        word = Word(source.text, source.word, source.caller)
        change = parse_override(source.text, word)
        text = change.value.value
        if change.path[0] == SWEEP:
            continue  # a dimension there is written so
        if change.kind == "set" and isinstance(text, str) and (is_range(text) or _is_listed(text)):
            path = format_path(change.path)
            yield Finding(
                message=f"{path} is the text {text!r} in every trial",
                severity=Severity.WARNING,
                path=path,
                place=word.place(),
                excerpt=source.text,
                fix=f"to vary it, write {path}{SIGN}{text}",
                check="space",
            )


def _is_listed(text: str) -> bool:
    parts = text.split(",")
    return len(parts) > 1 and all(part and part == part.strip() for part in parts) and text[0] not in "@%$\\[{'\""
