"""Work on a sweep: keep every slot busy until as many trials have ended as were asked for."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType, MappingProxyType
from typing import Any

import psutil

from lighter_cli.errors import SweepError
from lighter_cli.runs.trial import TRIAL_VARIABLE
from lighter_cli.sweeps.layout import OUTPUT_FILE
from lighter_cli.sweeps.outcomes import Result, is_better, is_feasible
from lighter_cli.sweeps.owners import CLAIM_VARIABLE, is_here, is_touch_due, touch
from lighter_cli.sweeps.process import Process, Starter
from lighter_cli.sweeps.progress import Progress
from lighter_cli.sweeps.queue import Claimed, Queue
from lighter_cli.sweeps.sweep import Sweep
from lighter_config import Finding

_logger = logging.getLogger(__name__)

_POLL_S = 0.1
_OTHERS_S = 1.0  # how often to look at what other workers do
_GRACE_S = 20.0
_ASK_S = 10.0  # how often to ask the launcher which owners are gone
STOP_SIGNAL = signal.SIGUSR1
"""A trial that receives it saves a checkpoint and stops at the end of its batch."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one trial at a time.

    Attributes:
        index: Its number, from 0.
        gpus: What the trial sees as its GPUs; ``None`` for all of this process.
    """

    index: int
    gpus: str | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """What the trial has in its environment."""
        return {} if self.gpus is None else {"CUDA_VISIBLE_DEVICES": self.gpus}


def shared_cores(num_slots: int) -> dict[str, str]:
    """Return what the environment of trials has: they share the cores, unless the user says how many threads."""
    if "OMP_NUM_THREADS" in os.environ:
        return {}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"OMP_NUM_THREADS": str(max(1, cores // num_slots))}


class Worker:
    """Runs the trials of a sweep in processes of their own.

    Args:
        sweep: The sweep.
        slots: Where trials run.
        starter: Starts their processes.
        progress: What shows how it goes.
        words: Options that each trial gets.
        facts: What its claims say about it besides its process and slot.
    """

    def __init__(
        self,
        sweep: Sweep,
        slots: Sequence[Slot],
        starter: Starter,
        progress: Progress,
        words: Sequence[str] = (),
        facts: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._sweep = sweep
        self._slots = slots
        self._starter = starter
        self._progress = progress
        self._words = words
        self._facts = facts
        self._running: dict[int, tuple[Claimed, Process]] = {}
        self._num_interrupts = self._num_heeded = 0
        self._has_interrupt = False
        self._looked_at = 0.0
        self._touched_at = time.monotonic()
        self._asked_at = -_ASK_S
        self._begin = time.monotonic()
        self.queue = Queue(sweep)

    def work(self) -> str:
        """Work until nothing is left to do.

        Returns:
            Why it stopped: ``done``, ``interrupted`` or ``stopped``.

        Raises:
            SweepError: Every trial fails alike.
        """
        self.queue.settle()
        self._progress.begin(self._sweep)
        with self._interruptible():
            try:
                return self._work()
            except KeyboardInterrupt:  # while the first trials were being started
                return "interrupted"

    def _work(self) -> str:
        while True:
            self._reap()
            self._end_lost_claims()
            if failure := self.queue.common_failure():
                self._stop_trials()
                raise every_trial_fails(self._sweep, failure)
            if self._must_stop():
                if not self._running:
                    return "interrupted" if self._has_interrupt else "stopped"
            elif not self._fill() and not self._running and not self._wait_for_others():
                return "done"
            self._keep_claims()
            self._progress.update(self._sweep, {index: claimed.job for index, (claimed, _) in self._running.items()})
            self._starter.wait_for([process for _, process in self._running.values()], _POLL_S)

    def _fill(self) -> bool:
        """Start a run in each free slot; return whether there was one to start."""
        if self._is_spent():
            return False
        has_started = False
        for slot in self._free_slots():
            claimed = self.queue.take(slot=slot.index, worker=os.getpid(), **self._facts)
            if claimed is None:
                break
            self._start(claimed, slot)
            has_started = True
        return has_started

    def _start(self, claimed: Claimed, slot: Slot) -> None:
        job = claimed.job
        environment = {
            **slot.environment,
            TRIAL_VARIABLE: str(job.folder),
            CLAIM_VARIABLE: claimed.claim,
        }
        words, file = [*claimed.words, *self._words], job.folder / OUTPUT_FILE
        try:
            process = self._starter.start(words, output=file, environment=environment)
        except KeyboardInterrupt:
            self.queue.leave(claimed)  # else it counts as killed
            raise
        self._running[slot.index] = claimed, process
        self._progress.started(self._sweep, job, is_again=claimed.attempt > 0)

    def _reap(self) -> None:
        for index, (claimed, process) in list(self._running.items()):
            exitcode = process.poll()
            if exitcode is None:
                continue
            del self._running[index]
            if exitcode < 0:
                process.kill()  # other ranks of a trial that was killed would hold their GPUs while they notice
            if self._must_stop():
                self.queue.leave(claimed)
            result = self.queue.close(claimed, exitcode)
            self._progress.ended(self._sweep, claimed.job, result)

    def _free_slots(self) -> Iterator[Slot]:
        """Yield the slots that are free; trials of a worker that was killed still use theirs."""
        used = set(self._running)
        own = {claimed.job for claimed, _ in self._running.values()}
        for job in self.queue.running():
            owner = job.owner or {}
            if job not in own and owner and is_here(owner) and not psutil.pid_exists(owner.get("worker", 0)):
                used.add(owner.get("slot", -1))
        yield from (slot for slot in self._slots if slot.index not in used)

    def _wait_for_others(self) -> bool:
        """Return whether runs of other processes are left, which may have to be taken over."""
        if not self.queue.running():
            return False
        time.sleep(_OTHERS_S)
        return True

    def _end_lost_claims(self) -> None:
        """Free the runs of SLURM jobs that have ended: else they count as running for minutes."""
        if time.monotonic() - self._asked_at < _ASK_S:
            return
        self._asked_at = time.monotonic()
        if any((job.owner or {}).get("slurm_job") for job in self.queue.running()):
            from lighter_cli.sweeps.slurm import LostJobs

            self.queue.end_claims(LostJobs(self._sweep.folder))

    def _is_spent(self) -> bool:
        space = self._sweep.space
        if space.hours is not None and time.monotonic() - self._begin > space.hours * 3600:
            return True
        return space.patience is not None and self._num_without_better() >= space.patience

    def _num_without_better(self) -> int:
        """Return how many trials have ended since the best one."""
        space, results = self._sweep.space, self._sweep.trials.results
        if not space.objectives:
            return 0
        best: Result | None = None
        count = 0
        for number in sorted(results):
            result = results[number]
            count += 1
            is_candidate = result.state == "finished" and is_feasible(space, result)
            if is_candidate and (best is None or is_better(space, result, best)):
                best, count = result, 0
        return count

    def _keep_claims(self) -> None:
        if is_touch_due(self._touched_at):
            self._touched_at = time.monotonic()
            for claimed, _ in self._running.values():
                touch(claimed.job.folder)

    def _must_stop(self) -> bool:
        """Return whether no run may start; at a change, tell the running ones."""
        if time.monotonic() - self._looked_at > _OTHERS_S:
            self._looked_at = time.monotonic()
            wanted = self._sweep.wanted_stop()
            self._num_interrupts = max(self._num_interrupts, {None: 0, "after saving": 1, "now": 2}[wanted])
        if self._num_interrupts > self._num_heeded:
            self._num_heeded = self._num_interrupts
            for claimed, _ in self._running.values():
                self.queue.leave(claimed)  # a loader's worker that gets the same signal may fail the run
            if self._num_interrupts == 1:
                self._progress.say("stopping: running trials save a checkpoint and end after their batch")
                self._signal(STOP_SIGNAL)  # it ends a trial that does not train yet
            else:
                self._progress.say("ending the running trials")
                self._stop_trials()
        return self._num_interrupts > 0

    def _signal(self, number: signal.Signals) -> None:
        for _, process in self._running.values():
            process.send(number)

    def _stop_trials(self) -> None:
        """End the running trials, and all that they have started."""
        self._signal(signal.SIGTERM)
        end = time.monotonic() + _GRACE_S
        for _, process in self._running.values():
            process.wait(max(0.0, end - time.monotonic()))
            if process.poll() is None:
                process.kill()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Stop at a first Ctrl-C when running trials have saved, at a second one at once.

        SIGTERM counts as a first one however often it comes: a launcher sends it to processes and to their groups.
        """

        def interrupt(number: int, _frame: FrameType | None) -> None:
            self._num_interrupts = max(1, self._num_interrupts + (number == signal.SIGINT))
            self._has_interrupt = True
            if not self._running:
                raise KeyboardInterrupt

        before: dict[signal.Signals, Callable[..., object] | int | None] = {
            number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            with suppress(OSError):
                self._progress.end(self._sweep)


def every_trial_fails(sweep: Sweep, failure: str) -> SweepError:
    """Return the error that ends a sweep of which every trial fails with one error."""
    failed = min(number for number, result in sweep.trials.results.items() if result.shown_state == "failed")
    return SweepError(
        Finding(
            message=f"every trial fails: {failure.partition(chr(10))[0]}",
            expected=(f"a trial that ends; the output of one that does not is in {sweep.trials.folder_of(failed)}",),
            fix="correct it, then run the same command with --retry failed",
        )
    )
