"""Tell which configured values a checkpoint replaced, and where the config sets them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lighter_config import Config, Finding, Place, Severity, format_path, parse_path, resolved
from lighter_config.checks.components import components_in
from lighter_config.sections import SECTIONS
from lighter_config.tree.node import Segments
from lighter_config.tree.references import absolute_path, find_references, is_computed, is_reference

if TYPE_CHECKING:
    from lighter.restored_values import RestoredValue

_CALLBACK = "'trainer::callbacks+={_target_: lighter.callbacks.ConfiguredValues}'"


def warnings_of(values: Iterable[RestoredValue], config: Config) -> Iterator[Finding]:
    """Yield a warning for each value: both values, the path and place of the configured one, and how to use it."""
    for value in values:
        paths = _paths_of(value, config)
        path = paths[0] if len(paths) == 1 else ""
        place, excerpt = _set_at(path, config) if path else (None, "")
        fix = f"add {_CALLBACK} to use {value.configured!r}, or configure {value.restored!r}"
        if len(paths) > 1:
            fix += "; the value is set at " + " or ".join(f"{one} ({_set_at(one, config)[0]})" for one in paths)
        group = "" if value.group is None else f" in group {value.group}"
        yield Finding(
            message=f"{path or f'{value.name} of {value.owner}'} is {value.configured!r}, but the checkpoint restored"
            f" {value.restored!r}{group}",
            severity=Severity.WARNING,
            path=path,
            place=place,
            excerpt=excerpt,
            fix=fix,
        )


def recorded_values(values: Iterable[RestoredValue], config: Config) -> list[dict[str, Any]]:
    """Return the fields of each value, with the path and the place of the configured one; ``None`` if not known."""
    recorded = []
    for value in values:
        paths = _paths_of(value, config)
        path = paths[0] if len(paths) == 1 else None
        place = None if path is None else str(_set_at(path, config)[0])
        recorded.append({"path": path, "place": place, **asdict(value)})
    return recorded


def _paths_of(value: RestoredValue, config: Config) -> list[str]:
    """Return the paths that may have set a value; several if components of one class are configured alike."""
    known = resolved(config)
    named = [
        (*component.path, value.name)
        for component in components_in(known.tree, lambda _: True)
        if component.short_name == value.owner and value.name in component.keywords
    ]
    in_group = [path for path, _ in known.walk() if path[-1] == value.name and _is_in_group(path, value.group)]
    in_run = [path for path in named + in_group if path[0] in SECTIONS and SECTIONS[path[0]].is_run]
    paths = dict.fromkeys(in_run or named + in_group)  # other sections only hold what these refer to
    alike = [path for path in paths if _may_be(known.get(format_path(path)), value.configured)]
    return [format_path(path) for path in [path for path in alike if path in in_group] or alike]


def _is_in_group(path: Segments, group: str | int | None) -> bool:
    """Return whether a path leads through the settings of a parameter group, or of the group that it is a part of."""
    if isinstance(group, str):
        return any(isinstance(key, str) and (group == key or group.startswith(f"{key}_")) for key in path[:-1])
    return group is not None and path[-3:-1] == ("params", group)


def _may_be(written: Any, configured: Any) -> bool:
    """Return whether an argument may have this value: it has, or a class may keep it in another form."""
    return is_computed(written) or isinstance(written, list | dict) or bool(written == configured)


def _set_at(path: str, config: Config) -> tuple[Place | None, str]:
    """Return the place that sets the value at a path, and the text there, through ``@`` references."""
    expanded = config.expanded()
    while is_reference(text := expanded.get(path)):
        target = format_path(absolute_path(find_references(text)[0], parse_path(path)))
        if not expanded.has(target):  # the path leads through another reference
            break
        path = target
    return expanded.place(path), expanded.excerpt(path)
