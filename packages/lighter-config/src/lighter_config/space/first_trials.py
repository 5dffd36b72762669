"""What a sweep tries first: the config as it is, and what ``first`` lists, as far as they lie in the space."""

from collections.abc import Iterator, Sequence
from typing import Any

from lighter_config.config import Config
from lighter_config.dumping.resolved_view import resolved
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding
from lighter_config.merging.merger import Merger
from lighter_config.sections import SWEEP
from lighter_config.space.assignments import Assignment
from lighter_config.space.domains import Choice, Dimension, Range
from lighter_config.space.range_text import is_range
from lighter_config.suggestions import nearest_names
from lighter_config.tree.copies import copied
from lighter_config.tree.node import Node
from lighter_config.tree.paths import SEPARATOR, format_path, parse_path
from lighter_config.tree.walking import walk

_ABSENT = object()
_PATH = f"{SWEEP}{SEPARATOR}first"


def first_trials(
    config: Config, dimensions: Sequence[Dimension], listed: Node | None
) -> tuple[list[Assignment], list[Finding]]:
    """Return what is tried first, and what is wrong with the entries of ``first``.

    Args:
        config: The config of the sweep.
        dimensions: The dimensions of its space.
        listed: The value of ``first``; ``None`` without one.
    """
    found = [as_it_stands(config, dimensions)]
    findings: list[Finding] = []
    entries = [] if listed is None or listed.value is None else listed.value if listed.is_list else [listed]
    for entry in entries:
        if not entry.is_mapping:
            message = f"{_PATH} must list mappings, has {entry.plain()!r}"
            fix = "write a value for each path: - {system::optimizer::lr: 0.01}"
            findings.append(_finding(entry, message, fix=fix))
            continue
        wrong = list(_not_dimensions(entry, dimensions))
        if not wrong:
            try:
                changed = _with(config, entry)
                assignment = as_it_stands(changed, dimensions)
                wrong = list(_outside(entry, dimensions, assignment))
                found.append(assignment)
            except ConfigError as error:
                wrong = list(error.findings)
        findings += wrong
    unique = {str(one.values): one for one in found if one.chosen}
    return list(unique.values()), findings


def as_it_stands(config: Config, dimensions: Sequence[Dimension]) -> Assignment:
    """Return the dimensions whose value in a config lies in the space."""
    known = resolved(config)
    chosen: list[tuple[Dimension, int | float | Choice]] = []
    for dimension in dimensions:
        chosen += _found(config, known, dimension)
    return Assignment(tuple(chosen))


def _found(config: Config, known: Config, dimension: Dimension) -> list[tuple[Dimension, "int | float | Choice"]]:
    if not dimension.path:
        unchanged = next((choice for choice in dimension.choices if _changes_nothing(config, choice)), None)
        return [] if unchanged is None else [(dimension, unchanged)]
    value = known.get(dimension.path, _ABSENT)
    if isinstance(dimension.domain, Range):
        return [(dimension, value)] if value in dimension.domain else []
    written = config.get(dimension.path, _ABSENT)
    fitting = [
        (choice, numbers) for choice in dimension.domain if (numbers := _numbers(choice, written, value)) is not None
    ]
    if not fitting:
        return []
    # {lr: ...} fits whatever {_target_: SGD, lr: ...} fits, so the choice that says most is meant
    choice, numbers = max(fitting, key=lambda fit: sum(1 for _ in walk(fit[0].node)))
    return [(dimension, choice), *zip(choice.dimensions, numbers, strict=True)]


def _numbers(choice: Choice, written: Any, known: Any) -> list[Any] | None:
    """Return the value of each dimension inside a choice; ``None`` if the choice would change the config."""
    if not isinstance(choice.value, dict):
        return [] if any(_equal(choice.value, one) for one in (written, known)) else None
    numbers = []
    ranges = dict(zip(choice.inside, choice.dimensions, strict=True))
    for path, node in walk(choice.node):
        if not node.is_leaf and node.value:
            continue
        values = [_at(one, path) for one in (written, known)]
        if path in ranges:
            if values[1] not in ranges[path].domain:
                return None
            numbers.append(values[1])
        elif not any(_equal(node.plain(), one) for one in values):
            return None
    return numbers


def _at(value: Any, path: Sequence[Any]) -> Any:
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return value


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


def _changes_nothing(config: Config, choice: Choice) -> bool:
    root = copied(config._root)
    for part in choice.parts:
        Merger().merge(root, copied(part))
    return bool(root.plain() == config._root.plain())


def _with(config: Config, entry: Node) -> Config:
    """Return the config with an entry merged into it, as a later file would be."""
    root = copied(config._root)
    Merger().merge(root, copied(entry))
    return config._with_root(root, whole=None)


def _not_dimensions(entry: Node, dimensions: Sequence[Dimension]) -> Iterator[Finding]:
    """Report the values of an entry that no dimension varies."""
    paths = {parse_path(dimension.path) for dimension in dimensions if dimension.path}
    for path, node in walk(entry):
        if node.is_leaf and not any(path[: len(one)] == one for one in paths):
            name = format_path(path)
            names = [dimension.path for dimension in dimensions if dimension.path]
            nearest = nearest_names(name, names)
            yield _finding(
                node, f"{name} is not a dimension of the sweep", expected=tuple(names), nearest=nearest, fix="remove it"
            )


def _outside(entry: Node, dimensions: Sequence[Dimension], assignment: Assignment) -> Iterator[Finding]:
    """Report the values of an entry that their dimension does not have."""
    inside = {dimension.path for dimension, _ in assignment.chosen}
    for path, node in walk(entry):
        found = next((one for one in dimensions if one.path == format_path(path)), None)
        if found is None or found.path in inside:
            continue
        domain = found.domain
        expected = (str(domain),) if isinstance(domain, Range) else tuple(choice.label for choice in domain)
        shown = node.plain() if not is_range(node.value) else node.value
        yield _finding(node, f"{found.path} cannot be {shown!r} in this sweep", expected=expected)


def _finding(
    node: Node, message: str, *, expected: tuple[str, ...] = (), nearest: tuple[str, ...] = (), fix: str = ""
) -> Finding:
    return Finding(
        message=message,
        path=_PATH,
        place=node.place,
        excerpt=node.excerpt,
        expected=expected,
        nearest=nearest,
        fix=fix,
        check="space",
    )
