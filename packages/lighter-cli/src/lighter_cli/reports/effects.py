"""How much a value of the config tells about a metric, over the runs that differ in it."""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from lighter_cli.reports.figures import number_text, value_text
from lighter_cli.runs.run import Run, comparable

_MIN_RUNS = 4
_MIN_SHARE = 0.05


class Effect(NamedTuple):
    """What a value of the config tells about a metric.

    Attributes:
        path: Where the value is.
        share: The part of the variance of the metric that lies between the values of the path, from 0 to 1.
        means: Each value with the mean of the metric over its runs, as text.
    """

    path: str
    share: float
    means: tuple[str, ...]


def effects(runs: Sequence[Run], paths: Sequence[str], metric: str) -> list[Effect]:
    """Return how much of the variance of a metric each path explains, the most first.

    It is eta squared of a one-way analysis of variance. A path counts only if at least two runs have each of its
    values: one run a value explains everything. Runs without a finite value of the metric are left out.

    Args:
        runs: The runs.
        paths: Where they differ.
        metric: The metric.
    """
    judged = [run for run in runs if math.isfinite(run.shown_metrics.get(metric, math.nan))]
    if len(judged) < _MIN_RUNS:
        return []
    values = [run.shown_metrics[metric] for run in judged]
    mean = fmean(values)
    total = sum((value - mean) ** 2 for value in values)
    found: list[Effect] = []
    for path in paths:
        groups: dict[object, list[Run]] = {}
        for run in judged:
            groups.setdefault(comparable(run.values.get(path)), []).append(run)
        if len(groups) < 2 or min(map(len, groups.values())) < 2 or total == 0:
            continue
        means = [fmean(run.shown_metrics[metric] for run in group) for group in groups.values()]
        between = sum(len(group) * (one - mean) ** 2 for group, one in zip(groups.values(), means, strict=True))
        names = [value_text(group[0].values.get(path)) for group in groups.values()]
        texts = (
            f"{number_text(one)} at {name}" for name, one in sorted(zip(names, means, strict=True), key=lambda x: x[1])
        )
        found.append(Effect(path, between / total, tuple(texts)))
    return sorted((one for one in found if one.share >= _MIN_SHARE), key=lambda one: -one.share)
