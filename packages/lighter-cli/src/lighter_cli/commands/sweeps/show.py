"""``lighter sweeps show``: the trials of a sweep."""

import time
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.commands._inputs import Json
from lighter_cli.commands.sweeps._sweep import Sweep
from lighter_cli.sweeps.overview import Overview, find_sweep
from lighter_cli.sweeps.trial_table import shown_number, trial_lines
from lighter_cli.terminal import output

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
    total = sweep.facts.get("trials")
    facts: list[output.Line] = [
        [("sweep", output.HEADING), sweep.name],
        [("folder", output.HEADING), str(sweep.shown_folder)],
        [("trials", output.HEADING), f"{len(sweep.rows)}{f' of {total}' if total is not None else ''} ended"],
    ]
    best = sweep.best
    if best is not None:
        name = sweep.objectives[0]
        facts.append([("best", output.HEADING), f"{name} {shown_number(best[name])}, trial {best['trial']}"])
    return [*output.rows(facts, indent=0), [""], *trial_lines(sweep, is_everything=is_everything)]
