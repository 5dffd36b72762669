"""``lighter sweeps show``: the trials of a sweep."""

import time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.commands._inputs import Json
from lighter_cli.commands.sweeps._sweep import Sweep
from lighter_cli.sweeps.layout import JOBS
from lighter_cli.sweeps.overview import Overview, find_sweep
from lighter_cli.sweeps.trial_table import shown_number, trial_lines
from lighter_cli.terminal import output
from lighter_cli.terminal.shown import shown_path

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
        output.write_json({**overview.summary(), "jobs": _jobs(folder), "rows": overview.records()})
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
    for job in _jobs(sweep.folder):
        where = job["where"] or job["reason"]
        shown = f"{job['job']} {job['state']}{f' ({where})' if where else ''}, {shown_path(Path(job['log']))}"
        facts.append([("job", output.HEADING), shown])
    return [*output.rows(facts, indent=0), [""], *trial_lines(sweep, is_everything=is_everything)]


def _jobs(folder: Path) -> list[dict[str, Any]]:
    """Return the SLURM jobs of a sweep that have not ended."""
    if not (folder / JOBS).is_dir():
        return []
    from lighter_cli.sweeps.slurm import shown_jobs

    return shown_jobs(folder.absolute())
