"""The columns of a table of runs, and how their cells are written."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lighter_cli.commands.runs._run import STATUS_STYLES
from lighter_cli.runs.metric_choice import NUM_SHOWN
from lighter_cli.runs.run import Run, differing_paths
from lighter_cli.runs.selection import FACTS, value_of
from lighter_cli.terminal.output import PATH, Part
from lighter_cli.terminal.shown import duration_text
from lighter_cli.terminal.table import Column

MOST_WITH_CONFIG = 200
"""The differing values of the config of more runs are not looked for: that would read each record."""


def default_columns(runs: Sequence[Run]) -> list[str]:
    """Return the columns of a table of runs: facts, metrics, and the values of the config that differ."""
    facts = ["id"] + ["name"] * any(run.name for run in runs) + ["stage", "status", "start", "took"]
    facts += ["tags"] * any(run.tags for run in runs) + ["trial"] * any(run.trial for run in runs)
    if len(runs) > MOST_WITH_CONFIG:
        return [*facts, *chosen_metrics(runs), "words"]
    readable = [run for run in runs if run.is_readable()]
    return [*facts, *chosen_metrics(runs), *differing_paths(readable)]


def chosen_metrics(runs: Sequence[Run]) -> list[str]:
    """Return the metrics that most runs list, in the order in which runs list them."""
    counts = Counter(name for run in runs for name in run.listed_metrics)
    ranks: dict[str, int] = {}
    for run in runs:
        for rank, name in enumerate(run.listed_metrics):
            ranks[name] = min(rank, ranks.get(name, NUM_SHOWN))
    most = sorted(counts, key=lambda name: (ranks[name], -counts[name]))
    return most[:NUM_SHOWN]


def droppable(columns: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """Return the columns that a narrow terminal lacks first, in order: what says least about the runs."""
    same = [name for name in ("stage", "status") if len({FACTS[name](run) for run in runs}) == 1]
    rest = [column for column in columns if column not in FACTS]
    metrics = [column for column in rest if any(column in run.listed_metrics for run in runs)]
    paths = [column for column in rest if column not in metrics]
    return ["words", "start", *metrics[:1:-1], *same, "took", *paths[:2:-1], "tags", *metrics[1:2], *paths[2:0:-1]]


def columns_of(headings: Sequence[str], runs: Sequence[Run]) -> list[Column]:
    """Return the columns with their cells."""
    return [_column(heading, [value_of(run, heading) for run in runs]) for heading in headings]


def _column(heading: str, values: Sequence[Any]) -> Column:
    is_number = heading not in FACTS and all(isinstance(value, int | float | None) for value in values)
    return Column(heading, [cell(heading, value) for value in values], is_number)


def cell(heading: str, value: Any) -> Part:
    """Return how a table shows a value."""
    if heading == "id":
        return value, PATH
    if heading == "status":
        return value, STATUS_STYLES.get(value, "")
    if heading == "took":
        return "" if value is None else duration_text(value)
    return text(value)


def text(value: Any) -> str:
    """Return a value as one line: numbers with six digits at most, others as in a config."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().isoformat(" ", "minutes")[:16]  # several times as fast as strftime
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def exact(value: Any) -> Any:
    """Return a value as tools read it: a time in ISO format, a list as JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else value
