"""A sweep as lists and tables show it: its results, ranked, and the trials that have not ended."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from lighter_cli.runs.matching import matching
from lighter_cli.runs.trial import TRIALS
from lighter_cli.sweeps.layout import NUM_DIGITS, SWEEP_FILE, SWEEPS, read_json
from lighter_cli.sweeps.results import FACTS, deviation_of, read_results
from lighter_cli.terminal.shown import shown_path
from lighter_config import Finding, SourceError, nearest_names
from lighter_config.regular_files import exists
from lighter_config.sources.run_folders import TRIAL_FILE

Row = Mapping[str, str]


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
        self.rows = read_results(folder)

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def shown_folder(self) -> str:
        """Its folder, relative to the working directory if it is inside."""
        return shown_path(self.folder.absolute())

    @property
    def objectives(self) -> list[str]:
        """The names of its objectives."""
        return [name for name, _ in self.facts.get("objectives", ())]

    @property
    def dimensions(self) -> list[str]:
        """The columns of the table with the values of trials."""
        columns = list(self.rows[0]) if self.rows else sorted({name for one in self.open for name in one["values"]})
        others = {*FACTS, *self.objectives, *map(deviation_of, self.objectives)}
        return [name for name in columns if name not in others]

    @cached_property
    def open(self) -> list[dict[str, Any]]:
        """The trials that have not ended, each with its number, state and values."""
        try:
            names = os.listdir(self.folder / TRIALS)  # noqa: PTH208  # ten thousand names
        except FileNotFoundError:
            return []
        left = set(names) - {row["trial"].zfill(NUM_DIGITS) for row in self.rows}
        numbers = sorted(int(name) for name in left if name.isdecimal())
        return [trial for number in numbers if (trial := self._open_trial(number)) is not None]

    @cached_property
    def ranked(self) -> list[Row]:
        """The rows, the best first by the first objective; then those without a value, then the open trials.

        Of trials with a value, those that violate a constraint come last.
        """
        opened = [{"trial": str(one["trial"]), "state": one["state"], **_texts(one["values"])} for one in self.open]
        if not self.objectives:
            return [*self.rows, *opened]
        name, direction = self.facts["objectives"][0]
        sign = -1 if direction == "maximize" else 1

        def key(row: Row) -> tuple[bool, bool, float]:
            value = row.get(name)
            return not value, not is_feasible(row), sign * float(value) if value else 0.0

        return [*sorted(self.rows, key=key), *opened]

    @property
    def best(self) -> Row | None:
        """The row of the best trial by the first objective; ``None`` if there is none."""
        first = next(iter(self.ranked), None)
        if first is None or not self.objectives:
            return None
        return first if first.get(self.objectives[0]) and is_feasible(first) else None

    def front(self) -> set[str]:
        """Return the numbers of the trials that no other dominates; empty with one objective."""
        objectives = self.facts.get("objectives", ())
        if len(objectives) < 2:
            return set()
        points = {
            row["trial"]: tuple(
                float(row[name]) if direction == "maximize" else -float(row[name]) for name, direction in objectives
            )
            for row in self.rows
            if is_feasible(row) and all(row.get(name) for name, _ in objectives)
        }
        found: dict[str, tuple[float, ...]] = {}
        for trial, point in sorted(points.items(), key=lambda item: item[1], reverse=True):
            # one that comes later in this order is better than none before it
            if not any(_dominates(other, point) for other in found.values()):
                found[trial] = point
        return set(found)

    def records(self) -> list[dict[str, Any]]:
        """Return the trials with numbers as numbers, for tools."""
        return [{name: _parsed(value) for name, value in row.items()} for row in self.ranked]

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
        from lighter_cli.sweeps.owners import (  # psutil, which a sweep that has ended does not need
            is_at_work,
            read_owner,
        )

        folder = self.folder / TRIALS / str(number).zfill(NUM_DIGITS)
        content = read_json(folder / TRIAL_FILE)
        if content is None:
            return None
        folders = [folder / name for name in content["repeats"]] or [folder]
        owners = ((one, read_owner(one)) for one in folders)
        is_running = any(owner is not None and is_at_work(one, owner) for one, owner in owners)
        return {"trial": number, "state": "running" if is_running else "open", "values": content["values"]}


def is_feasible(row: Row) -> bool:
    """Return whether a trial keeps to every constraint."""
    return row.get("feasible") == "True"


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
    found = matching(name, folders, kind="sweep", called="name")
    if found is not None:
        return folders[found]
    message = f"unknown sweep {name!r}" if folders else "no sweep was begun in this folder"
    nearest = nearest_names(name, list(folders))
    raise SourceError(Finding(message=message, nearest=nearest, fix="list them with `lighter sweeps list`"))


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


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
