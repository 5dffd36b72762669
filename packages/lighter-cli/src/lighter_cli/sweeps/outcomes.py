"""Judge a trial by its records: the value of each objective, or why there is none."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lighter_cli.runs.epochs import Epoch, read_epochs
from lighter_cli.runs.record import Record, record_or_warning
from lighter_cli.sweeps.layout import OUTPUT_FILE
from lighter_config.space import Space

_OUT_OF_MEMORY = ("OutOfMemoryError", "CUDA out of memory", "MemoryError", "can't allocate memory")
_ERROR = re.compile(r"^(?:error: |\w+(?:\.\w+)*(?:Error|Exception|Interrupt|Exit): ?).*", re.MULTILINE)
_KILLED_RANK = re.compile(r"\brank \d+ was ended by SIG[A-Z]+")
_TAIL_BYTES = 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a trial, or one repeat of it, ended.

    Attributes:
        state: ``finished``, ``pruned``, ``failed``, or ``bad``: memory ran out, or a value is not finite.
        values: The value of each objective; with repeats the mean.
        deviations: With repeats, the standard deviation of each value.
        constraints: The values that constraints limit, by name.
        error: Why it has no value. If it was pruned: in which epoch.
        epochs: The number of epochs.
        took_s: Seconds that its runs took together, without the time between them.
        end: When it ended, in ISO format.
        attempts: The number of runs that it took.
    """

    state: str
    values: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    constraints: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    epochs: int = 0
    took_s: float | None = None
    end: str | None = None
    attempts: int = 0

    @property
    def shown_state(self) -> str:
        """The state as tables show it."""
        return "failed" if self.state == "bad" else self.state

    def recorded(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Result:
        """Make one of the plain values that ``recorded`` gives."""
        lists = {name: tuple(content.get(name, ())) for name in ("values", "deviations")}
        return cls(**{**{name: content[name] for name in cls.__slots__ if name in content}, **lists})


def records_of(folder: Path) -> list[Record]:
    """Return the records of the runs that are a trial, oldest first."""
    runs = folder / "lighter_runs"
    found = (record_or_warning(str(run)) for run in (runs.iterdir() if runs.is_dir() else ()))
    records = [record for record in found if record is not None and "trial" in record.content]
    return sorted(records, key=lambda record: record.content["start"])  # two may start in the second of one name


def result_of_run(record: Record, records: Sequence[Record], space: Space) -> Result:
    """Judge a run that finished or failed.

    Args:
        record: Its record.
        records: Those of all runs of the trial.
        space: The space of the sweep.
    """
    content = record.content
    epochs = read_epochs(record.folder)
    facts = {
        "epochs": len(epochs),
        "took_s": sum(map(_took, records)),
        "end": content["end"],
        "attempts": len(records),
    }
    if record.status == "failed":
        return Result(state=_failure(content["error"] or ""), error=content["error"] or "", **facts)
    values, epoch = _values(space, epochs, content["metrics"])
    last = content["metrics"] if epoch is None else {**content["metrics"], **epoch.metrics}
    limits = {one.name: last[one.name] for one in space.constraints if one.name in last}
    if (content.get("ended") or {}).get("by") == "pruned":
        return Result(state="pruned", error=content["ended_by"], constraints=limits, **facts)
    missing = [objective.name for objective, value in zip(space.objectives, values, strict=True) if value is None]
    if missing:
        return Result(state="failed", error=f"the run logged no {missing[0]}", **facts)
    if any(not math.isfinite(value) for value in values if value is not None):
        names = ", ".join(f"{one.name} is {value}" for one, value in zip(space.objectives, values, strict=True))
        return Result(state="bad", error=names, **facts)
    return Result(state="finished", values=tuple(values), constraints=limits, **facts)  # type: ignore[arg-type]


def result_without_record(folder: Path, exitcode: int, attempts: int) -> Result:
    """Return the result of a process that ended before it had a record, with the last error that it printed."""
    return Result(state="failed", error=last_error(folder) or f"exit code {exitcode}", attempts=attempts)


def mean_of(results: Sequence[Result]) -> Result:
    """Return the result of a trial from those of its repeats, which have all ended."""
    first = results[0]
    if len(results) == 1 and not first.deviations:
        return first
    took = [result.took_s for result in results if result.took_s is not None]
    facts: dict[str, Any] = {
        "epochs": sum(result.epochs for result in results),
        "took_s": sum(took) if took else None,
        "end": max((result.end for result in results if result.end is not None), default=None),
        "attempts": sum(result.attempts for result in results),
    }
    for state in ("failed", "bad", "pruned"):
        if wrong := next((result for result in results if result.state == state), None):
            return Result(state=state, error=wrong.error, **facts)
    columns = list(zip(*(result.values for result in results), strict=True))
    names = set.intersection(*(set(result.constraints) for result in results))
    return Result(
        state="finished",
        values=tuple(statistics.fmean(column) for column in columns),
        deviations=tuple(statistics.stdev(column) if len(column) > 1 else 0.0 for column in columns),
        constraints={name: statistics.fmean(result.constraints[name] for result in results) for name in sorted(names)},
        **facts,
    )


def violations(space: Space, result: Result) -> dict[str, float]:
    """Return how far a result is beyond each constraint; a value that was not logged is beyond it."""
    return {
        one.name: one.violation(result.constraints[one.name]) if one.name in result.constraints else math.inf
        for one in space.constraints
    }


def is_feasible(space: Space, result: Result) -> bool:
    """Return whether a result keeps to every constraint."""
    return all(value <= 0 for value in violations(space, result).values())


def is_better(space: Space, one: Result, other: Result) -> bool:
    """Return whether a finished result is better than another, by the first objective."""
    if space.objectives[0].direction == "maximize":
        return one.values[0] > other.values[0]
    return one.values[0] < other.values[0]


def kind_of_failure(error: str) -> str:
    """Return what failures that are alike have in common: the error without its numbers and paths.

    >>> kind_of_failure("ValueError: 32 is not in '/tmp/7/x'") == kind_of_failure("ValueError: 64 is not in '/tmp/8/x'")
    True
    """
    return re.sub(r"\S*/\S*|0x[0-9a-f]+|[-+]?\d[\d.e+-]*", "#", error.partition("\n")[0])


def last_error(folder: Path) -> str:
    """Return the last error in the output of a trial; empty if there is none."""
    try:
        with (folder / OUTPUT_FILE).open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - _TAIL_BYTES))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ""
    found: list[str] = [match[0] for match in _ERROR.finditer(text)]
    return found[-1].removeprefix("error: ") if found else ""


def is_out_of_memory(error: str) -> bool:
    """Return whether the text of an error says that memory ran out."""
    return any(text in error for text in _OUT_OF_MEMORY)


def is_killed_rank(error: str) -> bool:
    """Return whether a run failed because a process of one of its ranks was killed: then it continues, as all would.

    >>> is_killed_rank("RankError: rank 1 was ended by SIGKILL")
    True
    """
    return _KILLED_RANK.search(error) is not None


def _failure(error: str) -> str:
    return "bad" if is_out_of_memory(error) else "failed"


def _values(
    space: Space, epochs: Sequence[Epoch], metrics: Mapping[str, float]
) -> tuple[list[float | None], Epoch | None]:
    """Return the value of each objective, and the epoch that they are of: the best by the first one, or the last."""
    if not space.objectives:
        return [], epochs[-1] if epochs else None
    first, *_ = space.objectives
    logged = [epoch for epoch in epochs if first.name in epoch.metrics]
    if not logged:
        return [metrics.get(objective.name) for objective in space.objectives], None
    epoch = logged[-1]
    finite = [one for one in logged if math.isfinite(one.metrics[first.name])]
    if space.take == "best" and finite:
        choose: Callable[..., Epoch] = max if first.direction == "maximize" else min
        epoch = choose(finite, key=lambda one: one.metrics[first.name])
    return [epoch.metrics.get(one.name, metrics.get(one.name)) for one in space.objectives], epoch


def _took(record: Record) -> float:
    """Return the seconds that a run took; of one that was killed, until its last epoch."""
    content = record.content
    if content.get("end") is None:
        return max((epoch.time_s for epoch in read_epochs(record.folder) if epoch.run is None), default=0.0)
    return (datetime.fromisoformat(content["end"]) - datetime.fromisoformat(content["start"])).total_seconds()
