"""The trials of a sweep as figures need them: values, curves and times, from records and results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lighter_cli.runs.epochs import Epoch, read_epochs
from lighter_cli.runs.record import Record
from lighter_cli.sweeps.overview import Overview, Row
from lighter_cli.sweeps.trials import Trials


@dataclass(frozen=True, slots=True)
class TrialRun:
    """A run of a trial, or of one of its repeats.

    Attributes:
        trial: The number of the trial.
        label: ``trial 7``, with the name of the repeat if there is one.
        lane: The worker and its slot.
        records: Its records, one an attempt, oldest first.
    """

    trial: int
    label: str
    lane: str
    records: Sequence[Record]

    @property
    def epochs(self) -> list[Epoch]:
        """The epochs of the last attempt, those of earlier ones among them."""
        return read_epochs(self.records[-1].folder) if self.records else []


def trial_runs(folder: Path) -> list[TrialRun]:
    """Return the runs of all trials of a sweep that have a record, by the numbers of the trials."""
    trials = Trials(folder)
    trials.refresh()
    found: list[TrialRun] = []
    for number in trials.numbers:
        for job in trials.jobs(number):
            owner = job.owner or {}
            name = f"trial {number}" + ("" if job.repeat is None else f", {job.repeat}")
            lane = f"{owner.get('host', '?')}, slot {owner.get('slot', 0)} of worker {owner.get('worker', '?')}"
            if records := job.records:
                found.append(TrialRun(number, name, lane, records))
    return found


def value_of(row: Row, objective: str) -> float:
    """Return the value of an objective of a trial; nan without one."""
    try:
        return float(row.get(objective) or math.nan)
    except ValueError:
        return math.nan


def dimension_value(text: str, scale: Scale) -> float | str | None:
    """Return the value of a dimension as an axis shows it; ``None`` if a trial has none."""
    if not text:
        return None
    if scale.is_number:
        try:
            return float(text)
        except ValueError:
            return None
    return text


@dataclass(frozen=True, slots=True)
class Scale:
    """How the values of a dimension are shown.

    Attributes:
        name: The name of the dimension.
        is_number: Whether they are numbers of a range; else choices.
        is_log: Whether the range is logarithmic.
        low, high: The ends of the range; nan for choices.
    """

    name: str
    is_number: bool
    is_log: bool = False
    low: float = math.nan
    high: float = math.nan


def scales_of(sweep: Overview) -> list[Scale]:
    """Return the scale of each dimension, as the space of the sweep says; of unknown ones, as their values tell."""
    written: Mapping[str, Any] = dict(sweep.facts.get("space", {}).get("dimensions", ()))
    return [_scale(name, written.get(name), [row.get(name, "") for row in sweep.rows]) for name in sweep.dimensions]


def _scale(name: str, written: Any, values: Sequence[str]) -> Scale:
    if isinstance(written, str) and ".." in written:
        ends, *marks = written.split(":")
        low, _, high = ends.partition("..")
        try:
            return Scale(name, True, "log" in marks, float(low), float(high))
        except ValueError:
            pass
    if isinstance(written, list):
        return Scale(name, False)
    return Scale(name, all(_is_number(value) for value in values if value))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def moment(text: str) -> datetime:
    """Return a time of a record."""
    return datetime.fromisoformat(text)
