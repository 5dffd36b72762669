"""Read the places that an earlier run recorded for its values, when its config is loaded again."""

import json
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from lighter_config.errors import PathError
from lighter_config.places import Place
from lighter_config.regular_files import read_regular
from lighter_config.tree.node import Node, Trace
from lighter_config.tree.origins import Mark, Origin
from lighter_config.tree.paths import parse_path
from lighter_config.tree.walking import follow

_logger = logging.getLogger(__name__)

RECORDED_PLACES = "provenance.json"
"""The file of a run's folder that holds, for the path of each value, the places that set it, newest first."""

Places = Mapping[str, Sequence[str]]


class Recorded(Origin):
    """A place as an earlier run recorded it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def place(self, mark: Mark | None = None, via: str = "") -> Place:
        """Return the recorded place."""
        return Place(self.text)

    def excerpt(self, mark: Mark | None = None) -> str:
        """Return nothing: the line may have changed since."""
        return ""


def recorded_places(folder: Path) -> Places:
    """Read the places in a run's folder; there may be none, and damaged ones are skipped with a warning."""
    try:
        return places_in(json.loads(read_regular(folder / RECORDED_PLACES)))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        _warn_of_damage(folder / RECORDED_PLACES)
        return {}


@cache
def _warn_of_damage(file: Path) -> None:
    """Warn once for each file, which a command may read several times."""
    _logger.warning("the recorded places %s are damaged and are skipped", file)


def places_in(content: object) -> Places:
    """Return the usable recorded places: the paths that have a list of places."""
    entries = content.items() if isinstance(content, dict) else ()
    return {str(path): [str(text) for text in texts] for path, texts in entries if isinstance(texts, list)}


def remember(root: Node, origin: Origin, places: Places) -> None:
    """Put the recorded places behind the values of ``root`` that ``origin`` has just set."""
    for path, texts in places.items():
        node = _node(root, path)
        if node is None or node.origin is not origin:
            continue
        earlier = node.previous
        for text in reversed(texts):
            earlier = Trace(Recorded(text), previous=earlier)
        node.previous = earlier


def _node(root: Node, path: str) -> Node | None:
    try:
        segments = parse_path(path)
    except PathError:
        return None
    reached = follow(root, segments)
    return None if reached.rest else reached.node
