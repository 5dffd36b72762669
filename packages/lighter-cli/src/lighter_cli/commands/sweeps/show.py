"""``lighter sweeps show``: the trials of a sweep."""

import time
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.commands._inputs import Json
from lighter_cli.commands.sweeps._sweep import Sweep
from lighter_cli.sweeps.overview import Overview, find_sweep
from lighter_cli.terminal import output
from lighter_cli.terminal.table import Column, table_lines

_NUM_ON_TERMINAL = 20
_WATCH_S = 2.0

ShowAll = Annotated[
    bool, Parameter(name="--all", negative=(), show_default=False, help="Show all trials, not only the best 20.")
]
Watch = Annotated[bool, Parameter(negative=(), show_default=False, help="Show it again every two seconds.")]


def show(sweep: Sweep, /, *, show_all: ShowAll = False, watch: Watch = False, as_json: Json = False) -> None:
    """Print the trials of a sweep, the best first."""
    folder = find_sweep(sweep)
    overview = Overview(folder)
    if as_json:
        output.write_json({**overview.summary(), "rows": overview.records()})
        return
    if not watch or not output.is_terminal():
        output.write_lines(_lines(overview, is_everything=show_all or not output.is_terminal()))
        return
    from rich.console import Console

    console = Console()
    while True:
        console.clear()
        output.write_lines(_lines(Overview(folder), is_everything=show_all))
        time.sleep(_WATCH_S)


def _lines(sweep: Overview, *, is_everything: bool) -> list[output.Line]:
    rows = sweep.ranked()
    shown = rows if is_everything else rows[:_NUM_ON_TERMINAL]
    total = sweep.facts.get("trials")
    facts: list[output.Line] = [
        [("sweep", output.HEADING), sweep.name],
        [("folder", output.HEADING), str(sweep.shown_folder)],
        [("trials", output.HEADING), f"{len(sweep.rows)}{f' of {total}' if total is not None else ''} ended"],
    ]
    best = sweep.best
    if best is not None:
        name = sweep.objectives[0]
        facts.append([("best", output.HEADING), f"{name} {float(best[name]):.6g}, trial {best['trial']}"])
    lines = [*output.rows(facts, indent=0), [""]]
    headings = ["trial", "state", *sweep.values_columns, *sweep.dimensions, "epochs", "took_s", "error"]
    columns = [_column(heading, [row.get(heading, "") for row in shown]) for heading in headings]
    columns = [column for column in columns if column.heading == "trial" or any(column.cells)]
    table, left_out = table_lines(columns, width=output.width(), droppable=("took_s", "epochs", "error"))
    lines += table
    if len(shown) < len(rows):
        lines.append([(f"{len(shown)} of {len(rows):,} trials; --all shows all", output.PLACE)])
    if left_out:
        lines.append([(f"too wide for the terminal: {', '.join(left_out)}", output.PLACE)])
    return lines


def _column(heading: str, cells: list[str]) -> Column:
    is_number = all(_is_number(cell) for cell in cells)
    return Column(heading, [_short(cell) if is_number else cell for cell in cells], is_number)


def _is_number(text: str) -> bool:
    try:
        return not text or bool(float(text) + 1)
    except ValueError:
        return False


def _short(text: str) -> str:
    return text if not text or text.lstrip("-").isdecimal() else f"{float(text):.6g}"
