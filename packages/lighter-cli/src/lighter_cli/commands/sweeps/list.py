"""``lighter sweeps list``: the sweeps that were begun in a folder, as a table."""

from datetime import datetime
from pathlib import Path

from lighter_cli.commands._inputs import Json
from lighter_cli.sweeps.overview import Overview, found_sweeps
from lighter_cli.terminal import output
from lighter_cli.terminal.table import Column, table_lines


def list_sweeps(*, as_json: Json = False) -> None:
    """List the sweeps that were begun in this folder, newest last."""
    sweeps = [Overview(folder) for folder in found_sweeps(Path.cwd())]
    if as_json:
        output.write_json([sweep.summary() for sweep in sweeps])
        return
    if not sweeps:
        output.write_lines([["no sweep was begun in this folder"]])
        return
    columns = [
        Column("name", [(sweep.name, output.PATH) for sweep in sweeps]),
        Column("begun", [_local(sweep.facts["made"]) for sweep in sweeps]),
        Column("trials", [_counts(sweep) for sweep in sweeps]),
        Column("objective", [", ".join(sweep.objectives) for sweep in sweeps]),
        Column("best", [_best(sweep) for sweep in sweeps]),
    ]
    lines, _ = table_lines(columns, width=output.width())
    output.write_lines(lines)


def _counts(sweep: Overview) -> str:
    total = sweep.facts.get("trials")
    parts = [f"{len(sweep.rows)} of {total}" if total is not None else str(len(sweep.rows))]
    running = sum(trial["state"] == "running" for trial in sweep.open)
    failed = sum(row["state"] == "failed" for row in sweep.rows)
    return ", ".join(parts + [f"{running} running"] * bool(running) + [f"{failed} failed"] * bool(failed))


def _best(sweep: Overview) -> str:
    best = sweep.best
    return "" if best is None else f"{float(best[sweep.objectives[0]]):.6g} (trial {best['trial']})"


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
