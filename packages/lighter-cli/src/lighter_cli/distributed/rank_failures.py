"""The ranks of a run end together: when one fails, the others stop, and rank zero says which and why.

Lightning leaves that to the collectives, which fail with a message about a closed connection or wait for half an hour,
and to a thread that kills rank zero, whose record then goes on saying that it runs.
"""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any

import psutil
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.distributed import DistNetworkError, Store  # type: ignore[attr-defined]
from torch.distributed.distributed_c10d import _get_default_store

from lighter_cli.errors import RankError
from lighter_config import Finding

_logger = logging.getLogger(__name__)

_POLL_S = 0.5
_STUCK_S = 10.0  # how long a rank may go on without one that failed: some collectives wait for it for half an hour
_SAVING_S = 600.0  # the same while callbacks save what they can
_FIRST_FAILURE = "lighter/first_failure"


@contextmanager
def ending_together(
    trainer: Trainer, checkpoint: str | None, *, abandon: Callable[[Exception], None]
) -> Iterator[None]:
    """End this rank when another one fails, and the others when this one does.

    Args:
        trainer: The trainer that runs inside.
        checkpoint: What this rank starts from, on which all must agree.
        abandon: Called with the error when this process waits for a rank that is gone, and has to end by force.

    Raises:
        RankError: In rank zero: another rank failed.
        SystemExit: In the others: a third one failed.
    """
    launcher = trainer.strategy.launcher
    if not isinstance(launcher, _SubprocessScriptLauncher):  # one process, or spawned ones, which their parent ends
        yield
        return
    ranks = _Ranks(launcher, trainer.global_rank, checkpoint, abandon)
    # Lightning's broadcasts in the middle of whatever the ranks exchange, and they wait for each other for ever
    trainer._signal_connector._sigterm_notifier_fn = partial(ranks.on_sigterm, trainer)  # type: ignore[method-assign]  # noqa: SLF001
    trainer.callbacks.insert(0, ranks)  # type: ignore[attr-defined]  # it tells the others before a callback waits for them
    try:
        with ranks.watched(), _finishing_although_told_again(ranks):
            yield
    except BaseException as error:
        meant = ranks.meaning_of(error)
        ranks.end_children()
        if meant is error:
            raise
        raise meant from error


@contextmanager
def _finishing_although_told_again(ranks: "_Ranks") -> Iterator[None]:
    """Close the record first when this rank is ending already: a launcher ends all ranks as soon as one has failed."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def end(*_: object) -> None:
        # Lightning calls this after its own; without that, a rank ends at once unless it is ending
        if signal.getsignal(signal.SIGTERM) is end and not ranks.is_ending:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # and not after an error: it stands until the process has ended


class _Ranks(Callback):
    """Tell the other ranks of a failure here and hear of theirs, at the store where they met and from children."""

    def __init__(
        self,
        launcher: _SubprocessScriptLauncher,
        rank: int,
        checkpoint: str | None,
        abandon: Callable[[Exception], None],
    ) -> None:
        self._launcher = launcher
        self._rank = rank
        self._checkpoint = checkpoint
        self._abandon = abandon
        self._children: Sequence[subprocess.Popen[bytes]] = ()
        self._store: Store | None = None
        self.is_ending = False
        self._is_told_to_end = False
        self._has_ended = threading.Event()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Meet the others, who may have looked for a checkpoint on another machine.

        Raises:
            RankError: They found another one.
        """
        self._store = _get_default_store()
        found = trainer.strategy.broadcast(self._checkpoint)
        if found != self._checkpoint:
            raise RankError(
                Finding(
                    message=f"rank {self._rank} starts from {self._checkpoint!r}, rank 0 from {found!r}",
                    expected=("one checkpoint for all ranks",),
                    fix="name a file that all machines see: --ckpt-path FILE",
                )
            )

    def on_sigterm(self, trainer: Trainer, signum: int, frame: FrameType | None) -> None:
        """Remember that this rank was told to end, and tell those that it started."""
        self._is_told_to_end = True
        if not trainer.training:  # each rank has its own number of batches; Lightning's loops look for this after each
            trainer._signal_connector.received_sigterm = True  # noqa: SLF001
        self._launcher.kill(signal.SIGTERM)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """End in all ranks after the same batch, so that what is saved then is saved by all.

        Raises:
            SIGTERMException: One of the ranks was told to end.
        """
        if trainer.strategy.reduce_boolean_decision(self._is_told_to_end, all=False):
            raise SIGTERMException

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Tell the others, unless they have been told of an earlier failure."""
        self.is_ending = True
        if self._store is None or not isinstance(exception, Exception) or self._ended_child(wait_s=_POLL_S):
            return
        with suppress(DistNetworkError):  # the store ends with rank zero, whose own error came first then
            text = f"{self._rank} {type(exception).__name__}: {exception}"
            self._store.compare_set(_FIRST_FAILURE, "", text)

    def meaning_of(self, error: BaseException) -> BaseException:
        """Return what ended this rank: its own error, or what another rank did before, of which it is a consequence."""
        if not isinstance(error, Exception):
            return error
        _, returncode = self._ended_child() or (0, 0)
        if self._is_told_to_end and returncode in (-signal.SIGTERM, 128 + signal.SIGTERM):
            return SIGTERMException()  # those that this rank started were told too, and were the first to end
        failure = self.failure_of_another()
        if failure is None:
            return error
        return failure if self._rank == 0 else SystemExit(1)

    def failure_of_another(self) -> RankError | None:
        """Say which other rank failed before this one; ``None`` when none did, as far as can be known here."""
        ended, told = self._ended_child(), self._first_failure()
        if ended is not None and ended[1] < 0:
            return _killed(ended[0], signal.Signals(-ended[1]).name)
        if told is None and ended is not None:
            told = ended[0], f"it ended with exit code {ended[1]}"
        if told is None or told[0] == self._rank:
            return None
        return RankError(Finding(message=f"rank {told[0]} failed: {told[1]}"))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the others while this rank runs."""
        thread = threading.Thread(target=self._watch, name="lighter-ranks", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._has_ended.set()
            thread.join()

    def end_children(self) -> None:
        """Wait for the ranks that this process started to say what is wrong with them; end those that are stuck."""
        first = self._first_failure()
        is_own = first is not None and first[0] == self._rank
        end = time.monotonic() + (_POLL_S if is_own else _STUCK_S)
        for child in self._children:
            try:
                child.wait(max(end - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                _kill_below(child.pid)
                child.kill()

    def _watch(self) -> None:
        while not self._has_ended.wait(_POLL_S):
            self._take_over_children()
            failure = self.failure_of_another()
            if failure is None:
                continue
            end = time.monotonic() + _STUCK_S
            while not self._has_ended.wait(_POLL_S):
                if time.monotonic() > end + _SAVING_S * self.is_ending:
                    self._end_by_force(failure)
            return

    def _take_over_children(self) -> None:
        """Take the children from Lightning's observer, which would kill this process when one of them fails."""
        observed = self._launcher.procs
        if observed and not self._children:
            self._children = self._launcher.procs = list(observed)
            observed.clear()

    def _first_failure(self) -> tuple[int, str] | None:
        """Return the rank that told of a failure first, and its error."""
        with suppress(DistNetworkError):
            if self._store is not None and self._store.check([_FIRST_FAILURE]):
                rank, text = self._store.get(_FIRST_FAILURE).decode().split(" ", 1)
                return int(rank), text
        return None

    def _ended_child(self, wait_s: float = 0) -> tuple[int, int] | None:
        """Return rank and exit code of a child that failed; its sockets close a moment before it has ended."""
        end = time.monotonic() + wait_s
        while True:
            for number, child in enumerate(self._children, start=1):
                if child.poll():
                    return self._rank + number, child.returncode
            if not self._children or time.monotonic() >= end:
                return None
            time.sleep(_POLL_S / 10)

    def _end_by_force(self, failure: RankError) -> None:
        if self._rank == 0:
            _logger.error("%s", failure)
        self._abandon(failure)
        _kill_below(os.getpid())
        os._exit(1)


def _killed(rank: int, by: str) -> RankError:
    fix = "look for what killed it: often the machine ran out of memory" if by == "SIGKILL" else ""
    return RankError(Finding(message=f"rank {rank} was ended by {by}", fix=fix))


def _kill_below(pid: int) -> None:
    """Kill what a process has started: the workers of its loaders would be left over when it ends by force."""
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()
