"""Order runs by a metric: the one that they monitor, or one that is named."""

import math
from collections.abc import Sequence

from lighter_cli.runs.run import Run
from lighter_config import Finding, SourceError


def monitored(runs: Sequence[Run], metric: str | None, mode: str | None) -> tuple[str, str]:
    """Return the metric and its mode, as far as they are not given from the monitor of the runs.

    Raises:
        SourceError: They are not given, and the runs do not agree on them.
    """
    monitors = {run.monitor for run in runs if run.monitor and metric in (None, run.monitor[0])}
    if metric is None and len({name for name, _ in monitors}) != 1:
        several = tuple(sorted({name for name, _ in monitors}))
        message = "the runs monitor different metrics" if several else "no run monitors a metric"
        raise SourceError(Finding(message=message, expected=several, fix="name one: --metric NAME --mode min"))
    name = metric or next(iter(monitors))[0]
    modes = {direction for _, direction in monitors if direction in ("min", "max")}
    if mode is None and len(modes) != 1:
        message = f"no run says whether the smallest or the largest {name!r} is best"
        raise SourceError(Finding(message=message, fix="give --mode min or --mode max"))
    return name, mode or next(iter(modes))


def best_first(runs: Sequence[Run], metric: str, mode: str) -> list[Run]:
    """Return the runs that have a finite value of a metric, the best first; of equal ones, the first stays first."""
    values = [(run.shown_metrics.get(metric), run) for run in runs]
    finite = [(value, run) for value, run in values if isinstance(value, int | float) and math.isfinite(value)]
    sign = 1 if mode == "min" else -1
    return [run for _, run in sorted(finite, key=lambda pair: sign * pair[0])]
