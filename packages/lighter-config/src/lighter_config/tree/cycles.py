"""Report references that lead back to themselves: one message, whoever finds the cycle."""

from collections.abc import Sequence

from lighter_config.errors import ConfigError
from lighter_config.findings import Finding
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import absolute_path, find_references

_MAX_STEPS = 10


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
        expected=(f"a value somewhere; the others are at {', '.join(places)}",) if places else (),
        fix="replace one of them by a value" if places else "replace it by a value",
    )


def _holder_or_target(path: Segments, node: Node) -> Segments:
    """Return what a text that closes a cycle alone refers to: a part that holds it, else its first target."""
    try:
        targets = [absolute_path(reference, path) for reference in find_references(node.value)]
    except ConfigError:
        return path
    return next((target for target in targets if path[: len(target)] == target), targets[0] if targets else path)
