"""What a task of a job does: submitit calls it by reference, on the node on which SLURM starts the task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from lighter_cli.runs.environment import LOG_VARIABLE, slurm_job
from lighter_cli.slurm.jobs import RUNNING, job_states, log_of

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

_POLL_S = 0.1
TIME_SIGNAL = signal.SIGUSR2
"""What SLURM sends to all processes of a job some time before it ends; submitit's name for it is ``USR2``."""


class Task:
    """Runs a command that saves what it does when it gets SIGTERM; and lets it continue in the requeued job.

    SLURM's signals reach every process of a job. All but this one ignore the one before the end of the time.

    Args:
        command: The command.
        working_directory: Where it runs.
    """

    def __init__(self, command: Sequence[str], working_directory: Path) -> None:
        self._command = list(command)
        self._working_directory = working_directory
        self._process: subprocess.Popen[bytes] | None = None
        self._was_told_to_end = False

    def __call__(self) -> None:
        """Run the command; called by submitit."""
        self._process = subprocess.Popen(
            self._command,
            cwd=self._working_directory,
            env=_environment(),
            preexec_fn=_ignore_time_signal,  # this process has one thread
        )
        signal.signal(signal.SIGTERM, self._end)
        while not _has_ended(self._process.pid):
            time.sleep(_POLL_S)
        if self._was_told_to_end and _goes_on():
            signal.raise_signal(TIME_SIGNAL)  # SLURM wants the node for another job: continue on the next one
        code = self._process.wait()
        if code:
            sys.exit(code if code > 0 else 128 - code)

    def checkpoint(self) -> DelayedSubmission:
        """End the command when it has saved, and return what the requeued job runs; called by submitit's handler."""
        from submitit.helpers import DelayedSubmission

        if self._process is not None and not _has_ended(self._process.pid):
            self._process.send_signal(signal.SIGTERM)
            while not _has_ended(self._process.pid):
                time.sleep(_POLL_S)
        return DelayedSubmission(Task(self._command, self._working_directory))

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._was_told_to_end = True
        if self._process is not None:
            self._process.send_signal(number)


class RankTask:
    """Becomes one of the processes that train together: SLURM, and Lightning in them, do the rest.

    Args:
        command: The command.
        working_directory: Where it runs.
        requeue_signal: What SLURM sends before the time is over; ignored until the stage listens to it.
    """

    def __init__(self, command: Sequence[str], working_directory: Path, requeue_signal: signal.Signals) -> None:
        self._command = list(command)
        self._working_directory = working_directory
        self._requeue_signal = requeue_signal

    def __call__(self) -> None:
        """Become the command; called by submitit."""
        signal.signal(self._requeue_signal, signal.SIG_IGN)
        os.chdir(self._working_directory)
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(self._command[0], self._command, _environment())  # noqa: S606


def _environment() -> Mapping[str, str]:
    job = slurm_job(os.environ)
    log = log_of(Path(os.environ["SUBMITIT_FOLDER"]), str(job), os.environ.get("SLURM_PROCID", "0"))
    return {**os.environ, LOG_VARIABLE: str(log)}


def _ignore_time_signal() -> None:
    signal.signal(TIME_SIGNAL, signal.SIG_IGN)


def _has_ended(pid: int) -> bool:
    """Return whether a child has ended, without reaping it: a signal handler may interrupt whoever does."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    except ChildProcessError:
        return True


def _goes_on() -> bool:
    """Return whether SLURM takes this job for one that runs, not for one that was cancelled or whose time is over."""
    states = job_states()
    state = None if states is None else states.get(str(slurm_job(os.environ)))
    return state is not None and state.state == RUNNING
