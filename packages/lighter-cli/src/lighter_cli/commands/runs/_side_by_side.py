"""The table of ``lighter runs compare``: a column a run, a row a fact, a value of the config or a metric."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from lighter_cli.commands.runs._run import STATUS_STYLES
from lighter_cli.commands.runs._table import text
from lighter_cli.runs.metric_choice import in_order
from lighter_cli.runs.ranking import best_first
from lighter_cli.runs.run import Run, differing_paths
from lighter_cli.runs.short_names import names_of
from lighter_cli.terminal.output import ADDED, HEADING, PATH, Line, Part, cell_text
from lighter_cli.terminal.shown import duration_text
from lighter_cli.terminal.table import MAX_CELL, Column, stacked_lines

_AT_BEST, _AT_END = "at_best", "metrics"  # as in records
_TITLES = MappingProxyType({_AT_BEST: "metrics at the best checkpoint", _AT_END: "metrics at the end"})
_LEAST_NAMES = 24  # columns for the names of the rows, in a narrow terminal
_LEAST_VALUE = 14


class Row(NamedTuple):
    """One row.

    Attributes:
        section: ``config``, ``at_best`` or ``metrics``; empty for facts of the run.
        name: What the values are of.
        values: The value of each run; ``None`` if it has none.
    """

    section: str
    name: str
    values: Sequence[Any]


def rows_of(runs: Sequence[Run], metrics: Sequence[str] = (), *, has_all: bool = False) -> list[Row]:
    """Return the rows that compare runs; this reads their records.

    Args:
        runs: The runs.
        metrics: The metrics to compare; if there are none, those that are not of single steps or of optimizers.
        has_all: Whether to compare all metrics, and to repeat those at the end that are those at the best checkpoint.
    """
    rows = [Row("", name, values) for name, values in _facts(runs)]
    rows += [Row("config", path, [run.values.get(path) for run in runs]) for path in differing_paths(runs)]
    at_best = [run.best_metrics for run in runs]
    if any(at_best):
        epochs = [(run.record.get("at_best") or {}).get("epoch") for run in runs]
        rows.append(Row(_AT_BEST, "epoch", epochs))
        rows += _of_metrics(_AT_BEST, at_best, runs, metrics, has_all)
    at_end = [run.metrics for run in runs]
    if has_all or at_end != at_best:
        rows += _of_metrics(_AT_END, at_end, runs, metrics, has_all)
    return rows


def table(rows: Sequence[Row], runs: Sequence[Run], *, width: int | None) -> list[Line]:
    """Return the lines of the table: exact ids without a terminal, else as many tables as its width needs."""
    names = [run.id for run in runs] if width is None else names_of(runs)
    if width is not None:
        rows = [row for row in rows if row.section or list(row.values) != names]  # the headings say it
    labels, columns = _cells(rows, names, _best_cells(rows, runs))
    if width is not None:
        used = sum(_width(column) + 3 for column in columns)
        labels = _shortened(labels, min(MAX_CELL, max(_LEAST_NAMES, width * 2 // 5, width - used)))
        longest_name = max(len(cell_text(cell)) for cell in labels.cells)
        columns = [_shortened(column, max(_LEAST_VALUE, (width - longest_name) // len(runs) - 3)) for column in columns]
    return stacked_lines(labels, columns, width=width)


def _facts(runs: Sequence[Run]) -> Iterator[tuple[str, Sequence[Any]]]:
    if any(run.name for run in runs):
        yield "name", [run.name or None for run in runs]
    if len({run.stage for run in runs}) > 1:
        yield "stage", [run.stage for run in runs]
    yield "status", [run.status for run in runs]
    ended = [(run.record.get("ended") or {}).get("by") for run in runs]
    if len(set(ended)) > 1:
        yield "ended by", ended
    yield "took", [run.took_s for run in runs]
    if any(epochs := [len(run.history) or None for run in runs]):
        yield "epochs", epochs
    if any(run.tags for run in runs):
        yield "tags", [",".join(run.tags) or None for run in runs]


def _of_metrics(
    section: str, values: Sequence[Mapping[str, Any]], runs: Sequence[Run], chosen: Sequence[str], has_all: bool
) -> list[Row]:
    names = list(dict.fromkeys(name for metrics in values for name in metrics))
    if chosen:
        names = [name for name in chosen if name in names]
    elif not has_all:
        names = in_order(names, {run.monitor[0] for run in runs if run.monitor})
    return [Row(section, name, [metrics.get(name) for metrics in values]) for name in names]


def _best_cells(rows: Sequence[Row], runs: Sequence[Run]) -> set[tuple[int, int]]:
    """Return row and column of the best value of each metric that all runs monitor in the same way."""
    modes = {run.monitor for run in runs if run.monitor}
    found: set[tuple[int, int]] = set()
    if len(modes) == 1 and (monitor := next(iter(modes)))[1] in ("min", "max"):
        best = best_first([run for run in runs if run.best_metrics], *monitor)[:1]
        for number, row in enumerate(rows):
            if row.section == _AT_BEST and row.name == monitor[0]:
                found |= {(number, runs.index(run)) for run in best}
    return found


def _cells(rows: Sequence[Row], names: Sequence[str], best: set[tuple[int, int]]) -> tuple[Column, list[Column]]:
    """Return the column with the names of the rows and a column for each run, with a heading for each section."""
    labels: list[Part] = []
    cells: list[list[Part]] = [[] for _ in names]
    section = ""
    for number, row in enumerate(rows):
        if row.section != section:
            section = row.section
            labels += ["", (_TITLES.get(section, section), HEADING)]
            for column in cells:
                column += ["", ""]
        labels.append((row.name, PATH) if section == "config" else row.name)
        for index, value in enumerate(row.values):
            cells[index].append(_cell(row, value, is_best=(number, index) in best))
    return Column("", labels), [Column(name, column, True) for name, column in zip(names, cells, strict=True)]


def _cell(row: Row, value: Any, *, is_best: bool) -> Part:
    if row.section == "" and row.name == "status":
        return value, STATUS_STYLES.get(value, "")
    if row.section == "" and row.name == "took":
        return "" if value is None else duration_text(value)
    shown = f"{value:.4g}" if isinstance(value, float) and row.section != "config" else text(value)
    return (shown, f"{ADDED} {HEADING}") if is_best else shown


def _width(column: Column) -> int:
    return max(map(len, [column.heading, *map(cell_text, column.cells)]))


def _shortened(column: Column, longest: int) -> Column:
    """Return a column in which long cells have lost their beginning: the end of a path says most."""
    return replace(column, cells=[_end(cell, longest) for cell in column.cells])


def _end(cell: Part, longest: int) -> Part:
    text_ = cell_text(cell)
    if len(text_) <= longest:
        return cell
    short = f"…{text_[1 - longest :]}"
    return short if isinstance(cell, str) else (short, cell[1])
