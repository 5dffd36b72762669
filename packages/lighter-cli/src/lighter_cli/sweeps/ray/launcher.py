"""Work on a sweep with a Ray cluster: keep an actor in each slot until nothing is left to do."""

from __future__ import annotations

import math
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray.exceptions import RayError

from lighter_cli.atomic_files import write_atomically
from lighter_cli.errors import SweepError
from lighter_cli.sweeps.follower import Follower
from lighter_cli.sweeps.gpus import refuse_counts
from lighter_cli.sweeps.join import JoinOptions, working_directory
from lighter_cli.sweeps.layout import STOP_FILE
from lighter_cli.sweeps.plan import Plan
from lighter_cli.sweeps.progress import Progress
from lighter_cli.sweeps.queue import Queue
from lighter_cli.sweeps.ray.actor import SlotActor
from lighter_cli.sweeps.ray.cluster import connected
from lighter_cli.sweeps.ray.nodes import LostOwners, refuse_node
from lighter_cli.sweeps.ray.resources import actor_options, given_options, room
from lighter_cli.sweeps.sweep import Sweep
from lighter_cli.sweeps.worker import every_trial_fails
from lighter_config import Finding

LOGS = "ray"
"""The folder of the logs of workers, in that of the sweep."""

_POLL_S = 0.2
_TOGETHER_S = 20.0  # how long the first slots wait for others, which may see no folder, before any trial starts
_SAY_S = 10.0
_PATIENCE_S = 120.0
_QUICK_S = 15.0
_MOST_QUICK_DEATHS = 3
_GRACE_S = 30.0  # a worker that is told to stop now gives its trials 20 s


@dataclass(slots=True)
class _Slot:
    """A place for one trial at a time, somewhere in the cluster.

    Attributes:
        index: Its number, from 0.
        actor: Its actor.
        call: What the actor is doing: the introduction, or the work.
        about: What the actor said about its node; ``None`` before that.
        began_at: When the work began; ``None`` before that.
        num_quick_deaths: How often in a row it ended soon after it had begun, without having ended a trial.
        num_ended: How many trials it had ended when its worker started.
        is_done: Whether nothing was left to do for it.
    """

    index: int
    actor: Any = None
    call: Any = None
    about: Mapping[str, Any] | None = None
    began_at: float | None = None
    num_quick_deaths: int = 0
    num_ended: int = 0
    is_done: bool = False


@contextmanager
def ray_cluster(
    plan: Plan, address: str, *, workers: int | None, share: int, words: Sequence[str]
) -> Iterator[Callable[[Sweep, Progress], str]]:
    """Connect to a Ray cluster, and let it start the actors of a sweep.

    Args:
        plan: The sweep.
        address: ``auto``, ``HOST:PORT``, or ``ray://HOST:PORT``.
        workers: Trials at once; ``None`` for as many as the cluster has room for.
        share: Trials on one GPU.
        words: Options that each trial gets.

    Yields:
        What works on the sweep: it returns ``done``, ``interrupted`` or ``stopped``.

    Raises:
        SweepError: It cannot run there.
    """
    refuse_counts(workers, share)
    given = given_options(plan.config)
    with connected(address):
        nodes = ray.nodes()
        options = actor_options(plan.config, given, share=share, nodes=nodes)
        actor = _actor_of(options)
        count = workers or room(nodes, options)
        if count < 1:
            asked = ", ".join(f"{name} {value}" for name, value in options.items())
            message, fix = "no node of the Ray cluster has room for a trial", "--workers N waits for nodes with room"
            raise SweepError(Finding(message=message, expected=(f"a node with {asked}",), fix=fix))
        cluster = _Cluster(actor, count)
        try:
            yield lambda sweep, progress: _Launcher(cluster, sweep, progress, words).work()
        finally:
            cluster.end()


def _actor_of(options: Mapping[str, Any]) -> Any:
    try:
        return ray.remote(SlotActor).options(max_restarts=0, **options)
    except (TypeError, ValueError) as error:
        message = f"Ray refuses sweep::ray: {error}".partition("\n")[0]
        raise SweepError(Finding(message=message, path="sweep::ray")) from error


class _Cluster:
    """The actors of a sweep.

    Args:
        actor: What makes an actor of Ray.
        count: How many there are at once.
    """

    def __init__(self, actor: Any, count: int) -> None:
        self._actor = actor
        self.slots = [_Slot(index) for index in range(count)]
        for slot in self.slots:
            self.place(slot)

    def place(self, slot: _Slot) -> None:
        """Let Ray start the actor of a slot where there is room."""
        self.free(slot)
        slot.actor = self._actor.remote()

    def free(self, slot: _Slot) -> None:
        """End the actor of a slot: its worker stops as it does at SIGTERM."""
        if slot.actor is not None:
            with suppress(RayError, ConnectionError):
                ray.kill(slot.actor)
        slot.actor = slot.call = slot.about = slot.began_at = None

    def end(self) -> None:
        """End all actors."""
        for slot in self.slots:
            self.free(slot)


class _Launcher:
    """Keeps an actor with a worker in each slot.

    Args:
        cluster: The actors.
        sweep: The sweep.
        progress: What shows how it goes.
        words: Options that each trial gets.
    """

    def __init__(self, cluster: _Cluster, sweep: Sweep, progress: Progress, words: Sequence[str]) -> None:
        self._cluster = cluster
        self._sweep = sweep
        self._progress = progress
        self._words = words
        self._queue = Queue(sweep)
        self._follower = Follower(sweep, self._queue, progress)
        self._lost_owners = LostOwners(self._queue)
        self._working_directory = str(working_directory(sweep.folder))
        self._sign = sweep.folder / LOGS / f"sign-{secrets.token_hex(4)}"
        self._began = self._worked_at = time.monotonic()
        self._num_interrupts = self._num_heeded = 0
        self._stops_at = math.inf
        self._is_open = False  # whether workers may start
        self._has_said_waiting = False

    def work(self) -> str:
        """Work until nothing is left to do.

        Returns:
            Why it stopped: ``done``, ``interrupted`` or ``stopped``.

        Raises:
            SweepError: It cannot run there, or every trial fails alike.
        """
        self._queue.settle()
        self._progress.begin(self._sweep)
        self._sign.parent.mkdir(exist_ok=True)
        self._sign.touch()
        with self._interruptible():
            try:
                for slot in self._cluster.slots:
                    self._introduce(slot)
                end = self._work()
            finally:
                self._sign.unlink(missing_ok=True)
                self._queue.settle()
                self._follower.look(is_last=True)
        return end

    def _work(self) -> str:
        slots = self._cluster.slots
        while True:
            calls = [slot.call for slot in slots if slot.call is not None]
            ready, _ = ray.wait(calls, timeout=_POLL_S) if calls else ((), ())
            for slot in slots:
                if slot.call in ready:
                    self._heed(slot)
            if self._must_stop():
                if not any(slot.began_at is not None for slot in slots) or time.monotonic() > self._stops_at:
                    return "interrupted" if self._num_interrupts else "stopped"
            else:
                self._let_work()
                if all(slot.is_done for slot in slots):
                    return "done"
                self._refuse_long_wait()
            self._lost_owners.look([(slot.about["node"], slot.index) for slot in slots if slot.about is not None])
            self._follower.look()

    def _introduce(self, slot: _Slot) -> None:
        slot.call = slot.actor.introduce.remote(str(self._sign), self._working_directory)

    def _let_work(self) -> None:
        """Start workers where actors have a node; the first ones together, when all nodes have been checked."""
        slots = self._cluster.slots
        placed = [slot for slot in slots if slot.about is not None]
        if not self._is_open and placed:
            self._is_open = len(placed) == len(slots) or time.monotonic() - self._began > _TOGETHER_S
        if not self._is_open:
            return
        for slot in placed:
            if slot.began_at is None and not slot.is_done:
                self._start(slot)

    def _start(self, slot: _Slot) -> None:
        assert slot.about is not None
        hours = self._sweep.space.hours
        left = None if hours is None else max(hours - (time.monotonic() - self._began) / 3600, 1e-9)
        options = JoinOptions(
            workers=1, words=self._words, facts={"ray_node": slot.about["node"]}, first_slot=slot.index, hours=left
        )
        slot.began_at, slot.num_ended = time.monotonic(), self._num_ended(slot)
        arguments = (str(self._sweep.folder), asdict(options), self._working_directory, str(self._log_of(slot)))
        slot.call = slot.actor.work.remote(*arguments)

    def _heed(self, slot: _Slot) -> None:
        """Heed what the actor of a slot has answered, or that it is gone."""
        try:
            answer = ray.get(slot.call)
        except RayError as error:
            if not self._has_lost_node(slot):
                self._refuse_quick_death(slot, error)
            self._cluster.place(slot)
            self._introduce(slot)
            return
        slot.call = None
        if slot.began_at is None:
            refuse_node(answer, self._sweep.folder, self._working_directory)
            slot.about = answer
        elif answer == 0:
            slot.began_at, slot.is_done = None, True
            self._start_again_if_left()
        elif answer == 1:
            raise self._error_of_worker(slot, "ended with an error")
        else:
            self._refuse_quick_death(slot, None)
            slot.began_at = None

    def _start_again_if_left(self) -> None:
        """Start a slot again if a trial was lost when nobody was left to take it over."""
        slots = self._cluster.slots
        if not all(slot.is_done for slot in slots) or self._sweep.wanted_stop():
            return
        self._sweep.trials.refresh()
        lost = [job for number in self._sweep.trials.open for job in self._sweep.trials.jobs(number)]
        if any(job.result is None and job.owner is not None and not job.is_running for job in lost):
            self._refuse_quick_death(slots[0], None)
            slots[0].is_done = False

    def _refuse_quick_death(self, slot: _Slot, error: RayError | None) -> None:
        """Count how often a slot ends soon after it has begun, without having ended a trial; too often is an error."""
        is_quick = slot.began_at is None or time.monotonic() - slot.began_at < _QUICK_S
        is_quick = is_quick and self._num_ended(slot) == slot.num_ended
        slot.num_quick_deaths = slot.num_quick_deaths + 1 if is_quick else 0
        if slot.num_quick_deaths < _MOST_QUICK_DEATHS:
            return
        if slot.about is not None:
            raise self._error_of_worker(slot, f"ended {_MOST_QUICK_DEATHS} times soon after its start")
        reason = _last_line(str(error))
        message = "the actors of the sweep end as soon as Ray starts them"
        fix = "install this version of lighter-cli[ray] on every node, in the Python that runs Ray"
        raise SweepError(Finding(message=message, expected=(reason,), fix=fix)) from error

    def _num_ended(self, slot: _Slot) -> int:
        """Return how many trials have ended in a slot, whoever worked there."""
        trials = self._sweep.trials
        trials.refresh()
        owners = [job.owner or {} for number in trials.results for job in trials.jobs(number)]
        return sum(owner.get("slot") == slot.index for owner in owners)

    @staticmethod
    def _has_lost_node(slot: _Slot) -> bool:
        """Return whether the node of a slot has died, which says nothing about its worker."""
        name = None if slot.about is None else slot.about["node"]
        return name is not None and not any(node["Alive"] for node in ray.nodes() if node["NodeID"] == name)

    def _error_of_worker(self, slot: _Slot, what: str) -> SweepError:
        if failure := self._queue.common_failure():
            return every_trial_fails(self._sweep, failure)
        assert slot.about is not None
        log = self._log_of(slot)
        with suppress(OSError):
            said = _last_line(log.read_text(errors="replace"))
        return SweepError(
            Finding(
                message=f"a worker {what} on the node {slot.about['address']} ({slot.about['host']})",
                expected=(said,) if said else (),
                fix=f"see {os.path.relpath(log)}; then the same command again",
            )
        )

    def _log_of(self, slot: _Slot) -> Path:
        return self._sweep.folder / LOGS / f"slot-{slot.index}.log"

    def _refuse_long_wait(self) -> None:
        """Say that no slot has a node; after a while, end."""
        if any(slot.began_at is not None or slot.is_done for slot in self._cluster.slots):
            self._worked_at, self._has_said_waiting = time.monotonic(), False
            return
        waited = time.monotonic() - self._worked_at
        if waited > _SAY_S and not self._has_said_waiting:
            self._has_said_waiting = True
            self._progress.say("no node of the Ray cluster has room for a trial: waiting for one")
        if waited > _PATIENCE_S:
            message = f"no node of the Ray cluster has had room for a trial for {waited:.0f} s"
            folder = os.path.relpath(self._sweep.folder)
            fix = f"nothing is lost; when it has room: lighter sweep {folder} --ray ADDRESS"
            raise SweepError(Finding(message=message, fix=fix))

    def _must_stop(self) -> bool:
        """Return whether no worker may start; pass an interrupt on to the workers, through the folder."""
        if self._num_interrupts > self._num_heeded:
            self._num_heeded = self._num_interrupts
            is_first = self._num_interrupts == 1
            write_atomically(self._sweep.folder / STOP_FILE, "" if is_first else "now")
            text = "stopping: running trials save a checkpoint and end after their batch"
            self._progress.say(text if is_first else "ending the running trials")
        wanted = self._sweep.wanted_stop()
        if wanted == "now" and self._stops_at == math.inf:
            self._stops_at = time.monotonic() + _GRACE_S
        return wanted is not None

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Count Ctrl-C and SIGTERM; the third ends this process as it does elsewhere."""

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            self._num_interrupts += 1
            if self._num_interrupts > 2:
                raise KeyboardInterrupt

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            with suppress(OSError):
                self._progress.end(self._sweep)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "rror" in line.partition(" ")[0]]
    return (errors or lines or [""])[-1][:300]
