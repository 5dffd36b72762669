"""``lighter runs compare``: runs side by side, and their curves."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.commands._inputs import Csv, Json
from lighter_cli.commands.runs._options import EVERYTHING, Selection, selected_here, separated
from lighter_cli.commands.runs._run import Run as RunName
from lighter_cli.commands.runs._side_by_side import Row, rows_of, table
from lighter_cli.commands.runs._table import exact
from lighter_cli.runs.lookup import find_run
from lighter_cli.runs.metric_choice import NUM_SHOWN, in_order
from lighter_cli.runs.run import Run, run_of
from lighter_cli.runs.short_names import names_of
from lighter_cli.terminal import output
from lighter_cli.terminal.output import HEADING, Line
from lighter_cli.terminal.plot import LETTERS, Curve, plot_lines
from lighter_config import Finding, SourceError, nearest_names

_MOST = len(LETTERS)
_MOST_NAMED = 8
_HEIGHT = 10
_WIDTH_ELSEWHERE = 80  # of a plot, without a terminal

_AT = ("epoch", "step", "time_s")

Metric = Annotated[
    list[str] | None,
    Parameter(negative=(), help="Compare these metrics, with their curves; may be given several times."),
]


def compare(
    *runs: RunName, selection: Selection = EVERYTHING, metric: Metric = None, csv: Csv = False, as_json: Json = False
) -> None:
    """Print runs side by side: the values of the config that differ, the metrics, and the curves."""
    compared = _compared(runs, selection)
    metrics = separated(metric)
    logged = list(dict.fromkeys(name for run in compared for row in run.history for name in row if name not in _AT))
    _check(metrics, compared, logged)
    rows = rows_of(compared, metrics, has_all=csv or as_json)
    curves = metrics or _default_curves(compared, logged)
    if as_json:
        output.write_json([_json_of(run, index, rows, curves) for index, run in enumerate(compared)])
        return
    if csv:
        from lighter_cli.terminal.csv_text import csv_text

        lines = ([row.section or "run", row.name, *map(exact, row.values)] for row in rows)
        output.write_text(csv_text(["section", "name", *(run.id for run in compared)], lines))
        return
    output.write_lines(table(rows, compared, width=output.width()))
    for name in curves:
        output.write_lines(_curve_lines(name, compared))


def _compared(names: Sequence[str], selection: Selection) -> list[Run]:
    """Return the runs to compare.

    Raises:
        SourceError: They are fewer than two, or too many.
    """
    if names and not selection.is_everything:
        raise SourceError(Finding(message="runs are named and selected", fix="name runs, or give options, not both"))
    if not names and selection.is_everything:
        fix = "write lighter runs compare A B, or select them: lighter runs compare --last 5"
        raise SourceError(Finding(message="no run given", expected=("two runs or more",), fix=fix))
    if names:
        found = list({str(record.folder): run_of(record.folder) for record in map(find_run, names)}.values())
    else:
        found = [run for run in selected_here(selection) if run.is_readable()]
    if len(found) < 2:
        message = f"{len(found) or 'no'} run fulfils these conditions" if not names else "one run given"
        raise SourceError(Finding(message=message, expected=("two runs or more",), fix="see lighter runs list"))
    if len(found) > _MOST:
        fix = "select fewer: --last 20; lighter runs list has a row a run"
        message = f"{len(found):,} runs do not fit side by side"
        raise SourceError(Finding(message=message, expected=(f"at most {_MOST}",), fix=fix))
    return found


def _check(metrics: Sequence[str], runs: Sequence[Run], logged: Sequence[str]) -> None:
    """Refuse metrics that no run has.

    Raises:
        SourceError: With the nearest.
    """
    known = dict.fromkeys([*logged, *(name for run in runs for name in (*run.metrics, *run.best_metrics))])
    for name in metrics:
        if name not in known:
            nearest, expected = nearest_names(name, known), tuple(in_order(known, ()))[:_MOST_NAMED]
            raise SourceError(Finding(message=f"no run has a metric {name!r}", expected=expected, nearest=nearest))


def _default_curves(runs: Sequence[Run], logged: Sequence[str]) -> list[str]:
    """Return the metrics that the runs monitor; without a curve of one, the losses, and without those the first."""
    monitors = [name for name in dict.fromkeys(run.monitor[0] for run in runs if run.monitor) if name in logged]
    shown = in_order(logged, ())
    return (monitors or [name for name in shown if "loss" in name] or shown[:1])[:NUM_SHOWN]


def _curve_lines(metric: str, runs: Sequence[Run]) -> Iterator[Line]:
    """Yield the plot of one metric with the curves of all runs."""
    curves = [Curve(name, run.curve(metric)) for name, run in zip(names_of(runs), runs, strict=True)]
    yield [""]
    yield [output.escaped_part((metric, HEADING))]
    if len({epoch for curve in curves for epoch, _ in curve.points}) < 2:
        has_one = any(curve.points for curve in curves)
        yield ["only one epoch logged it: no curve" if has_one else "no epoch logged it: no curve"]
        return
    is_braille = output.is_styled() and output.can_show("│━⣿")
    yield from plot_lines(curves, width=output.width() or _WIDTH_ELSEWHERE, height=_HEIGHT, is_braille=is_braille)


def _json_of(run: Run, index: int, rows: Sequence[Row], curves: Sequence[str]) -> dict[str, Any]:
    sections: dict[str, dict[str, Any]] = {}
    for row in rows:
        sections.setdefault(row.section, {})[row.name] = row.values[index]
    facts = {"id": run.id, "folder": str(run.folder), "stage": run.stage, **sections.pop("")}
    return {**facts, **sections, "curves": {name: run.curve(name) for name in curves}}
