"""Record which configured values a checkpoint replaced, and where the config sets them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lighter_config import Config, format_path
from lighter_config.checks.components import components_in

if TYPE_CHECKING:
    from lighter.restored_values import RestoredValue


def recorded_values(values: Iterable[RestoredValue], config: Config) -> list[dict[str, Any]]:
    """Return the fields of each value, with the path and the place of the configured one; ``None`` if not known."""
    recorded = []
    for value in values:
        path = _path_of_argument(config, value.owner, value.name)
        place = None if path is None else config.expanded().place(path)
        recorded.append({"path": path, "place": None if place is None else str(place), **asdict(value)})
    return recorded


def _path_of_argument(config: Config, owner: str, name: str) -> str | None:
    """Return the path of an argument of the only component of a class; None if there is not exactly one."""
    components = components_in(config.expanded().tree, lambda _: True)
    paths = [(*component.path, name) for component in components if component.short_name == owner]
    paths = [path for path in paths if config.expanded().has(format_path(path))]
    return format_path(paths[0]) if len(paths) == 1 else None
