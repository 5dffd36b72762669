"""``lighter runs best``: the run with the best value of a metric."""

import math
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from lighter_cli.commands.runs._options import EVERYTHING, Selection
from lighter_cli.commands.runs._table import columns_of, default_columns, droppable
from lighter_cli.runs.run import Run, names_of_metrics, read_runs
from lighter_cli.terminal import output
from lighter_cli.terminal.table import table_lines
from lighter_config import Finding, SourceError, nearest_names

Metric = Annotated[str | None, Parameter(help="The metric; without it, the one that the runs monitor.")]
Mode = Annotated[Literal["min", "max"] | None, Parameter(help="Whether the smallest or the largest value is best.")]


def best(*, selection: Selection = EVERYTHING, metric: Metric = None, mode: Mode = None) -> None:
    """Print the run with the best value of a metric, at its best checkpoint if it has one."""
    runs = [run for run in selection.selected(read_runs(Path.cwd())) if run.is_readable()]
    name, direction = _monitored(runs, metric, mode)
    values = [(run.shown_metrics[name], run) for run in runs if name in run.shown_metrics]
    finite = [(value, run) for value, run in values if math.isfinite(value)]
    if not finite:
        nearest = nearest_names(name, list(names_of_metrics(runs)))
        raise SourceError(Finding(message=f"no run has a finite value of {name!r}", nearest=nearest))
    _, run = (min if direction == "min" else max)(finite, key=lambda pair: pair[0])
    headings = default_columns([run])
    headings = [*headings, *[name] * (name not in headings)]
    shown = [heading for heading in droppable(headings, [run]) if heading != name]
    lines, _ = table_lines(columns_of(headings, [run]), width=output.width(), droppable=shown)
    output.write_lines([[f"the {direction}imum of {name} over {len(finite)} runs"], *lines])


def _monitored(runs: list[Run], metric: str | None, mode: str | None) -> tuple[str, str]:
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
