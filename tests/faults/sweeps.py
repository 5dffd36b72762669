"""Strike the worker and the trials of a sweep by SIGKILL, and continue it: no trial is lost, doubled or begun anew."""

import os
import random
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from attempts import EXPERIMENT, LostError, wait_until
from processes import Process, start

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
_ON_ONE_TRIAL = 3  # the fourth kill without a new checkpoint fails a trial


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
        while num < at_most and worker.poll() is None:
            time.sleep(random.uniform(0.2, 1.5))
            if random.random() < 0.4:
                num += self._kill_worker(worker)
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

    def _kill_worker(self, worker: Process) -> int:
        was_alive = worker.poll() is None
        if was_alive:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
        return was_alive

    def _kill_trial(self) -> int:
        folders = [self.trials.folder_of(number) for number in self.trials.open]
        owners = [(folder, owner) for folder in folders if (owner := read_owner(folder)) and is_at_work(folder, owner)]
        owners = [one for one in owners if self.kills.get(one[0].name, 0) < _ON_ONE_TRIAL]
        if not owners:
            return 0
        folder, owner = random.choice(owners)
        self.kills[folder.name] = self.kills.get(folder.name, 0) + 1
        with suppress(ProcessLookupError):
            os.kill(owner["pid"], signal.SIGKILL)
        wait_until(lambda: not is_at_work(folder, owner))
        return 1


def _check_runs(number: int, records: list[Record]) -> None:
    """Look at the runs of one trial: each continues the one before, if that had saved a checkpoint."""
    finished = [record for record in records if record.status == "finished"]
    if len(finished) != 1 or finished[0] is not records[-1]:
        raise LostError(f"trial {number} finished {len(finished)} times: {[record.status for record in records]}")
    epochs = [epoch.epoch for epoch in read_epochs(records[-1].folder)]
    if epochs != list(range(NUM_EPOCHS)):
        raise LostError(f"trial {number} has the epochs {epochs}")
    has_saved = False
    for record in records:
        resumed = record.content.get("resumed")
        if has_saved and resumed is None:
            raise LostError(f"trial {number} began anew, although it had a checkpoint")
        has_saved = has_saved or record.content["checkpoints"].get("last") is not None
