"""Summarize a run that has ended: its metrics, its checkpoint and record, and the usual next command."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def summary_lines(record: Mapping[str, Any], folder: Path) -> list[str]:
    """Summarize a finished or interrupted run in a few aligned lines.

    Metrics and checkpoints are only shown for fit: Lightning itself prints the results of validate and test.

    Args:
        record: The fields of ``record.json``.
        folder: The folder of the record.
    """
    rows = [("record", _short(folder))]
    if record["stage"] == "fit":
        rows = _metrics(record) + _end(record) + _checkpoint(record) + rows + _next_command(record, folder)
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def _metrics(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    metrics = sorted(record["metrics"].items())
    return [(name, f"{value:.4g}") for name, value in metrics if "/optimizer/" not in name]


def _end(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [(f"found {name}", f"{value:.4g}") for name, value in record.get("found", {}).items()]
    rows += [("ended by", record["ended_by"])] if record.get("ended_by") else []
    rows += [("nan loss", f"{mode}, {where}") for mode, where in record.get("nan_losses", {}).items()]
    if of_nan := record["checkpoints"].get("nan"):
        rows.append(("nan weights", ", ".join(map(_short, of_nan))))
    return rows


def _checkpoint(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    checkpoints = record["checkpoints"]
    if not checkpoints.get("best"):
        return []
    score = checkpoints["best_score"]  # unknown if nothing was saved after resuming into another folder
    monitor = f" ({checkpoints['monitor']} {score:.4g})" if checkpoints["monitor"] and score is not None else ""
    return [("best checkpoint", _short(checkpoints["best"]) + monitor)]


def _next_command(record: Mapping[str, Any], folder: Path) -> list[tuple[str, str]]:
    """Name the run itself: its inputs may be mappings, standard input, or another run with its own checkpoints."""
    run = shlex.quote(_short(folder))
    if record["status"] == "interrupted" and record["checkpoints"].get("last"):
        return [("to resume", f"lighter fit {run}")]
    if record["checkpoints"].get("best"):
        return [("to test", f"lighter test {run}")]
    return []


def _short(path: str | Path) -> str:
    """Return a path relative to the working directory if it is inside it."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else str(path)
