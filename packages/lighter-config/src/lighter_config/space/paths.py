"""Whether a dimension leads to something that a trial has."""

from collections.abc import Sequence

from lighter_config.config import Config
from lighter_config.findings import Finding
from lighter_config.sections import SECTIONS, SWEEP, VARS
from lighter_config.space.domains import Dimension
from lighter_config.suggestions import nearest_names
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.walking import follow

_NUM_SHOWN = 3


def nothing_at(config: Config, files: Sequence[Dimension], path: Segments, node: Node) -> Finding | None:
    """Return an error if no trial has a place for a value at a path; a missing argument of a component has one.

    Args:
        config: The config of the sweep.
        files: The dimensions of files, whose choices may bring the place.
        path: The path of the dimension.
        node: The dimension as it is written.
    """
    name = format_path(path)
    if path[0] == SWEEP:
        fix = "vary a value that a trial has"
        return _finding(node, name, f"{name} is in the {SWEEP} section, which no trial has", fix=fix)
    roots = [part for one in files for choice in one.choices for part in choice.parts]
    if config.has(name) or any(not follow(root, path).rest for root in roots) or _is_new(config, roots, path):
        return None
    nearest = _nearest(config, path)
    fix = f"write {node.excerpt.replace(name, nearest[0], 1)}" if nearest and name in node.excerpt else ""
    return _finding(
        node, name, f"{name} does not exist", nearest=nearest, fix=fix or "name a value that the config has"
    )


def _is_new(config: Config, roots: Sequence[Node], path: Segments) -> bool:
    """Return whether a value may be added at a path: to a component, to arguments of a stage, as the seed."""
    section = SECTIONS.get(path[0])
    if section is None or path[0] == VARS:
        return False
    if len(path) == 1 or section.is_open:
        return True
    holder = format_path(path[:-1])
    if config.has(holder):
        return not isinstance(config.expanded().get(holder, None), list)
    return any(not follow(root, path[:-1]).rest for root in roots)


def _nearest(config: Config, path: Segments) -> tuple[str, ...]:
    """Return the paths that end in the same name, the most alike first; else those that are alike as a whole."""
    paths = [one for one, _ in config.expanded().walk() if one[0] != SWEEP]
    same = [format_path(one) for one in paths if one[-1] == path[-1]]
    if same:
        alike = nearest_names(format_path(path), same)
        return tuple(dict.fromkeys([*alike, *same]))[:_NUM_SHOWN]
    beside = [format_path(one) for one in paths if one[:-1] == path[:-1]]
    return nearest_names(format_path(path), beside or [format_path(one) for one in paths])


def _finding(node: Node, path: str, message: str, *, nearest: tuple[str, ...] = (), fix: str = "") -> Finding:
    return Finding(
        message=message,
        path=path,
        place=node.key_place,
        excerpt=node.excerpt,
        nearest=nearest,
        fix=fix,
        check="space",
    )
