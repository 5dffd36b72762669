"""``lighter runs plot``: the curves of one metric, in the terminal or as a file."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.commands._inputs import Csv, Json
from lighter_cli.commands.runs._options import EVERYTHING, Selection, selected_here
from lighter_cli.commands.runs._run import Run as RunName
from lighter_cli.commands.runs._table import text
from lighter_cli.runs.lookup import find_run
from lighter_cli.runs.run import Run, comparable, run_of
from lighter_cli.runs.short_names import names_of
from lighter_cli.terminal import output
from lighter_cli.terminal.output import HEADING, PATH
from lighter_cli.terminal.plot import LETTERS, Curve, plot_lines
from lighter_config import Finding, Place, SourceError, nearest_names

_HEIGHT = 16
_WIDTH_ELSEWHERE = 80
_FORMATS = (".pdf", ".svg", ".png")
_AT = ("epoch", "step", "time_s")

Metric = Annotated[str, Parameter(name="METRIC", help="The metric, such as val/loss/epoch.")]
By = Annotated[
    str | None, Parameter(help="Draw one curve, the mean, for the runs with one value here, such as vars::lr.")
]
To = Annotated[
    Path | None, Parameter(name=["--output", "-o"], help="Write a file instead: NAME.pdf, NAME.svg or NAME.png.")
]


def plot(
    metric: Metric,
    /,
    *runs: RunName,
    by: By = None,
    to: To = None,
    selection: Selection = EVERYTHING,
    csv: Csv = False,
    as_json: Json = False,
) -> None:
    """Draw the curves of a metric: of the runs that are named or selected, else of all runs of this folder."""
    _check_format(to)
    found = _with_metric(_runs(runs, selection), metric)
    if to is not None:
        _write_file(found, metric, by, to)
        return
    curves = _curves(found, metric, by)
    if as_json:
        output.write_json([{"label": curve.label, "points": curve.points} for curve in curves])
        return
    if csv:
        from lighter_cli.terminal.csv_text import csv_text

        rows = ((curve.label, *point) for curve in curves for point in curve.points)
        output.write_text(csv_text(["curve", "epoch", "value"], rows))
        return
    if len(curves) > len(LETTERS):
        fix = "select fewer: --last 20, or draw means: --by PATH"
        message = f"{len(curves)} curves do not fit in one plot"
        raise SourceError(Finding(message=message, expected=(f"at most {len(LETTERS)}",), fix=fix))
    output.write_lines([[output.escaped_part((metric, HEADING))]])
    if len({epoch for curve in curves for epoch, _ in curve.points}) < 2:
        output.write_lines([["only one epoch logged it: no curve"]])
        return
    is_braille = output.is_styled() and output.can_show("│━⣿")
    width = output.width() or _WIDTH_ELSEWHERE
    output.write_lines(plot_lines(curves, width=width, height=_HEIGHT, is_braille=is_braille))


def _check_format(file: Path | None) -> None:
    if file is not None and file.suffix not in _FORMATS:
        place = Place("option --output")
        message = f"unknown format {file.suffix or file.name!r}"
        raise SourceError(Finding(message=message, place=place, excerpt=str(file), expected=_FORMATS))


def _runs(names: Sequence[str], selection: Selection) -> list[Run]:
    """Return the runs to draw.

    Raises:
        SourceError: They are named and selected, or there are none.
    """
    if names and not selection.is_everything:
        raise SourceError(Finding(message="runs are named and selected", fix="name runs, or give options, not both"))
    if names:
        return list({str(record.folder): run_of(record.folder) for record in map(find_run, names)}.values())
    found = [run for run in selected_here(selection) if run.is_readable()]
    if not found:
        message = (
            "no run fulfils these conditions" if not selection.is_everything else "no run was started in this folder"
        )
        raise SourceError(Finding(message=message, fix="see lighter runs list"))
    return found


def _with_metric(runs: Sequence[Run], metric: str) -> list[Run]:
    """Return the runs whose epochs logged a metric.

    Raises:
        SourceError: None did; with the nearest.
    """
    found = [run for run in runs if run.curve(metric)]
    if not found:
        known = list(dict.fromkeys(name for run in runs for row in run.history for name in row if name not in _AT))
        message = f"no epoch of these runs logged {metric!r}"
        raise SourceError(Finding(message=message, expected=tuple(known[:8]), nearest=nearest_names(metric, known)))
    return found


def _curves(runs: Sequence[Run], metric: str, by: str | None) -> list[Curve]:
    """Return a curve for each run, or for each value at a path the mean over its runs.

    Raises:
        SourceError: No run has the path.
    """
    if by is None:
        return [Curve(name, run.curve(metric)) for name, run in zip(names_of(runs), runs, strict=True)]
    groups: dict[object, list[Run]] = {}
    for run in runs:
        groups.setdefault(comparable(run.values.get(by)), []).append(run)
    if not any(by in run.values for run in runs):
        known = list(dict.fromkeys(path for run in runs for path in run.values))
        raise SourceError(Finding(message=f"no run has {by!r} in its config", nearest=nearest_names(by, known)))
    name = by.rpartition("::")[2]
    return [
        Curve(
            f"{name} {text(group[0].values.get(by))} ({len(group)} run{'s' * (len(group) != 1)})", _mean(group, metric)
        )
        for group in groups.values()
    ]


def _mean(runs: Sequence[Run], metric: str) -> list[tuple[int, float]]:
    """Return the mean of a metric over runs at each epoch that all of them logged."""
    curves = [dict(run.curve(metric)) for run in runs]
    epochs = [epoch for epoch in curves[0] if all(epoch in curve for curve in curves)]
    means: list[tuple[int, float]] = []
    for epoch in epochs:
        values = [curve[epoch] for curve in curves]
        means.append((epoch, fmean(values) if all(map(math.isfinite, values)) else math.nan))
    return means


def _write_file(runs: Sequence[Run], metric: str, by: str | None, file: Path) -> None:
    from lighter_cli.reports.figure_files import write_figure  # matplotlib
    from lighter_cli.reports.runs_page import metric_figure

    try:
        write_figure(metric_figure(runs, metric, by), [file])
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror or error}"
        place = Place("option --output")
        raise SourceError(Finding(message=message, place=place, excerpt=str(file))) from error
    output.write_lines([[(str(file), PATH), f": {metric} of {len(runs)} run{'s' * (len(runs) != 1)}"]])
