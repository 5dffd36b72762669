"""What the commands of ``lighter sweeps`` read of a sweep: its table, and the trials that are not in it yet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from lighter_cli.runs.trial import TRIALS
from lighter_cli.sweeps.layout import SWEEP_FILE, SWEEPS, read_json
from lighter_cli.sweeps.owners import is_at_work, read_owner
from lighter_cli.sweeps.results import FACTS, read_results
from lighter_config import Finding, SourceError, nearest_names
from lighter_config.regular_files import exists
from lighter_config.sources.run_folders import TRIAL_FILE


class Overview:
    """A sweep as lists show it. It reads the table of results, not the folder of each trial.

    Args:
        folder: The folder of the sweep.

    Attributes:
        facts: What ``sweep.json`` holds.
        rows: The trials that have ended, as the table has them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts: Mapping[str, Any] = read_json(folder / SWEEP_FILE) or {}
        self.rows = list(read_results(folder))

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def shown_folder(self) -> str:
        """Its folder, relative to the working directory if it is inside."""
        folder = self.folder.absolute()
        return os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else str(folder)

    @property
    def objectives(self) -> list[str]:
        """The names of its objectives."""
        return [name for name, _ in self.facts.get("objectives", ())]

    @property
    def values_columns(self) -> list[str]:
        """The columns of the table with values: each objective, and its deviation over repeats."""
        columns = self.rows[0] if self.rows else {}
        names = [*self.objectives, *(f"{name} std" for name in self.objectives)]
        return [name for name in names if name in columns]

    @property
    def dimensions(self) -> list[str]:
        """The columns of the table with the values of trials."""
        columns = list(self.rows[0]) if self.rows else sorted({name for one in self.open for name in one["values"]})
        return [name for name in columns if name not in FACTS and name not in self.values_columns]

    @cached_property
    def open(self) -> list[dict[str, Any]]:
        """The trials that have not ended, each with its number, state and values."""
        ended = {row["trial"] for row in self.rows}
        try:
            names = os.listdir(self.folder / TRIALS)  # noqa: PTH208  # ten thousand names
        except FileNotFoundError:
            return []
        numbers = sorted(int(name) for name in names if name.isdecimal() and str(int(name)) not in ended)
        return [trial for number in numbers if (trial := self._open_trial(number)) is not None]

    @property
    def best(self) -> dict[str, str] | None:
        """The row of the best trial by the first objective; ``None`` if there is none."""
        ranked = self.ranked()
        has_value = bool(ranked) and bool(self.objectives) and bool(ranked[0].get(self.objectives[0]))
        return ranked[0] if has_value and ranked[0].get("feasible") == "True" else None

    def ranked(self) -> list[dict[str, str]]:
        """Return the rows, the best first; then those without a value, then the trials that have not ended."""
        opened = [{"trial": str(one["trial"]), "state": one["state"], **_texts(one["values"])} for one in self.open]
        if not self.objectives:
            return [*self.rows, *opened]
        name, direction = self.facts["objectives"][0]
        sign = -1 if direction == "maximize" else 1

        def key(row: Mapping[str, str]) -> tuple[bool, bool, float]:
            value = row.get(name)
            return not value, row.get("feasible") != "True", sign * float(value) if value else 0.0

        return [*sorted(self.rows, key=key), *opened]

    def records(self) -> list[dict[str, Any]]:
        """Return the trials with numbers as numbers, for tools."""
        return [{name: _parsed(value) for name, value in row.items()} for row in self.ranked()]

    def summary(self) -> dict[str, Any]:
        """Return what lists tell tools about the sweep."""
        best = self.best
        return {
            "name": self.name,
            "folder": str(self.folder),
            "made": self.facts.get("made"),
            "words": self.facts.get("words"),
            "objectives": self.facts.get("objectives"),
            "trials": self.facts.get("trials"),
            "ended": len(self.rows),
            "running": sum(one["state"] == "running" for one in self.open),
            "failed": sum(row["state"] == "failed" for row in self.rows),
            "best": None if best is None else {name: _parsed(value) for name, value in best.items()},
        }

    def _open_trial(self, number: int) -> dict[str, Any] | None:
        folder = self.folder / TRIALS / f"{number:04}"
        content = read_json(folder / TRIAL_FILE)
        if content is None:
            return None
        folders = [folder / name for name in content["repeats"]] or [folder]
        owners = ((one, read_owner(one)) for one in folders)
        is_running = any(owner is not None and is_at_work(one, owner) for one, owner in owners)
        return {"trial": number, "state": "running" if is_running else "open", "values": content["values"]}


def found_sweeps(working_directory: Path) -> Sequence[Path]:
    """Return the folders of the sweeps that were begun in a folder, oldest first."""
    parent = working_directory / SWEEPS
    folders = [entry for entry in parent.iterdir() if exists(entry / SWEEP_FILE)] if parent.is_dir() else []
    return sorted(folders, key=lambda folder: (read_json(folder / SWEEP_FILE) or {}).get("made", ""))


def find_sweep(name: str) -> Path:
    """Find a sweep by its folder, its name, a part of that, or the word ``last``.

    Raises:
        SourceError: None matches, or several do.
    """
    if exists(Path(name) / SWEEP_FILE):
        return Path(name)
    folders = {folder.name: folder for folder in found_sweeps(Path.cwd())}
    if name == "last" and folders:
        return list(folders.values())[-1]
    if name in folders:
        return folders[name]
    found = [one for one in folders if name in one]
    if len(found) == 1:
        return folders[found[0]]
    if found:
        raise SourceError(Finding(message=f"{name!r} matches {len(found)} sweeps", nearest=tuple(found[-3:])))
    message = f"unknown sweep {name!r}" if folders else "no sweep was begun in this folder"
    nearest = nearest_names(name, list(folders))
    raise SourceError(Finding(message=message, nearest=nearest, fix="list them with `lighter sweeps list`"))


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _parsed(text: str) -> Any:
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None
