"""What a worker does next: take a lost trial over, run a repeat, ask for a new trial; and close what has ended."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lighter_cli.runs.record import Record
from lighter_cli.sweeps.outcomes import (
    Result,
    is_killed_rank,
    kind_of_failure,
    last_error,
    mean_of,
    result_of_run,
    result_without_record,
    violations,
)
from lighter_cli.sweeps.owners import claim, end_claim, is_here, release
from lighter_cli.sweeps.study import Kept, Study, Told
from lighter_cli.sweeps.sweep import Sweep
from lighter_cli.sweeps.trials import Job
from lighter_config.space import Assignment, assignment_from

_logger = logging.getLogger(__name__)

_MOST_TAKEOVERS = 3
_NUM_ALIKE = 3


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that this process has claimed.

    Attributes:
        job: The run.
        claim: The name of the claim.
        words: The words of ``lighter`` that run it.
        attempt: How many records it had before.
    """

    job: Job
    claim: str
    words: Sequence[str]
    attempt: int


class Queue:
    """The runs of a sweep that are left to do. Its methods hold the lock of the sweep: several workers share it.

    Args:
        sweep: The sweep.
    """

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._study = Study(sweep.folder, sweep.space, sweep.plan.seed)
        self._left: set[Job] = set()

    def take(self, **facts: Any) -> Claimed | None:
        """Claim the next run; ``None`` if there is none now.

        Args:
            facts: What to keep about the owner: its slot.
        """
        with self._sweep.lock():
            self._sweep.trials.refresh()
            self._close_trials()
            job = self._open_job() or self._new_job()
            if job is None:
                return None
            owner, records, progress = job.owner or {}, job.records, job.progress()
            takeovers = 0
            if owner:
                has_moved = progress > owner.get("progress", -1) or owner.get("released", False)
                takeovers = 0 if has_moved else owner.get("takeovers", 0) + 1
            name = claim(job.folder, takeovers=takeovers, progress=progress, records=len(records), **facts)
            return Claimed(job, name, job.words(), len(records))

    def leave(self, claimed: Claimed) -> None:
        """Take a run that was interrupted no more in this process; another one continues it."""
        job = claimed.job
        self._left.add(job)
        with self._sweep.lock():
            if job.result is None and _is_claimed(claimed):
                release(job.folder)

    def close(self, claimed: Claimed, exitcode: int) -> Result | None:
        """Close a run whose process has ended.

        Returns:
            How its trial ended; ``None`` if it is not over: it was killed, or repeats are left.
        """
        job = claimed.job
        with self._sweep.lock():
            if not _is_claimed(claimed):
                return None  # another worker has taken it over
            records = job.records
            was_released = (job.owner or {}).get("released", False)
            has_failed = len(records) == claimed.attempt and exitcode > 0 and not was_released
            if has_failed and not is_killed_rank(last_error(job.folder)):
                job.close(result_without_record(job.folder, exitcode, len(records)))
            elif not self._close_job(job):
                end_claim(job.folder)  # a worker on another host can continue it at once
            self._close_trials()
        return self._sweep.trials.results.get(job.number)

    def settle(self) -> None:
        """Close the trials that ended while no worker was there."""
        with self._sweep.lock():
            self._sweep.trials.refresh()
            for number, result in self._sweep.trials.results.items():
                self._tell(number, result)
            self._close_trials()
            self._sweep.write_results()

    def running(self) -> list[Job]:
        """Return the runs whose owners are at work, in this process or elsewhere."""
        trials = self._sweep.trials
        return [job for number in trials.open for job in trials.jobs(number) if job.result is None and job.is_running]

    def end_claims(self, is_gone: Callable[[Mapping[str, Any]], bool]) -> int:
        """Free the runs of owners that are known to be gone, such as those of a node that died.

        A trial that is seen to run on this host keeps its run, though its job has ended: it outlived its launcher.

        Args:
            is_gone: Tells that from what ``owner.json`` says.

        Returns:
            The number of runs.
        """
        with self._sweep.lock():
            self._sweep.trials.refresh()
            owners = [(job, job.owner) for job in self.running()]
            lost = [job for job, owner in owners if owner is not None and not is_here(owner) and is_gone(owner)]
            for job in lost:
                end_claim(job.folder)
        return len(lost)

    def common_failure(self) -> str:
        """Return the error that every trial so far ended with, if there are at least three; else an empty text."""
        results = self._sweep.trials.results
        failed = [result.error for result in results.values() if result.shown_state == "failed"]
        kinds = {kind_of_failure(error) for error in failed}
        return failed[0] if len(failed) == len(results) >= _NUM_ALIKE and len(kinds) == 1 else ""

    def retry(self) -> int:
        """Let the trials that failed run again, if their values are in the space; return their number."""
        trials = self._sweep.trials
        with self._sweep.lock():
            trials.refresh()
            failed = [number for number, result in trials.results.items() if result.shown_state == "failed"]
            failed = [number for number in failed if self._assignment(number) is not None]
            if not failed:
                return 0
            for number in failed:
                trials.reopen(number)
            self._rebuild(again=failed)
            self._sweep.write_results()
        return len(failed)

    def widen(self) -> int:
        """Take the trials so far over into the space as it is now; return how many no longer fit into it."""
        with self._sweep.lock():
            self._sweep.trials.refresh()
            return self._rebuild(again=())

    def _rebuild(self, again: Sequence[int]) -> int:
        trials = self._sweep.trials
        last = max(trials.numbers, default=-1)
        kept = [Kept(self._assignment(number), number in again) for number in range(last + 1)]
        self._study.rebuild(kept)
        return sum(one.assignment is None for one in kept)

    def _assignment(self, number: int) -> Assignment | None:
        """Return the values of a trial in the space as it is now; those of a new dimension as the config has them."""
        space, values = self._sweep.space, self._sweep.trials.values.get(number)
        if values is None:
            return None
        own = space.first[0].values if space.first else {}
        names = {dimension.name for dimension in space.dimensions}
        filled = {**{name: value for name, value in own.items() if name in names}, **values}
        try:
            assignment = assignment_from(space, filled)
        except ValueError:
            return None
        has_all = names <= assignment.values.keys()
        return assignment if has_all else None

    def _open_job(self) -> Job | None:
        """Return a run that nobody works on: one that was lost, or a repeat that nobody has begun."""
        waiting: Job | None = None
        has_closed = False
        for number in self._sweep.trials.open:
            jobs = self._sweep.trials.jobs(number)
            if any(result.state != "finished" for job in jobs if (result := job.result) is not None):
                continue  # a repeat failed or was pruned, so the trial ends with the runs that still run
            for job in jobs:
                if job.result is not None or job in self._left or job.is_running:
                    continue
                if job.owner is not None:
                    if not self._close_job(job):  # it may have ended since the trials were closed
                        return job
                    has_closed = True
                    continue
                if waiting is None and not self._waits_for_first(job, jobs):
                    waiting = job
        if has_closed:
            self._close_trials()
        return waiting

    def _waits_for_first(self, job: Job, jobs: Sequence[Job]) -> bool:
        """Return whether a repeat waits because the first one decides whether the trial is pruned."""
        return self._sweep.facts.get("pruning") is not None and job is not jobs[0] and jobs[0].result is None

    def _new_job(self) -> Job | None:
        trials, space = self._sweep.trials, self._sweep.space
        if not space.is_grid and space.num_trials is not None and len(trials.numbers) >= space.num_trials:
            return None
        asked = self._study.ask(trials.values)
        if asked is None:
            return None
        number, assignment = asked
        self._sweep.make_trial(number, assignment)
        trials.refresh()
        return trials.jobs(number)[0]

    def _close_trials(self) -> None:
        """Close the runs whose owners are gone and whose records say how they ended, and trials without open runs."""
        trials = self._sweep.trials
        has_closed = False
        for number in trials.open:
            jobs = trials.jobs(number)
            for job in jobs:
                if job.result is None and job.owner is not None and not job.is_running:
                    self._close_job(job)
            results = [result for job in jobs if (result := job.result) is not None]
            wrong = any(result.state != "finished" for result in results)
            if len(results) < len(jobs) and not (wrong and not any(job.is_running for job in jobs)):
                continue
            result = mean_of(results)
            if jobs[0].repeat is not None:
                Job(trials.folder_of(number), number, None).close(result)
            trials.results[number] = result
            self._tell(number, result)
            has_closed = True
        if has_closed:
            self._sweep.write_results()

    def _close_job(self, job: Job) -> bool:
        """Close a run whose process has ended, unless it is to continue; return whether it is closed."""
        records, owner = job.records, job.owner or {}
        ends = ("finished",) if owner.get("released", False) else ("finished", "failed")
        is_new = len(records) > owner.get("records", 0)
        if is_new and records[-1].status in ends and not _was_killed(records[-1]):
            job.close(result_of_run(records[-1], records, self._sweep.space))
        elif owner.get("takeovers", 0) >= _MOST_TAKEOVERS and job.progress() <= owner.get("progress", -1):
            error = f"it was killed {_MOST_TAKEOVERS + 1} times without a new checkpoint"
            job.close(Result(state="failed", error=error, attempts=len(records)))
        else:
            return False
        return True

    def _tell(self, number: int, result: Result) -> None:
        limits = {name: min(value, sys.float_info.max) for name, value in violations(self._sweep.space, result).items()}
        self._study.tell(number, Told(state=result.state, values=result.values, violations=limits))


def _is_claimed(claimed: Claimed) -> bool:
    return (claimed.job.owner or {}).get("claim") == claimed.claim


def _was_killed(record: Record) -> bool:
    return record.status == "failed" and is_killed_rank(record.content["error"] or "")
