"""The folders of trials: make one, see what is left to do in it, close it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lighter_cli.atomic_files import write_atomically
from lighter_cli.runs.record import Record, newest_with_checkpoint
from lighter_cli.runs.record_writer import places_of
from lighter_cli.runs.trial import TRIALS, Trial
from lighter_cli.sweeps.layout import NUM_DIGITS, RESULT_FILE, read_json
from lighter_cli.sweeps.logger_groups import logger_settings
from lighter_cli.sweeps.outcomes import Result, records_of
from lighter_cli.sweeps.owners import OWNER_FILE, is_at_work, read_owner
from lighter_config import RECORDED_CONFIG, RECORDED_PLACES, Config, to_yaml
from lighter_config.regular_files import exists
from lighter_config.sources.run_folders import TRIAL_FILE
from lighter_config.space import Assignment, Space, trial_config
from lighter_config.space.output_folder import in_folder
from lighter_config.space.trials import with_settings


@dataclass(frozen=True, slots=True)
class Job:
    """One run to do: a trial, or one of its repeats.

    Attributes:
        folder: Its folder.
        number: The number of the trial.
        repeat: The name of the repeat; ``None`` without repeats.
    """

    folder: Path
    number: int
    repeat: str | None

    @property
    def result(self) -> Result | None:
        """How it ended; ``None`` if it has not."""
        content = read_json(self.folder / RESULT_FILE)
        return None if content is None else Result.read(content)

    @property
    def owner(self) -> dict[str, Any] | None:
        """Who claimed it last."""
        return read_owner(self.folder)

    @property
    def is_running(self) -> bool:
        """Whether its owner still runs."""
        owner = self.owner
        return owner is not None and is_at_work(self.folder, owner)

    def close(self, result: Result) -> None:
        """Keep how it ended."""
        write_atomically(self.folder / RESULT_FILE, json.dumps(result.recorded(), indent=1))

    @property
    def records(self) -> list[Record]:
        """The records of its runs, oldest first; not those of before it was reopened."""
        skipped = [content["skip"] for file in self.folder.glob("result.*.json") if (content := read_json(file))]
        return records_of(self.folder)[max(skipped, default=0) :]

    def reopen(self) -> None:
        """Let it run again from the beginning; its earlier result and runs are kept."""
        number = 1 + len(list(self.folder.glob("result.*.json")))
        content = {**(read_json(self.folder / RESULT_FILE) or {}), "skip": len(records_of(self.folder))}
        write_atomically(self.folder / f"result.{number}.json", json.dumps(content, indent=1))
        (self.folder / RESULT_FILE).unlink()
        (self.folder / OWNER_FILE).unlink(missing_ok=True)

    def words(self) -> list[str]:
        """Return the words of ``lighter`` that run it, from the last checkpoint of its earlier attempts."""
        words = ["fit", os.path.relpath(self.folder / RECORDED_CONFIG), "--no-check"]
        _, checkpoint = newest_with_checkpoint((record.ended for record in reversed(self.records)), "last")
        return words if checkpoint is None else [*words, "--ckpt-path", str(checkpoint)]

    def progress(self) -> int:
        """Return the optimizer steps up to the newest checkpoint of its runs; -1 without one."""
        steps = [record.content["checkpoints"].get("last_step") for record in self.records]
        return max((step for step in steps if step is not None), default=-1)


class Trials:
    """The trials of a sweep, by their numbers.

    Args:
        folder: The folder of the sweep.

    Attributes:
        results: How trials ended.
        values: The values of each trial, by the names of the dimensions.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / TRIALS
        self.results: dict[int, Result] = {}
        self.values: dict[int, Mapping[str, Any]] = {}
        self._repeats: dict[int, Sequence[str]] = {}

    def refresh(self) -> None:
        """Look for new trials and results, also those of other workers."""
        try:
            names = os.listdir(self.folder)  # noqa: PTH208  # ten thousand names
        except FileNotFoundError:
            return
        for name in names:
            if not name.isdecimal() or int(name) in self.results:
                continue
            number = int(name)
            if number not in self.values:
                content = read_json(self.folder / name / TRIAL_FILE)
                if content is None:
                    continue
                self.values[number], self._repeats[number] = content["values"], content["repeats"]
            if (content := read_json(self.folder / name / RESULT_FILE)) is not None:
                self.results[number] = Result.read(content)

    @property
    def numbers(self) -> list[int]:
        """The numbers of all trials, in order."""
        return sorted(self.values)

    @property
    def open(self) -> list[int]:
        """The numbers of those that have not ended."""
        return [number for number in self.numbers if number not in self.results]

    def folder_of(self, number: int) -> Path:
        """Return the folder of a trial."""
        return self.folder / f"{number:0{NUM_DIGITS}}"

    def jobs(self, number: int) -> list[Job]:
        """Return the runs of a trial: one, or one for each repeat."""
        folder, repeats = self.folder_of(number), self._repeats[number]
        return [Job(folder / name, number, name) for name in repeats] or [Job(folder, number, None)]

    def make(
        self,
        number: int,
        assignment: Assignment,
        space: Space,
        config: Config,
        settings: Mapping[str, Any],
    ) -> None:
        """Make the folder of a trial, whole or not at all.

        Args:
            number: Its number.
            assignment: Its values.
            space: The space.
            config: The config of the sweep.
            settings: What the sweep sets in the config.
        """
        folder = self.folder_of(number)
        temporary = self.folder / f".{folder.name}"
        shutil.rmtree(temporary, ignore_errors=True)
        repeats = list(_repeats(space))
        for index, (name, repeat) in enumerate(repeats):
            written = temporary if name is None else temporary / name
            final = folder if name is None else folder / name
            written.mkdir(parents=True)
            one = trial_config(config, space, assignment, repeat, number, settings)
            one = with_settings(one, logger_settings(one, Trial(final)))
            one = in_folder(one, str(final))
            (written / RECORDED_CONFIG).write_text(to_yaml(one, standalone=True), encoding="utf-8")
            (written / RECORDED_PLACES).write_text(json.dumps(places_of(one), indent=1), encoding="utf-8")
            if name is not None:
                content = {"number": number, "values": {**assignment.values, **repeat.values}, "repeats": []}
                (written / TRIAL_FILE).write_text(json.dumps({**content, "is_first": index == 0}, indent=1))
        names = [name for name, _ in repeats if name is not None]
        content = {"number": number, "values": assignment.values, "repeats": names}
        (temporary / TRIAL_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")
        temporary.rename(folder)

    def reopen(self, number: int) -> None:
        """Let a trial that failed run again: the repeats of it that failed."""
        jobs = self.jobs(number)
        for job in jobs:
            result = job.result
            if result is not None and result.shown_state == "failed":
                job.reopen()
        if exists(file := self.folder_of(number) / RESULT_FILE):
            file.unlink()
        self.results.pop(number, None)


def _repeats(space: Space) -> Iterator[tuple[str | None, Assignment]]:
    for repeat in space.repeat_grid():
        name = ",".join(f"{key.rpartition('::')[2]}-{_as_name(value)}" for key, value in repeat.values.items())
        yield name or None, repeat


def _as_name(value: object) -> str:
    return "".join(char if char.isalnum() or char in "-_.+" else "-" for char in str(value))
