"""Read the table of results of a sweep, ``results.csv``; ten thousand rows in a few hundredths of a second."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from lighter_cli.sweeps.layout import RESULTS_FILE
from lighter_config.regular_files import read_regular

FACTS = ("trial", "state", "feasible", "epochs", "took_s", "end", "attempts", "error")
"""The columns that every sweep has; the others are its objectives and dimensions."""


def deviation_of(objective: str) -> str:
    """Return the column with the standard deviation of an objective over the repeats of a trial."""
    return f"{objective} std"


def read_results(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the table of a sweep. Before the first trial has ended there are none."""
    try:
        content = read_regular(folder / RESULTS_FILE)
    except OSError:
        return []
    reader = csv.reader(io.StringIO(content.decode(errors="replace")))
    columns = next(reader, [])
    return [dict(zip(columns, cells, strict=False)) for cells in reader]
