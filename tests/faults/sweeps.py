"""Strike the worker and the trials of a sweep by SIGKILL, and continue it: no trial is lost, doubled or begun anew."""

import os
import random
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attempts import EXPERIMENT, LostError, wait_until
from processes import start

from lighter_cli.runs.epochs import read_epochs
from lighter_cli.runs.record import Record
from lighter_cli.sweeps.journal import open_journal
from lighter_cli.sweeps.layout import SWEEPS
from lighter_cli.sweeps.outcomes import Result, records_of
from lighter_cli.sweeps.owners import is_at_work, read_owner
from lighter_cli.sweeps.trials import Trials

NUM_TRIALS = 30
NUM_EPOCHS = 3
_WORDS = ("sweep", "config.yaml", "sweep.yaml", "--name", "struck", "--workers", "2")
_OF_THE_WORKER = 0.2  # the rest strikes trials
ON_ONE_TRIAL = 3  # the fourth kill without a new checkpoint fails a trial


@dataclass(slots=True)
class StruckSweep:
    """A sweep in a folder of its own.

    Attributes:
        folder: The folder.
        kills: How often each trial was killed.
    """

    folder: Path
    kills: dict[str, int]

    @classmethod
    def begin(cls, folder: Path) -> "StruckSweep":
        """Copy the experiment into a folder."""
        shutil.copytree(EXPERIMENT, folder)
        return cls(folder, {})

    @property
    def trials(self) -> Trials:
        """Its trials, as they are now."""
        trials = Trials(self.folder / SWEEPS / "struck")
        trials.refresh()
        return trials

    def strike(self, at_most: int) -> int:
        """Kill the worker or a trial at random moments until the sweep is done; return how often."""
        num = 0
        worker = start(self.folder, *_WORDS)
        while num < at_most:
            wait_until(lambda: worker.poll() is not None or bool(self._running()))  # noqa: B023
            time.sleep(random.uniform(0.0, 1.0))
            if worker.poll() is not None:
                break
            if random.random() < _OF_THE_WORKER:
                num += kill(worker.pid)
                worker.wait()
                worker = start(self.folder, *_WORDS)
            else:
                num += self._kill_trial()
        worker.wait()
        return num

    def finish(self) -> None:
        """Continue it until it is done.

        Raises:
            LostError: It does not end well.
        """
        exitcode = start(self.folder, *_WORDS).wait()
        if exitcode != 0:
            raise LostError(
                f"the sweep ended with exit code {exitcode}:\n{(self.folder / 'said.txt').read_text()[-2000:]}"
            )

    def check(self, whole: dict[int, Result]) -> None:
        """Look for what was lost.

        Raises:
            LostError: A trial is missing, doubled or was begun anew, or its value is another one.
        """
        trials = self.trials
        if trials.numbers != list(range(NUM_TRIALS)):
            raise LostError(f"the trials are {trials.numbers}")
        told = open_journal(self.folder / SWEEPS / "struck").get_all_trials(0)
        if [trial.state.name for trial in told] != ["COMPLETE"] * NUM_TRIALS:
            raise LostError(f"the journal says {[trial.state.name for trial in told]}")
        for number, result in trials.results.items():
            if result.state != "finished":
                raise LostError(f"trial {number} is {result.state}: {result.error}")
            records = records_of(trials.folder_of(number))
            _check_runs(number, records)
            if abs(result.values[0] - whole[number].values[0]) > 1e-6 * abs(whole[number].values[0]):
                raise LostError(
                    f"trial {number} has {result.values[0]}, of an uninterrupted sweep {whole[number].values[0]}"
                )

    def _running(self) -> list[tuple[Path, dict[str, Any]]]:
        """Return the folders of the trials that run in a process of their own, each with its owner."""
        trials = self.trials
        owners = [(folder, read_owner(folder)) for folder in map(trials.folder_of, trials.open)]
        return [
            (folder, owner)
            for folder, owner in owners
            if owner is not None and owner["pid"] != owner["worker"] and is_at_work(folder, owner)
        ]

    def _kill_trial(self) -> int:
        running = [one for one in self._running() if self.kills.get(one[0].name, 0) < ON_ONE_TRIAL]
        if not running:
            return 0
        folder, owner = random.choice(running)
        self.kills[folder.name] = self.kills.get(folder.name, 0) + 1
        num = kill(owner["pid"])
        wait_until(lambda: not is_at_work(folder, owner))
        return num


def kill(pid: int) -> int:
    """Kill a process; return how many were killed."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def _check_runs(number: int, records: list[Record]) -> None:
    """Look at the runs of one trial: each continues the one before, if that had saved a checkpoint."""
    finished = [record for record in records if record.status == "finished"]
    if len(finished) != 1 or finished[0] is not records[-1]:
        told = [(one.status, *(one.content[key] for key in ("start", "end", "process"))) for one in records]
        raise LostError(f"trial {number} finished {len(finished)} times: {told}")
    epochs = [epoch.epoch for epoch in read_epochs(records[-1].folder)]
    if epochs != list(range(NUM_EPOCHS)):
        raise LostError(f"trial {number} has the epochs {epochs}")
    has_saved = False
    for record in records:
        if has_saved and record.content["options"].get("ckpt_path") is None:
            raise LostError(f"trial {number} began anew, although it had a checkpoint")
        has_saved = has_saved or record.content["checkpoints"].get("last") is not None
