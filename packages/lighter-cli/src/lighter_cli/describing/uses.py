"""Find the references to a value of a config."""

from collections.abc import Iterator
from dataclasses import dataclass

from lighter_cli.describing.blame import written_values
from lighter_cli.describing.takers import exact
from lighter_config import Config, ConfigError, Place, find_references, is_computed, is_copy, parse_path
from lighter_config.tree.node import Segments
from lighter_config.tree.references import absolute_path


@dataclass(frozen=True, slots=True)
class Use:
    """A reference to a value, to a section around it, or to something inside it."""

    path: str
    text: str
    place: Place


def uses_of(config: Config, segments: Segments) -> Iterator[Use]:
    """Yield the references to a value, to a section around it, or to something inside it."""
    for at, text, place in written_values(config):
        if not (is_copy(text) or is_computed(text)):
            continue
        try:
            references = find_references(text)
            inside = [reference for reference in references if not reference.file]
            targets = [exact(config, absolute_path(reference, parse_path(at))) for reference in inside]
        except ConfigError:
            continue  # `lighter check` reports a reference that cannot be read
        if any(target[: len(segments)] == segments or segments[: len(target)] == target for target in targets):
            yield Use(at, text, place)
