"""The table of results: ``results.csv``, written whole after each trial, and read by lists."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lighter_cli.atomic_files import open_atomically
from lighter_cli.sweeps.layout import RESULTS_FILE
from lighter_cli.sweeps.outcomes import Result, is_better, is_feasible
from lighter_cli.sweeps.trials import Trials
from lighter_config.regular_files import read_regular
from lighter_config.space import Space

FACTS = ("trial", "state", "feasible", "epochs", "took_s", "end", "attempts", "error")


def write_results(folder: Path, trials: Trials, space: Space) -> int | None:
    """Write the table; return the number of the best trial: by the first objective, if it keeps to the constraints."""
    dimensions = [dimension.name for dimension in space.all_dimensions()]
    objectives = [objective.name for objective in space.objectives]
    has_deviations = space.num_repeats > 1
    columns = [*objectives, *(f"{name} std" for name in objectives if has_deviations)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([FACTS[0], FACTS[1], *columns, *dimensions, *FACTS[2:]])
    best: int | None = None
    for number in sorted(trials.results):
        result, values = trials.results[number], trials.values[number]
        feasible = is_feasible(space, result) if space.constraints else True
        cells = _padded(result.values, len(objectives))
        cells += _padded(result.deviations, len(objectives)) if has_deviations else []
        facts = [feasible, result.epochs, result.took_s, result.end, result.attempts, result.error]
        writer.writerow([number, result.shown_state, *cells, *(values.get(name, "") for name in dimensions), *facts])
        if space.objectives and result.state == "finished" and feasible:
            best = number if best is None or is_better(space, result, trials.results[best]) else best
    with open_atomically(folder / RESULTS_FILE) as stream:
        stream.write(text.getvalue().encode())
    return best


def read_results(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of the table of a sweep. Before the first trial has ended there are none."""
    try:
        content = read_regular(folder / RESULTS_FILE)
    except OSError:
        return
    yield from csv.DictReader(io.StringIO(content.decode(errors="replace")))


def _padded(values: Sequence[float], length: int) -> list[Any]:
    return [*values, *[""] * (length - len(values))]


def front(space: Space, results: Mapping[int, Result]) -> list[int]:
    """Return the numbers of the trials that no other is better than in every objective, in order."""
    signs = [1 if objective.direction == "maximize" else -1 for objective in space.objectives]
    points = {
        number: tuple(sign * value for sign, value in zip(signs, result.values, strict=True))
        for number, result in results.items()
        if result.state == "finished" and is_feasible(space, result)
    }
    return [
        number for number, point in points.items() if not any(_dominates(other, point) for other in points.values())
    ]


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))
