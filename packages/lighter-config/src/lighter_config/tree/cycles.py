"""Follow references, and report those that lead back to themselves: one message, whoever finds the cycle."""

from collections.abc import Sequence
from dataclasses import replace

from lighter_config.errors import CircularReferenceError, ConfigError
from lighter_config.findings import Finding
from lighter_config.tree.node import MAX_DEPTH, Node, Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.reference_syntax import Reference
from lighter_config.tree.references import absolute_path, find_references, is_reference
from lighter_config.tree.walking import Reached, follow

_MAX_STEPS = 10


def follow_references(root: Node, path: Segments) -> Reached:
    """Follow a path from ``root`` through the ``@`` references on the way, as building does.

    Raises:
        CircularReferenceError: The references on the way lead back to themselves.
        ReferenceNotFoundError: A reference on the way cannot be read.

    >>> from lighter_config.sources.mapping_reader import node_of
    >>> from lighter_config.tree.origins import Caller
    >>> root = node_of({"a": "@b::c", "b": {"c": {"d": 1}}}, Caller("experiment.py", 1))
    >>> follow_references(root, ("a", "d")).path
    ('b', 'c', 'd')
    """
    way: list[Reached] = []
    pending: list[int] = []  # indices into `way`: references whose remaining segments are all still to be looked up
    while True:
        reached = follow(root, path)
        if not reached.rest or not is_reference(reached.node.value):
            return reached
        while pending and len(way[pending[-1]].rest) > len(reached.rest):
            pending.pop()
        start = next((index for index in pending if way[index].node is reached.node), None)
        if start is None and len(path) > MAX_DEPTH:
            start = 0
        if start is not None:
            raise CircularReferenceError(circular_reference([(step.path, step.node) for step in way[start:]]))
        pending.append(len(way))
        way.append(reached)
        path = (*absolute_path(reference_at(reached.node, reached.path), reached.path), *reached.rest)


def reference_at(node: Node, path: Segments) -> Reference:
    """Read the reference of a leaf.

    Raises:
        ReferenceNotFoundError: It cannot be read; the error has the place of the leaf.
    """
    try:
        return find_references(node.value)[0]
    except ConfigError as error:
        where, place, excerpt = format_path(path), node.place, node.excerpt
        found = (replace(finding, path=where, place=place, excerpt=excerpt) for finding in error.findings)
        raise type(error)(*found) from error


def circular_reference(steps: Sequence[tuple[Segments, Node]]) -> Finding:
    """Return the error ``circular reference: a -> b -> a`` of a cycle, at its alphabetically first path.

    The finding is the same wherever the cycle was entered, so that equal findings show one cycle.

    Args:
        steps: The path and node of each text of the cycle: each refers to the next, the last to the first.
    """
    first = min(range(len(steps)), key=lambda index: format_path(steps[index][0]))
    steps = [*steps[first:], *steps[:first]]
    path, node = steps[0]
    names = [format_path(path) for path, _ in steps]
    places = [str(node.place) for _, node in steps[1:]]
    end = names[0] if len(steps) > 1 else format_path(_holder_or_target(path, node))
    if len(steps) > _MAX_STEPS:
        half = _MAX_STEPS // 2
        names = [*names[:half], f"... {len(names) - _MAX_STEPS} more ...", *names[-half:]]
        places = [*places[:half], "..."]
    return Finding(
        message=f"circular reference: {' -> '.join([*names, end])}",
        path=format_path(path),
        place=node.place,
        excerpt=node.excerpt,
        expected=(f"a value for one of them; the others are at {', '.join(places)}",) if places else (),
        fix="replace one of these references by a value" if places else "replace the reference by a value",
    )


def _holder_or_target(path: Segments, node: Node) -> Segments:
    """Return the target of a text that is a cycle by itself: a part that holds the text, else its first target."""
    try:
        targets = [absolute_path(reference, path) for reference in find_references(node.value)]
    except ConfigError:
        return path
    return next((target for target in targets if path[: len(target)] == target), targets[0] if targets else path)
