"""The config of one trial: the config of the sweep, with the value of each dimension merged into it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from lighter_config.config import Config
from lighter_config.merging.changes import Change
from lighter_config.merging.merger import Merger
from lighter_config.sections import SWEEP
from lighter_config.sources.mapping_reader import node_of
from lighter_config.sources.recorded_places import Recorded
from lighter_config.space.assignments import Assignment
from lighter_config.space.domains import Choice
from lighter_config.space.space import Space
from lighter_config.tree.copies import copied
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.origins import Caller, Origin, Trial
from lighter_config.tree.paths import parse_path


def trial_config(
    config: Config,
    space: Space,
    assignment: Assignment,
    repeat: Assignment | None = None,
    number: int | None = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> Config:
    """Return the config of one trial, without the ``sweep`` section; ``config`` itself is not changed.

    Each value that a dimension sets has the place of the dimension, with the number of the trial.

    Args:
        config: The config of the sweep, as it was loaded.
        space: Its space.
        assignment: The value of each dimension.
        repeat: The value of each repeat: the seed, the fold.
        number: The number of the trial; ``None`` for one that does not run.
        settings: What the sweep itself sets, such as the folder of the trial: values by their paths.

    Raises:
        MergeError: A value does not fit into the config.
        ValueError: A value is for a dimension that the space does not have.
    """
    root = copied(config._root)
    root.value.pop(SWEEP, None)
    merger, of_trial = Merger(), _of_trial(number)
    chosen = (*assignment.chosen, *(repeat.chosen if repeat is not None else ()))
    known = {id(dimension) for dimension in (*space.all_dimensions(), *space.repeats)}
    if any(id(dimension) not in known for dimension, _ in chosen):
        raise ValueError("the assignment is not one of this space; read it with assignment_from")
    numbers = {id(dimension): value for dimension, value in chosen if not isinstance(value, Choice)}
    inside = {id(one) for _, value in chosen if isinstance(value, Choice) for one in value.dimensions}
    for dimension, value in chosen:
        if id(dimension) in inside:
            continue
        if isinstance(value, Choice) and value.is_file:
            for part in value.parts:
                merger.merge(root, copied(part, of_trial))
            continue
        new = copied(value.node if isinstance(value, Choice) else dimension.node, of_trial)
        if isinstance(value, Choice):
            _fill(new, value, numbers)
        else:
            new.value = value
        merger.apply(root, Change("merge", parse_path(dimension.path), new))  # as a later file would
    return with_settings(config._with_root(root, whole=None), settings)


def with_settings(config: Config, settings: Mapping[str, Any]) -> Config:
    """Return a config with what the sweep itself sets.

    Args:
        config: The config, as it was loaded.
        settings: Values by their paths.
    """
    root, merger = copied(config._root), Merger()
    for path, value in settings.items():
        merger.apply(root, Change("merge", parse_path(path), node_of(value, Caller("the sweep", None))))
    return config._with_root(root, whole=None)


def _fill(node: Node, choice: Choice, numbers: dict[int, int | float]) -> None:
    """Put a number in place of each range inside a choice."""
    for path, dimension in zip(choice.inside, choice.dimensions, strict=True):
        _leaf(node, path).value = numbers[id(dimension)]


def _leaf(node: Node, path: Segments) -> Node:
    for key in path:
        node = node.value[key]
    return node


def _of_trial(number: int | None) -> Callable[[Node], None]:
    """Return what makes a node one that a trial has set."""
    origins: dict[int, Origin] = {}

    def of_trial(origin: Origin) -> Origin:
        if id(origin) not in origins:
            assert number is not None
            origins[id(origin)] = Trial(origin, number)
        return origins[id(origin)]

    def change(node: Node) -> None:
        if node.previous is not None and isinstance(node.previous.origin, Recorded):  # read from a sweep's folder
            before = node.previous
            node.origin, node.mark, node.key_mark, node.key_origin = before.origin, None, None, before.origin
        if number is not None:
            node.origin, node.key_origin = of_trial(node.origin), of_trial(node.key_origin)
        node.previous = None

    return change
