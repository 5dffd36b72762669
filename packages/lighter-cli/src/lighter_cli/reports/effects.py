"""How much a value of the config tells about a metric, over the runs that differ in it."""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

from lighter_cli.reports.figures import number_text, value_text
from lighter_cli.runs.run import Run, comparable

_MIN_RUNS = 4
_MIN_SHARE = 0.05
_NUM_PARTS = 3


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
    values: one run a value explains everything. Numbers that hardly repeat, as a search draws them, are compared as
    thirds: the smallest, those between, the largest. Runs without a finite value of the metric are left out.

    Args:
        runs: The runs.
        paths: Where they differ.
        metric: The metric.
    """
    judged = [run for run in runs if math.isfinite(run.shown_metrics.get(metric, math.nan))]
    if len(judged) < _MIN_RUNS:
        return []
    mean = _mean(judged, metric)
    total = sum((run.shown_metrics[metric] - mean) ** 2 for run in judged)
    found: list[Effect] = []
    for path in paths:
        groups = _groups(judged, path)
        if len(groups) < 2 or total == 0:
            continue
        means = {label: _mean(group, metric) for label, group in groups.items()}
        between = sum(len(group) * (means[label] - mean) ** 2 for label, group in groups.items())
        texts = (f"{number_text(value)} at {label}" for label, value in sorted(means.items(), key=lambda one: one[1]))
        found.append(Effect(path, between / total, tuple(texts)))
    return sorted((one for one in found if one.share >= _MIN_SHARE), key=lambda one: -one.share)


def _groups(runs: Sequence[Run], path: str) -> dict[str, list[Run]]:
    """Return the runs by their value at a path, or by thirds of it; empty if neither has two runs in each group."""
    by_value: dict[object, list[Run]] = {}
    for run in runs:
        by_value.setdefault(comparable(run.values.get(path)), []).append(run)
    if min(map(len, by_value.values())) >= 2:
        return {value_text(group[0].values.get(path)): group for group in by_value.values()}
    values = [run.values.get(path) for run in runs]
    if len(runs) < 2 * _NUM_PARTS or not all(type(value) in (int, float) for value in values):
        return {}
    ordered = sorted(runs, key=lambda run: float(run.values[path]))
    ends = [round(part * len(ordered) / _NUM_PARTS) for part in range(_NUM_PARTS + 1)]
    parts = [ordered[first:last] for first, last in pairwise(ends)]
    return {f"{value_text(part[0].values[path])} to {value_text(part[-1].values[path])}": part for part in parts}


def _mean(runs: Sequence[Run], metric: str) -> float:
    return fmean(run.shown_metrics[metric] for run in runs)
