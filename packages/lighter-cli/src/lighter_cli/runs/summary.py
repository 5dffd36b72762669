"""Summarize a run that has ended: its metrics, its checkpoint and record, and the usual next command."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lighter_cli.terminal.shown import shown_path

_MIN_WAIT = 0.3  # as a part of the time in training
_MIN_WAIT_S = 1.0
_MAX_COUNT = 2**53  # above, floats leave out integers


def summary_lines(record: Mapping[str, Any], folder: Path | None) -> list[str]:
    """Summarize a finished or interrupted run in a few aligned lines.

    Args:
        record: The fields of ``record.json``.
        folder: The folder of the record; ``None`` if it could not be written.
    """
    rows = _metrics(record) + _end(record)
    if record["stage"] == "fit":
        rows += _deferred_saves(record) + _checkpoint(record)
    rows += _waiting(record)
    if folder is not None:
        rows.append(("record", shown_path(folder)))
        rows += _next_command(record, folder)
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def _metrics(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    metrics = sorted(record["metrics"].items())
    return [(name, _number(value)) for name, value in metrics if "/optimizer/" not in name]


def _number(value: float) -> str:
    """Return a number with six digits, and a count with all of its digits."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < _MAX_COUNT else f"{value:.6g}"


def _end(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [(f"found {name}", _number(float(value))) for name, value in record.get("found", {}).items()]
    rows += [("ended by", record["ended_by"])] if record.get("ended_by") else []
    rows += [("nan loss", f"{mode}, {where}") for mode, where in record.get("nan_losses", {}).items()]
    if of_nan := record["checkpoints"].get("nan"):
        rows.append(("nan weights", ", ".join(map(shown_path, of_nan))))
    return rows


def _deferred_saves(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    text = "a checkpoint that was due before the first {}; `save_on_train_epoch_end: false` saves it after validation"
    return [("not saved", text.format(monitor)) for monitor in record.get("deferred_saves", ())]


def _waiting(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say how long a fit waited for its train loader if that is much of its time."""
    loader = record.get("train_loader")
    if loader is None or loader["waited_s"] < max(_MIN_WAIT_S, _MIN_WAIT * loader["training_s"]):
        return []
    workers = ", ".join(map(str, loader["num_workers"]))
    text = f"{loader['waited_s']:.1f} of {loader['training_s']:.1f} s for the train loader"
    return [("waited", text + (f": num_workers is {workers}" if workers else ""))]


def _checkpoint(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    checkpoints = record["checkpoints"]
    if not checkpoints.get("best"):
        return []
    score = checkpoints["best_score"]  # unknown if nothing was saved after resuming into another folder
    monitor = f" ({checkpoints['monitor']} {score:.4g})" if checkpoints["monitor"] and score is not None else ""
    return [("best checkpoint", shown_path(checkpoints["best"]) + monitor)]


def _next_command(record: Mapping[str, Any], folder: Path) -> list[tuple[str, str]]:
    """Name the run itself: its inputs may be mappings, standard input, or another run with its own checkpoints."""
    if record["stage"] != "fit":
        return []
    run = shlex.quote(shown_path(folder))
    if record["status"] == "interrupted" and record["checkpoints"].get("last"):
        return [("to resume", f"lighter fit {run}")]
    if record["checkpoints"].get("best"):
        return [("to test", f"lighter test {run}")]
    return []
