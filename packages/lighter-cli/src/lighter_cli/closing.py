"""What a run says when it is done: its numbers, what it left, and the command that usually follows."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def closing_lines(record: Mapping[str, Any], folder: Path) -> list[str]:
    """Describe a finished run in a few aligned lines.

    Lightning itself prints the results of validate and test, so metrics are only shown for fit.

    Args:
        record: The fields of ``record.json``.
        folder: The folder of the record.
    """
    rows: list[tuple[str, str]] = []
    if record["stage"] == "fit":
        shown = {name: value for name, value in record["metrics"].items() if "/optimizer/" not in name}
        rows += [(name, f"{value:.4g}") for name, value in sorted(shown.items())]
        checkpoints = record["checkpoints"]
        if checkpoints.get("best"):
            score = f" ({checkpoints['monitor']} {checkpoints['best_score']:.4g})" if checkpoints["monitor"] else ""
            rows.append(("best checkpoint", _short(checkpoints["best"]) + score))
    rows.append(("record", _short(folder)))
    if record["stage"] == "fit" and record["checkpoints"].get("best") and record["files"]:
        words = [word for word in record["words"] if not word.startswith("{")]
        rows.append(("to test it", f"lighter test {shlex.join(words)} --ckpt-path best"))
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def _short(path: str | Path) -> str:
    """Return the path as seen from the working directory, when it lies below."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else str(path)
