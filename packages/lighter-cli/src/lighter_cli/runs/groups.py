"""Group runs that differ only in given values of the config, such as the seed."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lighter_cli.runs.run import Run, comparable, compared_values


@dataclass(frozen=True, slots=True)
class Spread:
    """The mean of a metric over runs.

    Attributes:
        mean: The mean.
        deviation: The standard deviation of the sample, with ``num - 1`` in the denominator; ``None`` of one value.
        num: How many runs have the metric.
    """

    mean: float
    deviation: float | None
    num: int


def groups_over(runs: Iterable[Run], paths: Sequence[str]) -> list[list[Run]]:
    """Group runs of one stage whose configs are equal except at some paths and below them; this reads their records."""
    groups: dict[object, list[Run]] = {}
    for run in runs:
        values = [
            (path, comparable(value)) for path, value in compared_values(run).items() if not is_under(path, paths)
        ]
        groups.setdefault((run.stage, tuple(sorted(values))), []).append(run)
    return list(groups.values())


def is_under(path: str, paths: Iterable[str]) -> bool:
    """Return whether a path is one of some paths, or below one.

    >>> is_under("vars::lr", ["vars"]), is_under("vars::lr", ["vars::l"])
    (True, False)
    """
    return any(path == other or path.startswith(f"{other}::") for other in paths)


def spread(values: Sequence[float]) -> Spread:
    """Return mean and standard deviation of the values of a metric.

    >>> spread([1.0, 2.0, 3.0])
    Spread(mean=2.0, deviation=1.0, num=3)
    """
    num = len(values)
    mean = math.fsum(values) / num if all(map(math.isfinite, values)) else sum(values) / num
    if num == 1:
        return Spread(mean, None, num)
    return Spread(mean, math.sqrt(sum((value - mean) ** 2 for value in values) / (num - 1)), num)
