"""Show the events of a sweep on which other processes work, as they appear in its folder."""

from __future__ import annotations

import time

from lighter_cli.sweeps.progress import Progress
from lighter_cli.sweeps.queue import Queue
from lighter_cli.sweeps.sweep import Sweep
from lighter_cli.sweeps.trials import Job

_LOOK_S = 1.0


class Follower:
    """Shows what happens to the trials of a sweep.

    Args:
        sweep: The sweep.
        queue: Its runs.
        progress: What shows it.
    """

    def __init__(self, sweep: Sweep, queue: Queue, progress: Progress) -> None:
        self._sweep = sweep
        self._queue = queue
        self._progress = progress
        self._ended = set(sweep.trials.results)
        self._ended_runs: set[Job] = set()
        self._claims: set[str] = set()
        self._looked_at = 0.0

    def look(self, *, is_last: bool = False) -> None:
        """Show what is new, at most once a second."""
        if not is_last and time.monotonic() - self._looked_at < _LOOK_S:
            return
        self._looked_at = time.monotonic()
        trials = self._sweep.trials
        was_open = trials.open
        trials.refresh()
        for number in [*was_open, *(number for number in trials.numbers if number not in was_open)]:
            if number not in self._ended:
                self._show(number)
        running = self._queue.running()
        self._progress.update(self._sweep, dict(enumerate(running)))

    def _show(self, number: int) -> None:
        trials = self._sweep.trials
        jobs = trials.jobs(number)
        result = trials.results.get(number)
        for job in jobs:
            owner = job.owner or {}
            if (claim := owner.get("claim")) is not None and claim not in self._claims:
                self._claims.add(claim)
                self._progress.started(self._sweep, job, is_again=owner.get("records", 0) > 0)
            if result is None and job.result is not None and job not in self._ended_runs:
                self._ended_runs.add(job)
                self._progress.ended(self._sweep, job, None)
        if result is not None:
            self._ended.add(number)
            self._progress.ended(self._sweep, jobs[-1], result)
