"""An experiment that is struck by faults and resumed until it is done, and what must be true in between."""

import json
import os
import random
import shutil
import signal
import time
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from processes import Process, start

from lighter_cli.runs.record import Record, read_records

EXPERIMENT = Path(__file__).parent / "experiment"
WORKSPACE = Path(__file__).parents[2] / "pyproject.toml"
IN_THE_MIDDLE = ("config.yaml",)
SAVING_AT_THE_END = ("config.yaml", "trainer::callbacks::0::save_on_exception=true")
AT_EPOCH_ENDS = ("config.yaml", "epoch_end.yaml")

NUM_PREDICTIONS = 240

_PATIENCE_S = float(tomllib.loads(WORKSPACE.read_text())["tool"]["pytest"]["ini_options"]["timeout"])
"""The limit of the tests: only a hang reaches it."""


class LostError(Exception):
    """Something that must survive a fault did not."""


@dataclass(slots=True)
class Attempts:
    """One experiment in a folder of its own.

    Attributes:
        folder: The folder.
        words: What ``lighter fit`` is given.
    """

    folder: Path
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        shutil.copytree(EXPERIMENT, self.folder)

    def fit(self, *words: str, fault: str = "") -> Process:
        """Start it, or go on with its last checkpoint when there is one."""
        resumed = ("--ckpt-path", "last") if self.checkpoints() else ()
        return start(self.folder, "fit", *self.words, *words, *resumed, environment={"FAULT": fault})

    def checkpoints(self) -> list[Path]:
        """Return what stands there under the name of a checkpoint."""
        return list((self.folder / "checkpoints").glob("*.ckpt"))

    def records(self) -> list[Record]:
        """Return the records, oldest first."""
        return read_records(self.folder)

    def said(self) -> str:
        """Return the last of what the runs said."""
        return (self.folder / "said.txt").read_text()[-1000:]

    def check_after(self, fault: str, expected: str) -> None:
        """Look at what a fault left.

        Raises:
            LostError: A status is not true, or there is a checkpoint that is not whole.
        """
        status = self.records()[-1].status
        if status != expected:
            raise LostError(f"after {fault} the record says {status!r}:\n{self.said()}")
        for file in self.checkpoints():
            load(file)

    def check_predictions(self, fault: str, *, are_there: bool) -> None:
        """Look at what `predict` left: all of it or nothing, and nothing half-written where it was told to end.

        Raises:
            LostError: Something looks complete and is not, or is not there.
        """
        table, files = self.folder / "predictions.csv", self.folder / "files"
        if table.exists() and len(table.read_text().splitlines()) != NUM_PREDICTIONS + 1:
            raise LostError(f"after {fault} {table} is there in part")
        if files.exists() and len(list(files.glob("*.pt"))) != NUM_PREDICTIONS:
            raise LostError(f"after {fault} {files} is there in part")
        if are_there and not (table.exists() and files.exists()):
            raise LostError(f"the predictions are not there:\n{self.said()}")
        if fault != "SIGKILL" and (left := list(self.folder.glob(".*.partial"))):
            raise LostError(f"after {fault} {left[0]} is left")

    def finish(self) -> None:
        """Go on until it is done.

        Raises:
            LostError: It does not.
        """
        process = self.fit()
        process.wait(_PATIENCE_S)
        if process.exitcode != 0:
            process.kill()
            raise LostError(f"it did not go on (exit code {process.exitcode}):\n{self.said()}")
        if (status := self.records()[-1].status) != "finished":
            raise LostError(f"it is done, and its record says {status!r}")

    def compare(self, whole: "Outcome") -> None:
        """Compare with an uninterrupted run.

        Raises:
            LostError: Rows, weights or anything else that a step changes differ.
        """
        mine = Outcome.of(self)
        for place, value in mine.rows.items():
            if place not in whole.rows:
                raise LostError(f"{place} is logged, but not by an uninterrupted run")
            if abs(value - whole.rows[place]) > 1e-6 * abs(whole.rows[place]):
                raise LostError(f"{place} is {value}, of an uninterrupted run {whole.rows[place]}")
        if missing := whole.rows.keys() - mine.rows.keys():
            raise LostError(f"{len(missing)} values were never logged, such as {min(missing)}")
        for name in ("state_dict", "optimizer_states", "lr_schedulers", "global_step"):
            torch.testing.assert_close(mine.state[name], whole.state[name], rtol=0, atol=0)


@dataclass(slots=True)
class Outcome:
    """What an experiment came to.

    Attributes:
        rows: The logged values by step and name; of values that were logged twice, the one that differs.
        state: The checkpoint of the last step.
    """

    rows: dict[tuple[int, str], float] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, attempts: Attempts) -> "Outcome":
        """Read what the runs of an experiment left.

        Raises:
            LostError: A value was logged twice, and differently.
        """
        last = attempts.records()[-1].checkpoint("last")
        if last is None:
            raise LostError("a run that is done has no last checkpoint")
        outcome = cls(state=load(last))
        for line in (attempts.folder / "rows.jsonl").read_text().splitlines():
            row = json.loads(line)
            first = min(
                row["values"].keys() - {"epoch"}
            )  # rows of training and validation have steps of their own, and an epoch each
            for name, value in row["values"].items():
                place = (row["step"], f"{name} beside {first}" if name == "epoch" else name)
                before = outcome.rows.setdefault(place, value)
                if abs(value - before) > 1e-6 * abs(before):
                    raise LostError(f"{place} was logged as {before} and as {value}")
        return outcome


def load(file: Path) -> Mapping[str, Any]:
    """Load a checkpoint.

    Raises:
        LostError: It cannot be loaded.
    """
    try:
        content: Mapping[str, Any] = torch.load(file, weights_only=True)
    except Exception as error:
        raise LostError(f"{file} cannot be loaded: {error}") from error
    return content


def strike(attempts: Attempts, process: Process, number: signal.Signals, *, while_writing: bool) -> bool:
    """Send a signal at a random moment, or while a checkpoint is written; return whether it came before the end."""
    num_before = _num_folders(attempts)
    wait_until(lambda: _num_folders(attempts) > num_before or process.poll() is not None)
    time.sleep(random.uniform(0, 0.5))
    if while_writing:
        folder = attempts.folder / "checkpoints"
        wait_until(lambda: any(folder.glob(".*.partial")) or process.poll() is not None, pause_s=0.0)
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)
    process.wait(_PATIENCE_S)
    return process.exitcode != 0


def wait_until(condition: Callable[[], bool], *, pause_s: float = 0.002) -> None:
    """Wait until something is true."""
    end = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise LostError(f"nothing happened for {_PATIENCE_S:.0f} s")
        time.sleep(pause_s)


def _num_folders(attempts: Attempts) -> int:
    index = attempts.folder / ".lighter" / "runs.jsonl"
    return index.read_text().count("\n") if index.exists() else 0
