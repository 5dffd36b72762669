"""``lighter runs list --over``: one row for the runs that differ only at given paths."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from lighter_cli.commands.runs._table import chosen_metrics, exact, text
from lighter_cli.runs.groups import Spread, groups_over, is_under, spread
from lighter_cli.runs.run import Run, differing_paths
from lighter_cli.terminal import output
from lighter_cli.terminal.table import Column, table_lines
from lighter_config import Finding, SourceError, nearest_names


def write_groups(
    runs: Sequence[Run],
    over: Sequence[str],
    columns: Sequence[str],
    *,
    order: tuple[str, bool] | None,
    is_csv: bool,
    is_json: bool,
) -> None:
    """Print the groups: what tells them apart, how many runs they have, and mean and deviation of the metrics.

    Args:
        runs: The runs.
        over: The paths at which the runs of a group may differ.
        columns: The metrics and paths to show; if there are none, the usual metrics and the paths that differ.
        order: The column that the runs are ordered by, and whether the largest comes first. Groups are ordered by the
            mean of a metric, else by their first run.
        is_csv: Whether to print CSV.
        is_json: Whether to print JSON.

    Raises:
        SourceError: No run has such a path, metric or value.
    """
    readable = [run for run in runs if run.is_readable()]
    _check(over, columns, readable)
    groups = groups_over(readable, over)
    if order is not None and any(order[0] in run.shown_metrics for run in readable):
        groups.sort(key=partial(_rank, *order))
    firsts = [group[0] for group in groups]
    metrics, paths = chosen_metrics(readable), differing_paths(firsts)
    paths = [path for path in paths if not is_under(path, over)]
    if columns:
        metrics = [name for name in columns if any(name in run.shown_metrics for run in readable)]
        paths = [name for name in columns if name not in metrics]
    spreads = {name: [_spread(group, name) for group in groups] for name in metrics}
    if is_csv or is_json:
        _write_exact(groups, spreads, paths, is_json=is_json)
        return
    stages = [Column("stage", [run.stage for run in firsts])] * (len({run.stage for run in firsts}) > 1)
    table = [*stages, *(Column(path, [text(run.values.get(path)) for run in firsts]) for path in paths)]
    table.append(Column("n", [str(len(group)) for group in groups], is_number=True))
    for name, values in spreads.items():
        cells = [_text(value, len(group)) for value, group in zip(values, groups, strict=True)]
        table.append(Column(name, cells))
    lines, left_out = table_lines(table, width=output.width(), droppable=() if columns else metrics[:0:-1])
    output.write_lines(lines if groups else [["no run fulfils these conditions"]])
    if left_out:
        output.write_lines([[(f"too wide for the terminal: {', '.join(left_out)}; see --columns", output.PLACE)]])
    if len(groups) > 1 and len(groups) == len(readable):
        hint = f"no group has two runs; they differ at {', '.join(paths)}: add a path with --over PATH"
        output.write_lines([[(hint, output.PLACE)]])


def _check(over: Sequence[str], columns: Sequence[str], runs: Sequence[Run]) -> None:
    paths = list(dict.fromkeys(path for run in runs for path in run.values))
    names = [*dict.fromkeys(name for run in runs for name in run.shown_metrics), *paths]
    for path in over:
        if runs and not any(is_under(known, [path]) for known in paths):
            message = f"no run has {path!r} in its config"
            raise SourceError(Finding(message=message, nearest=nearest_names(path, paths)))
    for name in columns:
        if runs and name not in names:
            message, expected = f"no run has a column {name!r}", ("a metric, or a path in the config",)
            raise SourceError(Finding(message=message, expected=expected, nearest=nearest_names(name, names)))


def _rank(metric: str, is_reversed: bool, group: Sequence[Run]) -> tuple[bool, float]:
    """Return the key of a group in the order of the mean of a metric; groups without one, and nan, come last."""
    value = _spread(group, metric)
    if value is None or math.isnan(value.mean):
        return True, 0.0
    return False, -value.mean if is_reversed else value.mean


def _spread(group: Sequence[Run], metric: str) -> Spread | None:
    values = [run.shown_metrics[metric] for run in group if metric in run.shown_metrics]
    return spread(values) if values else None


def _text(value: Spread | None, num_runs: int) -> str:
    """Return mean and deviation; with the number of values if not all runs of the group have the metric."""
    if value is None:
        return ""
    deviation = "" if value.deviation is None else f" ± {value.deviation:.2g}"
    return f"{value.mean:.4g}{deviation}" + (f" (n={value.num})" if value.num != num_runs else "")


def _write_exact(
    groups: Sequence[Sequence[Run]], spreads: dict[str, list[Spread | None]], paths: Sequence[str], *, is_json: bool
) -> None:
    rows: list[dict[str, Any]] = []
    for index, group in enumerate(groups):
        row: dict[str, Any] = {"stage": group[0].stage, **{path: group[0].values.get(path) for path in paths}}
        row["n"] = len(group)
        for name, values in spreads.items():
            value = values[index]
            row[name] = None if value is None else value.mean
            row[f"{name} deviation"] = None if value is None else value.deviation
            row[f"{name} n"] = 0 if value is None else value.num
        rows.append(row | ({"runs": [run.id for run in group]} if is_json else {}))
    if is_json:
        output.write_json(rows)
        return
    from lighter_cli.terminal.csv_text import csv_text

    headings = list(rows[0]) if rows else []
    output.write_text(csv_text(headings, ([exact(row[heading]) for heading in headings] for row in rows)))
