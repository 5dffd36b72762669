"""``lighter runs list``: the runs that were started in a folder, as a table."""

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.commands._inputs import Csv, Json
from lighter_cli.commands.runs._options import EVERYTHING, Selection, separated
from lighter_cli.commands.runs._run import recorded_json
from lighter_cli.commands.runs._table import columns_of, default_columns, droppable, exact
from lighter_cli.runs.listing import listed_runs, recorded_folders
from lighter_cli.runs.record import Record
from lighter_cli.runs.run import Run
from lighter_cli.runs.selection import check_columns, ordered, value_of
from lighter_cli.terminal import output
from lighter_cli.terminal.shown import shown_path
from lighter_cli.terminal.table import table_lines

_logger = logging.getLogger(__name__)

_NUM_ON_TERMINAL = 50
_PRUNE = "; `lighter runs prune` takes them off the list"

_Several = list[str] | None

ShowAll = Annotated[
    bool,
    Parameter(
        name="--all", negative=(), show_default=False, help="Show all runs on a terminal, not only the newest 50."
    ),
]
Columns = Annotated[
    _Several, Parameter(negative=(), help="Show these columns: facts, metrics and paths in the config, with commas.")
]
Sort = Annotated[
    str | None, Parameter(allow_leading_hyphen=True, help="Order by a column; -COLUMN puts the largest first.")
]
Reverse = Annotated[bool, Parameter(negative=(), show_default=False, help="Reverse the order.")]
Over = Annotated[
    _Several, Parameter(negative=(), help="Group runs that differ only at these paths, such as seed: mean ± deviation.")
]


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause garbage collection: it would visit all that is read and printed several times, and find nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@_without_collection()
def list_runs(
    *,
    selection: Selection = EVERYTHING,
    sort: Sort = None,
    reverse: Reverse = False,
    columns: Columns = None,
    over: Over = None,
    show_all: ShowAll = False,
    csv: Csv = False,
    as_json: Json = False,
) -> None:
    """List the runs that were started in this folder, newest last."""
    is_table = not (csv or as_json)
    most = _NUM_ON_TERMINAL if is_table and output.is_terminal() and not show_all and not over else None
    gone: list[str] = []
    has_more = bool(columns or over or sort or as_json)
    runs, total = _found(selection, None if sort or reverse else most, gone, keeps_records=has_more)
    _say_gone(gone)
    headings = separated(columns)
    if sort is not None:
        column = sort.removeprefix("-")
        runs = [run for run in runs if column in run.listed_metrics or run.is_readable()]
        check_columns([column] if runs else [], runs)
        runs = ordered(runs, column, is_reversed=sort.startswith("-") != reverse)
    elif reverse:
        runs = runs[::-1]
    if over:
        from lighter_cli.commands.runs._groups import write_groups  # most lists need no groups

        order = None if sort is None else (sort.removeprefix("-"), sort.startswith("-") != reverse)
        write_groups(runs, separated(over), headings, order=order, is_csv=csv, is_json=as_json)
        return
    if headings and runs:
        runs = [run for run in runs if run.is_readable()]
        check_columns(headings, runs)
    if as_json:
        _write_json(runs, headings)
    elif csv:
        _write_csv(runs, headings or default_columns(runs))
    elif not runs:
        none = "no run was started in this folder" if selection.is_everything else "no run fulfils these conditions"
        output.write_lines([] if gone else [[none]])
    else:
        _write_table(runs[:most], headings, total)


def _found(selection: Selection, most: int | None, gone: list[str], *, keeps_records: bool) -> tuple[list[Run], int]:
    """Return the runs to list, oldest first, at most so many of them; and how many there are."""
    if most is not None and selection.is_everything:
        folders = recorded_folders(Path.cwd(), gone)
        newest = islice(map(Run, listed_runs(Path.cwd(), folders, gone)), most)
        return list(newest)[::-1], len(folders)
    listed = map(Run, listed_runs(Path.cwd(), gone=gone))
    runs = list(selection.selected(listed, keeps_records=keeps_records))
    return (runs if most is None else runs[:most])[::-1], len(runs)


def _say_gone(folders: Sequence[str]) -> None:
    """Say once how many runs cannot be listed because their folders are gone; the output has only the others."""
    if len(folders) == 1:
        _logger.warning("1 run was started here, but its folder is gone: %s%s", shown_path(Path(folders[0])), _PRUNE)
    elif folders:
        text = "%s runs were started here, but their folders are gone (first: %s)%s"
        _logger.warning(text, f"{len(folders):,}", shown_path(Path(folders[-1])), _PRUNE)


def _write_table(runs: Sequence[Run], headings: Sequence[str], total: int) -> None:
    shown = headings or default_columns(runs)
    if len(runs) < total:
        text = f"{len(runs)} of {total:,} runs; `lighter runs list --all` shows all"
        output.write_lines([[(text, output.PLACE)]])
    may_go = () if headings else droppable(shown, runs)
    lines, left_out = table_lines(columns_of(shown, runs), width=output.width(), droppable=may_go)
    output.write_lines(lines)
    if left_out:
        output.write_lines([[(f"too wide for the terminal: {', '.join(left_out)}; see --columns", output.PLACE)]])


def _write_json(runs: Sequence[Run], headings: Sequence[str]) -> None:
    if headings:
        output.write_json([{heading: _plain(value_of(run, heading)) for heading in headings} for run in runs])
        return
    readable = [run for run in runs if run.is_readable()]
    output.write_json([recorded_json(Record(run.folder, run.record)) for run in readable])


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _write_csv(runs: Sequence[Run], headings: Sequence[str]) -> None:
    from lighter_cli.terminal.csv_text import csv_text

    output.write_text(csv_text(headings, ([exact(value_of(run, heading)) for heading in headings] for run in runs)))
