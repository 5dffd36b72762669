"""Which place set each value of a config, beside the lines of its YAML."""

import bisect
import re
from collections.abc import Iterator
from typing import Any

from lighter_config import Config, Place, format_path, load
from lighter_config.sources.words import StdinSource

_COLUMN = re.compile(r":\d+$")


def places_of_lines(text: str, config: Config, *, is_recorded: bool = False) -> dict[int, str]:
    """Return the places of the values on each line of the YAML of a config, by the index of the line.

    The text is loaded again to find the line of each path.

    Args:
        text: The YAML.
        config: The config that it is of.
        is_recorded: Whether the config is that of a run, and the places are those that the run recorded: the file or
            the word that set a value, not the copy of the config in the record.
    """
    written = load([StdinSource(text)])
    starts: set[int] = set()
    origins: dict[int, dict[str, str]] = {}
    for path, value, place in written_values(written):
        key_place = written.key_place(path)
        origin = _recorded(config, path) if is_recorded else config.place(path)
        starts.update(start.line for start in (place, key_place) if start is not None and start.line is not None)
        if place.line is not None and origin is not None and not is_section(value):
            same_line = _COLUMN.sub("", str(origin))  # a short list is on one line
            origins.setdefault(place.line, {}).setdefault(same_line, str(origin))
    ordered = [*sorted(starts), len(text.splitlines()) + 1]
    # text may take several lines; the places are those of the last one
    return {
        ordered[bisect.bisect_right(ordered, start)] - 2: ", ".join(found.values()) for start, found in origins.items()
    }


def _recorded(config: Config, path: str) -> Place | None:
    """Return the newest recorded place of a value; without one, its place in the record."""
    chain = config.chain(path)
    return chain[1] if len(chain) > 1 else config.place(path)


def is_section(value: Any) -> bool:
    """Return whether a value holds others."""
    return isinstance(value, dict | list) and bool(value)


def written_values(config: Config) -> Iterator[tuple[str, Any, Place]]:
    """Yield path, value and place of each written value: first of the tree, then of the changes in copies of ``%``."""
    seen: set[str] = set()
    for part in (config, config.expanded()):
        for segments, value in part.walk():
            path = format_path(segments)
            place = part.place(path)
            if path in seen or place is None or (part is not config and place.via):
                continue
            seen.add(path)
            yield path, value, place
