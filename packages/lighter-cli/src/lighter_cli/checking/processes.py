"""Share long work among forked processes, which have imported everything and read what their parent has read."""

import io
import os
import pickle
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

_MIN_ITEMS = 100
"""Items of one process; for fewer, starting it and reading the kept answers again takes as long as the work."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Sequence[Item]], list[Result]]


def shared(work: "Work[Item, Result]", items: Sequence[Item], *, num_processes: int | None = None) -> list[Result]:
    """Return the results of some work in the order of the items, done in several processes where that pays.

    What another process does not deliver, because it failed, was killed or had something to print, this one works out:
    so errors, and what is printed, are those of one process.

    Args:
        work: Returns the results of some items, one after another; it changes nothing that later work needs.
        items: What to work on.
        num_processes: How many processes share the work; by default one for each core, if there is enough to do.

    >>> shared(lambda numbers: [number * 2 for number in numbers], [1, 2, 3], num_processes=2)
    [2, 4, 6]
    """
    count = _suitable(len(items)) if num_processes is None else num_processes
    bounds = [len(items) * index // count for index in range(count + 1)]
    own, *others = [items[start:end] for start, end in pairwise(bounds)]
    children: list[_Child[Item, Result]] = []
    try:
        children = [_start(work, part) for part in others]
        results = work(own)
        for part, child in zip(others, children, strict=True):
            delivered = child.results()
            results += work(part) if delivered is None else delivered
        return results
    finally:
        for child in children:
            child.end()


def _suitable(num_items: int) -> int:
    """Return in how many processes to work: in one where forking is not safe, or nothing is gained."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return max(1, min(len(os.sched_getaffinity(0)), num_items // _MIN_ITEMS))


@dataclass(slots=True)
class _Child(Generic[Item, Result]):
    """A forked process.

    Attributes:
        pid: Its number; 0 when it has ended.
        reader: The end of the pipe through which the results come.
    """

    pid: int
    reader: int

    def results(self) -> list[Result] | None:
        """Wait for the results; ``None`` if the process ended without them."""
        with os.fdopen(self.reader, "rb") as stream:
            self.reader = -1
            content = stream.read()
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        results: list[Result] | None = pickle.loads(content) if status == 0 else None  # noqa: S301  # our own child's
        return results

    def end(self) -> None:
        """End the process if it still runs: the results of another one are an error."""
        if self.reader != -1:
            os.close(self.reader)
            self.reader = -1
        if self.pid:
            import signal  # which nothing else needs

            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0


def _start(work: "Work[Item, Result]", items: Sequence[Item]) -> "_Child[Item, Result]":
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writer)
        return _Child(pid, reader)
    status = 1
    try:
        os.close(reader)
        sys.stdout = sys.stderr = said = io.StringIO()
        content = pickle.dumps(work(items), pickle.HIGHEST_PROTOCOL)
        if not said.getvalue():
            with os.fdopen(writer, "wb") as stream:
                stream.write(content)
            status = 0
    finally:
        os._exit(status)
