"""What a run says when it is done: its numbers, what it left, and the command that usually follows."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def closing_lines(record: Mapping[str, Any], folder: Path) -> list[str]:
    """Describe a finished or interrupted run in a few aligned lines.

    Lightning itself prints the results of validate and test, so numbers and checkpoints are only shown for fit.

    Args:
        record: The fields of ``record.json``.
        folder: The folder of the record.
    """
    rows = [("record", _short(folder))]
    if record["stage"] == "fit":
        rows = _numbers(record) + _checkpoint(record) + rows + _next_command(record, folder)
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def _numbers(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    metrics = sorted(record["metrics"].items())
    return [(name, f"{value:.4g}") for name, value in metrics if "/optimizer/" not in name]


def _checkpoint(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    checkpoints = record["checkpoints"]
    if not checkpoints.get("best"):
        return []
    score = checkpoints["best_score"]  # unknown when nothing was saved since a resume into another folder
    judged = f" ({checkpoints['monitor']} {score:.4g})" if checkpoints["monitor"] and score is not None else ""
    return [("best checkpoint", _short(checkpoints["best"]) + judged)]


def _next_command(record: Mapping[str, Any], folder: Path) -> list[tuple[str, str]]:
    """Name the run itself: its words may be mappings, standard input or another run, whose checkpoints they mean."""
    run = shlex.quote(_short(folder))
    if record["status"] == "interrupted" and record["checkpoints"].get("last"):
        return [("to go on", f"lighter fit {run}")]
    if record["checkpoints"].get("best"):
        return [("to test it", f"lighter test {run}")]
    return []


def _short(path: str | Path) -> str:
    """Return the path as seen from the working directory, when it lies below."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else str(path)
