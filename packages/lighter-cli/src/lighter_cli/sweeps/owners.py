"""Who works on a trial: ``owner.json`` names the process, and whether it still runs is seen from outside."""

import json
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lighter_cli.atomic_files import write_atomically
from lighter_cli.runs.environment import is_gone, slurm_restarts, this_process
from lighter_cli.runs.trial import Trial
from lighter_cli.sweeps.layout import LOCK_FILE, read_json

_logger = logging.getLogger(__name__)

OWNER_FILE = "owner.json"
CLAIM_VARIABLE = "LIGHTER_TRIAL_CLAIM"
TOUCH_S = 20.0
_SILENT_S = 300.0  # an owner on another host shows that it runs by touching its file


def claim(folder: Path, **facts: Any) -> str:
    """Claim a trial for this process, which starts another one for it; call it under the lock of the sweep.

    Args:
        folder: The folder of the trial or of its repeat.
        facts: What else to keep.

    Returns:
        The name of the claim: its process proves with it that nobody has claimed the trial since.
    """
    name = secrets.token_hex(8)
    # of the worker alone: a trial does not inherit what SLURM says about the ranks of the job
    own = {"process_ids": _process_ids(), "claim": name, "slurm_restarts": slurm_restarts(os.environ)}
    write_atomically(folder / OWNER_FILE, json.dumps({**this_process(), **own, **facts}, indent=1))
    return name


def take_over_claim(folder: Path, name: str) -> bool:
    """Become the owner of a trial that the parent has claimed; return whether the claim still holds.

    The parent may have given it up: it was interrupted while it started this process.
    """
    owner = read_owner(folder)
    if owner is None or owner.get("claim") != name or owner.get("released", False):
        return False
    content = {**owner, **this_process(), "process_ids": _process_ids()}
    write_atomically(folder / OWNER_FILE, json.dumps(content, indent=1))
    return True


def release(folder: Path) -> None:
    """Note that the owner of a trial was told to stop, so that its end says nothing about the trial.

    If that is still this process, there is no other one yet, and the trial is free at once.
    """
    if owner := read_owner(folder):
        ended = {"ended": True} if is_here(owner) and owner["pid"] == os.getpid() else {}
        write_atomically(folder / OWNER_FILE, json.dumps({**owner, "released": True, **ended}, indent=1))


def end_claim(folder: Path) -> None:
    """Note that the owner of a trial is gone, for processes on other hosts, which cannot see that."""
    if owner := read_owner(folder):
        write_atomically(folder / OWNER_FILE, json.dumps({**owner, "ended": True}, indent=1))


def read_owner(folder: Path) -> dict[str, Any] | None:
    """Return who claimed a trial last; ``None`` if nobody did, or the file is damaged."""
    owner = read_json(folder / OWNER_FILE)
    return owner if owner is not None and {"host", "pid", "created"} <= owner.keys() else None


def is_here(owner: Mapping[str, Any]) -> bool:
    """Return whether the process id of an owner means the same process here.

    Containers on one machine may share its name, and each may have process ids of its own.
    """
    return owner["host"] == socket.gethostname() and owner.get("process_ids", "") in ("", _process_ids())


def is_at_work(folder: Path, owner: Mapping[str, Any]) -> bool:
    """Return whether the owner of a trial still runs; one that is not here must have touched its file lately."""
    if owner.get("ended", False):
        return False
    if is_here(owner):
        return not is_gone(owner)
    with suppress(OSError):
        return _time_of_disk(folder) - (folder / OWNER_FILE).stat().st_mtime < _SILENT_S
    return False


def keep_claim(folder: Path, name: str) -> None:
    """Show processes on other hosts that this one works on a trial; end this one when another has taken it over.

    A thread does that, as a batch, a validation or the start of a loader may take longer than the others wait. A host
    that was cut off for that long loses its trial.
    """
    threading.Thread(target=_keep, args=(folder, name), name="lighter-claim", daemon=True).start()


def is_taken_over(folder: Path, name: str) -> bool:
    """Return whether another process has claimed a trial since."""
    owner = read_owner(folder)
    return owner is not None and owner.get("claim") != name


def touch(folder: Path) -> None:
    """Show processes on other hosts that the owner of a trial still runs."""
    with suppress(OSError):
        os.utime(folder / OWNER_FILE)


def is_touch_due(last: float) -> bool:
    """Return whether to touch a file again that was touched at a time of ``time.monotonic``."""
    return time.monotonic() - last > TOUCH_S


def _keep(folder: Path, name: str) -> None:
    while True:
        time.sleep(TOUCH_S)
        if is_taken_over(folder, name):
            _logger.error("another process has taken this trial over")
            os.kill(os.getpid(), signal.SIGTERM)
            return
        touch(folder)


def _process_ids() -> str:
    """Return what names the process ids that this process sees: those of this boot, in its namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # only Linux has namespaces
        return ""


def _time_of_disk(folder: Path) -> float:
    """Return the time as the disk of a trial has it: the clock of a file server may differ from that of this host."""
    file = Trial(folder).sweep_folder / LOCK_FILE
    try:
        os.utime(file)
        return file.stat().st_mtime
    except OSError:  # somebody else's sweep
        return time.time()
