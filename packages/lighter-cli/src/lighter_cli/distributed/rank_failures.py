"""End the ranks of a run together: when one fails, the others stop, and rank zero says which one and why.

Lightning leaves this to the collectives, which fail with a message about a closed connection or wait for half an hour,
and to a thread that kills rank zero, whose record then says "running" forever.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

import psutil
from torch.distributed import DistError, Store  # type: ignore[attr-defined]

from lighter_cli.errors import RankError
from lighter_cli.lightning_internals import (
    ChildRanks,
    child_ranks,
    process_group_store,
    replace_sigterm_handler,
    set_received_sigterm,
)
from lighter_cli.lightning_package import class_beside, derived
from lighter_cli.runs.environment import is_gone, this_process
from lighter_cli.terminal.argument_names import spelled
from lighter_config import Finding

if TYPE_CHECKING:
    from pytorch_lightning import Callback, LightningModule, Trainer
else:
    Callback = object  # `derived` adds that of the trainer's package

_logger = logging.getLogger(__name__)

_POLL_S = 0.5
_STUCK_S = 10.0  # how long a rank may run after another failed: some collectives wait half an hour for it
_SAVING_S = 600.0  # the same while callbacks save what they can
_FIRST_FAILURE = "lighter/first_failure"
_PARENT_VARIABLE = "LIGHTER_PARENT_RANK"


@contextmanager
def ending_together(
    trainer: Trainer, checkpoint: str | None, *, abandon: Callable[[Exception], None]
) -> Iterator[None]:
    """End this rank when another one fails, and the others when this one fails.

    Args:
        trainer: The trainer that runs inside.
        checkpoint: The checkpoint that this rank starts from; all ranks must agree on it.
        abandon: Called with the error when this process is stuck waiting for a failed rank and must be killed.

    Raises:
        RankError: In rank zero: another rank failed.
        SystemExit: In the other ranks: a third rank failed.
    """
    children = child_ranks(trainer)
    if children is None:
        yield
        return
    sigterm = class_beside(trainer, "utilities.exceptions.SIGTERMException")
    ranks = derived(_Ranks, trainer, "Callback")(children, trainer.global_rank, checkpoint, abandon, sigterm)
    replace_sigterm_handler(trainer, partial(ranks.on_sigterm, trainer))
    trainer.callbacks.insert(0, ranks)  # type: ignore[attr-defined]  # tell the other ranks before a callback waits for them
    try:
        with _known_to_children(), ranks.watched(), _ignoring_second_sigterm(ranks):
            yield
    except BaseException as error:
        cause = ranks.cause_of(error)
        ranks.end_children()
        if cause is error:
            raise
        raise cause from error


@contextmanager
def _known_to_children() -> Iterator[None]:
    """Tell the ranks that Lightning starts inside which process is rank zero: it may die before they look."""
    if os.environ.get("LOCAL_RANK", "0") != "0":
        yield
        return
    before = os.environ.get(_PARENT_VARIABLE)
    os.environ[_PARENT_VARIABLE] = json.dumps(this_process())
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_PARENT_VARIABLE, None)
        else:
            os.environ[_PARENT_VARIABLE] = before


@contextmanager
def _ignoring_second_sigterm(ranks: _Ranks) -> Iterator[None]:
    """Ignore a SIGTERM while this rank shuts down, so that its record is closed.

    A launcher sends one to all ranks as soon as one has failed.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def end(*_: object) -> None:
        # Lightning calls this after its own handler. Unless this rank shuts down, it must end at once.
        if signal.getsignal(signal.SIGTERM) is end and not ranks.is_ending:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not after an error: then `end` stays until the process ends


class _Ranks(Callback):
    """Tell the other ranks of a failure here, and learn of theirs from the store that all met at and from children.

    Args:
        children: The ranks that this process starts.
        rank: The global rank of this process.
        checkpoint: The checkpoint that this rank starts from.
        abandon: Called with the error before this process kills itself.
        sigterm: What Lightning raises after a SIGTERM.
    """

    def __init__(
        self,
        children: ChildRanks,
        rank: int,
        checkpoint: str | None,
        abandon: Callable[[Exception], None],
        sigterm: type[BaseException],
    ) -> None:
        self._children = children
        self._rank = rank
        self._checkpoint = checkpoint
        self._abandon = abandon
        self._sigterm = sigterm
        is_child = os.environ.get("LOCAL_RANK", "0") != "0"
        self._parent: Mapping[str, Any] | None = (
            json.loads(os.environ.get(_PARENT_VARIABLE, "null")) if is_child else None
        )
        self._store: Store | None = None
        self.is_ending = False
        self._has_received_sigterm = False
        self._has_ended = threading.Event()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Meet the other ranks and compare checkpoints: a rank on another machine may have found another one.

        Raises:
            RankError: Rank zero found another checkpoint.
        """
        self._store = process_group_store()
        expected = trainer.strategy.broadcast(self._checkpoint)
        if expected != self._checkpoint:
            raise RankError(
                Finding(
                    message=f"rank {self._rank} starts from {self._checkpoint!r}, rank 0 from {expected!r}",
                    expected=("one checkpoint for all ranks",),
                    fix=f"name a file that all machines see: {spelled('--ckpt-path FILE', 'ckpt_path=FILE')}",
                )
            )

    def on_sigterm(self, trainer: Trainer, signum: int, frame: FrameType | None) -> None:
        """Remember the SIGTERM, and send it to the ranks that this process started."""
        self._has_received_sigterm = True
        if not trainer.training:  # ranks have different numbers of evaluation batches: each stops after its own batch
            set_received_sigterm(trainer)
        self._children.send(signal.SIGTERM)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop all ranks after the same batch, so that all of them save a checkpoint together.

        Raises:
            SIGTERMException: One of the ranks received a SIGTERM.
        """
        if trainer.strategy.reduce_boolean_decision(self._has_received_sigterm, all=False):
            raise self._sigterm

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Let the parent end first from here on."""
        self._parent = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Tell the other ranks, unless one of them failed earlier."""
        self.is_ending = True
        if self._store is None or not isinstance(exception, Exception) or self._ended_child(wait_s=_POLL_S):
            return
        # the store ends with rank zero, so rank zero failed first; and nothing here may hide the error of this rank
        with suppress(Exception):
            text = f"{self._rank} {type(exception).__name__}: {exception}"
            self._store.compare_set(_FIRST_FAILURE, "", text)

    def cause_of(self, error: BaseException) -> BaseException:
        """Return why this rank ends: its own error, or the earlier failure of another rank that led to it."""
        if not isinstance(error, Exception):
            return error
        _, returncode = self._ended_child() or (0, 0)
        if self._has_received_sigterm and returncode in (-signal.SIGTERM, 128 + signal.SIGTERM):
            return self._sigterm()  # the children got the SIGTERM too, and ended first
        failure = self.failure_of_another()
        if failure is None:
            return error
        return failure if self._rank == 0 else SystemExit(1)

    def failure_of_another(self) -> RankError | None:
        """Return the failure of a rank that failed before this one; ``None`` if this rank knows of none."""
        ended, failure = self._ended_child(), self._first_failure()
        if ended is not None and ended[1] < 0:
            return _killed(ended[0], signal.Signals(-ended[1]).name)
        if failure is None and ended is not None:
            failure = ended[0], f"it ended with exit code {ended[1]}"
        if failure is None and self._parent is not None and is_gone(self._parent):
            # a rank that comes late would look for rank zero for half an hour
            failure = 0, "its process is gone"
        if failure is None or failure[0] == self._rank:
            return None
        return RankError(Finding(message=f"rank {failure[0]} failed: {failure[1]}"))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the other ranks while this rank runs."""
        thread = threading.Thread(target=self._watch, name="lighter-ranks", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._has_ended.set()
            thread.join()

    def end_children(self) -> None:
        """Wait until the ranks that this process started have reported their errors; kill those that are stuck."""
        failure = self._first_failure()
        is_own = failure is not None and failure[0] == self._rank
        end = time.monotonic() + (_POLL_S if is_own else _STUCK_S)
        for child in self._children.processes:
            try:
                child.wait(max(end - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                _kill_descendants(child.pid)
                child.kill()

    def _watch(self) -> None:
        while not self._has_ended.wait(_POLL_S):
            self._children.take()
            failure = self.failure_of_another()
            if failure is None:
                continue
            end = time.monotonic() + _STUCK_S
            while not self._has_ended.wait(_POLL_S):
                if time.monotonic() > end + _SAVING_S * self.is_ending:
                    self._kill_this_process(failure)
            return

    def _first_failure(self) -> tuple[int, str] | None:
        """Return the rank that reported a failure first, and its error."""
        with suppress(DistError):
            if self._store is not None and self._store.check([_FIRST_FAILURE]):
                rank, text = self._store.get(_FIRST_FAILURE).decode().split(" ", 1)
                return int(rank), text
        return None

    def _ended_child(self, wait_s: float = 0) -> tuple[int, int] | None:
        """Return rank and exit code of a child that failed; wait, because its sockets close before it has ended."""
        end = time.monotonic() + wait_s
        while True:
            for number, child in enumerate(self._children.processes, start=1):
                if child.poll():
                    return self._rank + number, child.returncode
            if not self._children.processes or time.monotonic() >= end:
                return None
            time.sleep(_POLL_S / 10)

    def _kill_this_process(self, failure: RankError) -> None:
        if self._rank == 0:
            _logger.error("%s", failure)
        self._abandon(failure)
        _kill_descendants(os.getpid())
        os._exit(1)


def _killed(rank: int, signal_name: str) -> RankError:
    fix = "look for what killed it: often the machine ran out of memory" if signal_name == "SIGKILL" else ""
    return RankError(Finding(message=f"rank {rank} was ended by {signal_name}", fix=fix))


def _kill_descendants(pid: int) -> None:
    """Kill what a process has started: the workers of its loaders would outlive a killed process."""
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()
