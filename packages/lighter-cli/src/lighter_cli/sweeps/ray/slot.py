"""Run the worker of a slot, so that it ends when its actor ends, however that happens.

Run: python -P -m lighter_cli.sweeps.ray.slot FOLDER OPTIONS

An actor that ends kills its children at once (``RAY_kill_child_processes_on_worker_exit``), and their trials would run
on. So its child is this small process, and the worker is a child of that. Linux kills this process when the actor
ends, and sends the worker SIGTERM when this process ends: then the running trial saves a checkpoint and ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: Sequence[str]) -> None:
    """Start the worker, wait for it, and end as it does: after a signal with 128 and its number."""
    actor = os.getppid()
    _end_with_parent(signal.SIGKILL, actor)
    keeper = os.getpid()
    pid = os.fork()
    if pid == 0:
        _end_with_parent(signal.SIGTERM, keeper)
        from lighter_cli.sweeps.join import main as join  # imports Optuna, which the process that waits does not need

        join(arguments)
        return
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _end_with_parent(number: signal.Signals, parent: int) -> None:
    """Get a signal when the parent ends; systems without ``prctl`` do not know this."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it ended before that
        os.kill(os.getpid(), number)


if __name__ == "__main__":
    main(sys.argv[1:])
