"""Select and order runs: the options of ``lighter runs list``."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from lighter_cli.runs.run import Run, comparable
from lighter_config import Finding, SourceError, Stage, nearest_names
from lighter_config.tree.scalars import scalar

FACTS: MappingProxyType[str, Callable[[Run], Any]] = MappingProxyType(
    {
        "id": lambda run: run.id,
        "name": lambda run: run.name or None,
        "stage": lambda run: run.stage,
        "status": lambda run: run.status,
        "start": lambda run: run.start,
        "end": lambda run: run.end,
        "took": lambda run: run.took_s,
        "tags": lambda run: ",".join(run.tags) or None,
        "trial": lambda run: run.trial or None,
        "note": lambda run: run.note or None,
        "words": lambda run: " ".join(run.words),
        "folder": lambda run: str(run.folder),
    }
)
"""What a column can show besides metrics and values of the config."""

STATUSES = ("finished", "failed", "interrupted", "running", "lost")

_COMPARISONS: MappingProxyType[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)
_CONDITION = re.compile(r"(?P<column>.*?[^!<>=])(?P<sign>!=|<=|>=|=|<|>)(?P<value>.*)", re.DOTALL)
_AGE = re.compile(r"([0-9]{1,6})(m|h|d|w)")
_UNITS = MappingProxyType({"m": "minutes", "h": "hours", "d": "days", "w": "weeks"})


def value_of(run: Run, column: str) -> Any:
    """Return what a column shows of a run: a fact, a metric or a value of the config; ``None`` if it has none."""
    if column in FACTS:
        return FACTS[column](run)
    if column in run.listed_metrics:
        return run.listed_metrics[column]
    metrics = run.shown_metrics
    return metrics[column] if column in metrics else run.values.get(column)


def check_columns(columns: Iterable[str], runs: Sequence[Run]) -> None:
    """Refuse columns that no run has; this reads records until one has the column.

    Raises:
        SourceError: With the nearest names.
    """
    for column in columns:
        if column in FACTS or any(column in run.shown_metrics or column in run.values for run in runs):
            continue
        raise _no_column(column, [*FACTS, *(name for run in runs for name in (*run.shown_metrics, *run.values))])


def _no_column(column: str, known: Iterable[str]) -> SourceError:
    message = f"no run has a column {column!r}"
    expected = ("a fact of the list, a metric, or a path in the config",)
    nearest = nearest_names(column, list(dict.fromkeys(known)))
    return SourceError(Finding(message=message, expected=expected, nearest=nearest))


@dataclass(frozen=True, slots=True)
class Condition:
    """One ``--where``: a column, a sign and a value."""

    column: str
    sign: str
    value: Any

    def holds(self, run: Run) -> bool:
        """Return whether a run fulfils it; a run without the column fulfils only ``!=``."""
        value = value_of(run, self.column)
        if self.sign in ("=", "!="):
            return bool((comparable(value) == comparable(self.value)) == (self.sign == "="))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return bool(_COMPARISONS[self.sign](value, self.value))


def fulfilling(conditions: Sequence[Condition], runs: Iterable[Run]) -> Iterator[Run]:
    """Yield the runs that fulfil all conditions, when it is known that each column exists.

    Args:
        conditions: The conditions.
        runs: The runs, each with its record; it is not needed when the next run is asked for.

    Raises:
        SourceError: No run has the column of a condition.
    """
    unknown = dict.fromkeys(condition.column for condition in conditions if condition.column not in FACTS)
    known: dict[str, None] = {}
    waiting: list[Run] = []
    is_empty = True
    for run in runs:
        is_empty = False
        if unknown:
            known |= dict.fromkeys((*run.shown_metrics, *run.values))
            unknown = {column: None for column in unknown if column not in known}
        if all(condition.holds(run) for condition in conditions):
            waiting.append(run)
        if not unknown:
            yield from waiting
            waiting.clear()
    if unknown and not is_empty:
        raise _no_column(next(iter(unknown)), [*FACTS, *known])


def parse_condition(text: str) -> Condition:
    """Read one ``--where``.

    Raises:
        SourceError: It has no sign, or compares with something that is not a number.

    >>> parse_condition("vars::lr<=1e-3"), parse_condition("stage!=test")
    (Condition(column='vars::lr', sign='<=', value=0.001), Condition(column='stage', sign='!=', value='test'))
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        expected = ("PATH=VALUE, or with !=, <, <=, > or >= in place of =",)
        raise SourceError(Finding(message=f"{text!r} is not a condition", expected=expected))
    column, sign, value = found["column"], found["sign"], scalar(found["value"])
    if sign in _COMPARISONS and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise SourceError(Finding(message=f"{text!r} compares with {found['value']!r}", expected=("a number",)))
    return Condition(column, sign, value)


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment that ``--since`` or ``--before`` names: an age such as ``2d``, or a date, also with a time.

    Raises:
        SourceError: It is neither.

    >>> str(parse_moment("36h", datetime(2026, 1, 3, 12, tzinfo=UTC)))
    '2026-01-02 00:00:00+00:00'
    """
    try:
        if found := _AGE.fullmatch(text):
            return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        expected = ("an age: 30m, 12h, 2d, 1w", "a date: 2026-01-31")
        raise SourceError(Finding(message=f"{text!r} is not a time", expected=expected)) from error


def check_names(statuses: Sequence[str], stages: Sequence[str]) -> None:
    """Refuse unknown statuses and stages.

    Raises:
        SourceError: With the nearest one.
    """
    for kind, given, known in (("status", statuses, STATUSES), ("stage", stages, tuple(map(str, Stage)))):
        for name in given:
            if name not in known:
                nearest = nearest_names(name, list(known))
                raise SourceError(Finding(message=f"unknown {kind} {name!r}", expected=known, nearest=nearest))


def ordered(runs: Sequence[Run], column: str, *, is_reversed: bool) -> list[Run]:
    """Return runs in the order of a column, numbers before text; runs without a value, and nan, come last."""
    keyed = [(value_of(run, column), run) for run in runs]
    with_value = [(value, run) for value, run in keyed if value is not None and not _is_nan(value)]
    without = [run for value, run in keyed if value is None or _is_nan(value)]
    return [run for _, run in sorted(with_value, key=lambda pair: _key(pair[0]), reverse=is_reversed)] + without


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _key(value: Any) -> tuple[bool, Any]:
    if isinstance(value, datetime):
        return False, value.timestamp()
    is_number = isinstance(value, int | float)
    return not is_number, value if is_number else str(value)
