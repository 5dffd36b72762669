"""``lighter runs best``: the run with the best value of a metric."""

from typing import Annotated, Literal

from cyclopts import Parameter

from lighter_cli.commands.runs._options import EVERYTHING, Selection, selected_here
from lighter_cli.commands.runs._table import cell, columns_of, default_columns, droppable
from lighter_cli.runs.ranking import best_first, monitored
from lighter_cli.runs.run import names_of_metrics, scanned
from lighter_cli.runs.selection import FACTS, value_of
from lighter_cli.terminal import output
from lighter_cli.terminal.table import table_lines
from lighter_config import Finding, SourceError, nearest_names

Metric = Annotated[str | None, Parameter(help="The metric; without it, the one that the runs monitor.")]
Mode = Annotated[Literal["min", "max"] | None, Parameter(help="Whether the smallest or the largest value is best.")]


def best(*, selection: Selection = EVERYTHING, metric: Metric = None, mode: Mode = None) -> None:
    """Print the run with the best value of a metric, at its best checkpoint if it has one."""
    runs = list(scanned(selected_here(selection, keeps_records=False)))
    name, direction = monitored(runs, metric, mode)
    ranked = best_first(runs, name, direction)
    if not ranked:
        nearest = nearest_names(name, list(names_of_metrics(runs)))
        raise SourceError(Finding(message=f"no run has a finite value of {name!r}", nearest=nearest))
    run = ranked[0]
    headings = [column for column in default_columns(ranked) if column not in FACTS or FACTS[column](run) is not None]
    headings = [*headings, *[name] * (name not in headings)]
    shown = [heading for heading in droppable(headings, [run]) if heading != name]
    lines, left_out = table_lines(columns_of(headings, [run]), width=output.width(), droppable=shown)
    output.write_lines([[f"the {direction}imum of {name} over {len(ranked)} runs"], *lines])
    rest = [(heading, cell(heading, value_of(run, heading))) for heading in headings if heading in left_out]
    output.write_lines(output.rows(rest))
