"""Write the table of results of a sweep, ``results.csv``: whole, after each trial."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lighter_cli.atomic_files import open_atomically
from lighter_cli.sweeps.layout import RESULTS_FILE
from lighter_cli.sweeps.outcomes import is_better, is_feasible
from lighter_cli.sweeps.results import FACTS, deviation_of
from lighter_cli.sweeps.trials import Trials
from lighter_config.space import Space


def write_results(folder: Path, trials: Trials, space: Space) -> int | None:
    """Write the table; return the number of the best trial: by the first objective, if it keeps to the constraints."""
    dimensions = [dimension.name for dimension in space.all_dimensions()]
    objectives = [objective.name for objective in space.objectives]
    has_deviations = space.num_repeats > 1
    columns = [*objectives, *(deviation_of(name) for name in objectives if has_deviations)]
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


def _padded(values: Sequence[float], length: int) -> list[Any]:
    return [*values, *[""] * (length - len(values))]
