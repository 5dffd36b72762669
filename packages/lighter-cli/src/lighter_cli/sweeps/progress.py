"""Show how a sweep goes: a live table on a terminal, a line an event elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from itertools import repeat
from typing import Any

from lighter_cli.runs.epochs import read_epochs
from lighter_cli.sweeps.outcomes import Result
from lighter_cli.sweeps.sweep import Sweep
from lighter_cli.sweeps.trial_table import shown_value, state_of
from lighter_cli.sweeps.trials import Job
from lighter_cli.terminal import output

_REFRESH_S = 1.0


class Progress:
    """Prints a line for each trial that ends.

    Args:
        is_json: Print events as JSON, one a line.
    """

    def __init__(self, *, is_json: bool = False) -> None:
        self._is_json = is_json

    def begin(self, sweep: Sweep) -> None:
        """Say which sweep it is, and how much of it is done."""
        done = len(sweep.trials.results)
        text = f"sweep {sweep.name}: {how_many(sweep)}" + (f", {done} done" if done else "")
        self._event(text, "begin", sweep=sweep.name, folder=str(sweep.folder), done=done)

    def started(self, sweep: Sweep, job: Job, *, is_again: bool) -> None:
        """Note that a run has started."""
        if self._is_json:
            self._event("", "started", trial=job.number, repeat=job.repeat, resumed=is_again)
        elif is_again:
            self._event(f"{_name(job)} continues", "started")

    def ended(self, sweep: Sweep, job: Job, result: Result | None) -> None:
        """Say how a trial has ended; without a result, a run of it has."""
        if result is None:
            if self._is_json:
                self._event("", "run ended", trial=job.number, repeat=job.repeat)
            return
        values = sweep.trials.values[job.number]
        parts = [
            f"trial {job.number}",
            state_of(result.shown_state, result.error),
            *shown_values(sweep, result),
            shown_params(values),
        ]
        facts = {"state": result.shown_state, "values": result.values, "params": values, "error": result.error}
        self._event("  ".join(filter(None, parts)), "ended", trial=job.number, **facts)

    def rehearsed(self, values: Mapping[str, Any], *, is_ok: bool) -> None:
        """Note that a rehearsal has ended."""
        if self._is_json:
            self._event("", "rehearsed", params=values, ok=is_ok)

    def update(self, sweep: Sweep, running: Mapping[int, Job]) -> None:
        """Show what runs now."""

    def say(self, text: str) -> None:
        """Say something about the sweep."""
        self._event(text, "note", said=text)

    def end(self, sweep: Sweep) -> None:
        """Stop showing."""

    def _event(self, text: str, kind: str, **facts: Any) -> None:
        if self._is_json:
            sys.stdout.write(json.dumps({"event": kind, **facts}) + "\n")
            sys.stdout.flush()
        elif text:
            output.write_lines([[text]])


class LiveTable(Progress):
    """Shows the running trials in a table that changes in place, and a line above it for each trial that ends."""

    def __init__(self) -> None:
        from rich.live import Live

        super().__init__()
        self._live = Live(auto_refresh=False, transient=True)
        self._shown_at = 0.0

    def begin(self, sweep: Sweep) -> None:
        """Start the table."""
        super().begin(sweep)
        self._live.update("importing torch, once for all trials")
        self._live.start(refresh=True)

    def update(self, sweep: Sweep, running: Mapping[int, Job]) -> None:
        """Show the running trials with their epochs and last values."""
        if time.monotonic() - self._shown_at < _REFRESH_S:
            return
        self._shown_at = time.monotonic()
        self._live.update(_running_table(sweep, running.values()), refresh=True)

    def end(self, sweep: Sweep) -> None:
        """Remove the table."""
        self._live.stop()

    def _event(self, text: str, kind: str, **facts: Any) -> None:
        if not text:
            return
        if not self._live.is_started:
            output.write_lines([[text]])
            return
        from rich.text import Text

        self._live.console.print(Text(text))


def how_many(sweep: Sweep) -> str:
    """Return how many trials a sweep has in all."""
    space = sweep.space
    total = space.num_trials
    text = "trials until it is stopped" if total is None else f"{total} trial{'s' * (total != 1)}"
    return text + (f" of {space.num_repeats} runs" if space.num_repeats > 1 else "")


def shown_values(sweep: Sweep, result: Result) -> list[str]:
    """Return the value of each objective, with the deviation over the repeats."""
    deviations = map(str, result.deviations) if result.deviations else repeat("")
    found = zip(sweep.space.objectives, map(str, result.values), deviations, strict=False)
    return [f"{objective.name} {shown_value(value, deviation)}" for objective, value, deviation in found]


def shown_params(values: Mapping[str, Any]) -> str:
    """Return the values of a trial, each with the last part of its path."""
    return "  ".join(f"{name.rpartition('::')[2]}={_text(value)}" for name, value in values.items())


def _running_table(sweep: Sweep, jobs: Any) -> Any:
    from rich.table import Table

    results, objectives = sweep.trials.results, sweep.space.objectives
    failed = sum(result.shown_state == "failed" for result in results.values())
    title = f"{sweep.name}: {len(results)} of {how_many(sweep)} done" + (f", {failed} failed" if failed else "")
    table = Table(title=title, title_justify="left", box=None)
    for heading in ("trial", "epochs", *(objective.name for objective in objectives), "values"):
        table.add_column(heading)
    for job in jobs:
        records = job.records
        epochs = read_epochs(records[-1].folder) if records else []
        last = [epochs[-1].metrics.get(objective.name) if epochs else None for objective in objectives]
        cells = ["" if value is None else f"{value:.6g}" for value in last]
        table.add_row(_name(job), str(len(epochs)), *cells, shown_params(sweep.trials.values.get(job.number, {})))
    return table


def _name(job: Job) -> str:
    return f"trial {job.number}" + (f" {job.repeat}" if job.repeat else "")


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
