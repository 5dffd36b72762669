"""Show how a sweep goes: a live table on a terminal, a line an event elsewhere; and its table in the end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from lighter_cli.runs.epochs import read_epochs
from lighter_cli.sweeps.outcomes import Result, is_feasible
from lighter_cli.sweeps.results import front
from lighter_cli.sweeps.sweep import Sweep
from lighter_cli.sweeps.trials import Job
from lighter_cli.terminal import output
from lighter_cli.terminal.table import Column, table_lines

_STYLES = {"finished": output.ADDED, "failed": output.REMOVED, "pruned": "yellow", "running": output.PATH}
_NUM_SHOWN = 20
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
        parts = [f"trial {job.number}", state_of(result), *shown_values(sweep, result), shown_params(values)]
        facts = {"state": result.shown_state, "values": result.values, "params": values, "error": result.error}
        self._event("  ".join(filter(None, parts)), "ended", trial=job.number, **facts)

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
        self._live.start()

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

        self._live.console.print(Text(text), soft_wrap=True)


def how_many(sweep: Sweep) -> str:
    """Return how many trials a sweep has in all."""
    space = sweep.space
    total = space.num_trials
    text = "trials until it is stopped" if total is None else f"{total} trial{'s' * (total != 1)}"
    return text + (f" of {space.num_repeats} runs" if space.num_repeats > 1 else "")


def state_of(result: Result) -> str:
    """Return the state of a trial with its reason, as one word or two."""
    if result.shown_state == "failed":
        return f"failed ({result.error.partition(chr(10))[0]:.80})"
    return result.error if result.state == "pruned" and result.error else result.state


def shown_values(sweep: Sweep, result: Result) -> list[str]:
    """Return the value of each objective, with the deviation over the repeats."""
    names = [objective.name for objective in sweep.space.objectives]
    return [f"{name} {shown_value(result, index)}" for index, name in enumerate(names) if index < len(result.values)]


def shown_value(result: Result, index: int) -> str:
    """Return one value as tables show it.

    >>> shown_value(Result(state="finished", values=(0.91,), deviations=(0.0123,)), 0)
    '0.91 ± 0.0123'
    """
    if index >= len(result.values):
        return ""
    deviation = f" ± {result.deviations[index]:.3g}" if index < len(result.deviations) else ""
    return f"{result.values[index]:.6g}{deviation}"


def shown_params(values: Mapping[str, Any]) -> str:
    """Return the values of a trial, each with the last part of its path."""
    return "  ".join(f"{name.rpartition('::')[2]}={_text(value)}" for name, value in values.items())


def final_lines(sweep: Sweep, *, is_everything: bool) -> list[output.Line]:
    """Return the table of a sweep, the best trial first.

    Args:
        sweep: The sweep.
        is_everything: Show all trials, not only the first twenty.
    """
    numbers = ranked(sweep)
    shown = numbers if is_everything else numbers[:_NUM_SHOWN]
    lines = list(table_lines(_columns(sweep, shown), width=output.width())[0])
    if len(shown) < len(numbers):
        text = f"the best {len(shown)} of {len(numbers):,} trials; `lighter sweeps show {sweep.name} --all` shows all"
        lines = [[(text, output.PLACE)], *lines]
    return lines


def ranked(sweep: Sweep) -> list[int]:
    """Return the numbers of the trials: the best first, then those without a value, then those that run."""
    results, objectives = sweep.trials.results, sweep.space.objectives
    if not objectives:
        return sweep.trials.numbers
    sign = -1 if objectives[0].direction == "maximize" else 1

    def key(number: int) -> tuple[Any, ...]:
        result = results.get(number)
        if result is None:
            return 3, 0.0, number
        if not result.values:
            return 2, 0.0, number
        return (0 if is_feasible(sweep.space, result) else 1), sign * result.values[0], number

    return sorted(sweep.trials.numbers, key=key)


def _columns(sweep: Sweep, numbers: Sequence[int]) -> list[Column]:
    results, values, space = sweep.trials.results, sweep.trials.values, sweep.space
    on_front = set(front(space, results)) if len(space.objectives) > 1 else set()
    columns = [Column("trial", [(str(number), output.PATH) for number in numbers], True)]
    columns.append(Column("state", [_state_cell(results.get(number)) for number in numbers]))
    for index, objective in enumerate(space.objectives):
        cells = [shown_value(results[number], index) if number in results else "" for number in numbers]
        columns.append(Column(objective.name, cells, True))
    if on_front:
        columns.append(Column("front", ["yes" if number in on_front else "" for number in numbers]))
    if space.constraints:
        kept = [_kept(sweep, results.get(number)) for number in numbers]
        columns.append(Column("constraints", kept))
    names = dict.fromkeys(name for number in numbers for name in values[number])
    columns += [Column(name, [_text(values[number].get(name, "")) for number in numbers], True) for name in names]
    took = [_duration(results[number].took_s) if number in results else "" for number in numbers]
    return [*columns, Column("took", took, True)]


def _kept(sweep: Sweep, result: Result | None) -> str:
    if result is None or not result.values:
        return ""
    return "kept" if is_feasible(sweep.space, result) else "violated"


def _state_cell(result: Result | None) -> output.Part:
    if result is None:
        return "open", output.PLACE
    return state_of(result), _STYLES.get(result.shown_state, "")


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


def _duration(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
