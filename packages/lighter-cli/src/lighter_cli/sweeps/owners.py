"""Who works on a trial: ``owner.json`` names the process, and whether it still runs is seen from outside."""

import json
import os
import secrets
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lighter_cli.atomic_files import write_atomically
from lighter_cli.runs.environment import is_gone, this_process
from lighter_cli.sweeps.layout import read_json

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
    write_atomically(folder / OWNER_FILE, json.dumps({**this_process(), "claim": name, **facts}, indent=1))
    return name


def take_over_claim(folder: Path, name: str) -> bool:
    """Become the owner of a trial that the parent has claimed; return whether the claim still holds."""
    owner = read_owner(folder)
    if owner is None or owner.get("claim") != name:
        return False
    write_atomically(folder / OWNER_FILE, json.dumps({**owner, **this_process()}, indent=1))
    return True


def release(folder: Path) -> None:
    """Note that the owner of a trial was told to stop, so that its end says nothing about the trial."""
    if owner := read_owner(folder):
        write_atomically(folder / OWNER_FILE, json.dumps({**owner, "released": True}, indent=1))


def end_claim(folder: Path) -> None:
    """Note that the owner of a trial is gone, for processes on other hosts, which cannot see that."""
    if owner := read_owner(folder):
        write_atomically(folder / OWNER_FILE, json.dumps({**owner, "ended": True}, indent=1))


def read_owner(folder: Path) -> dict[str, Any] | None:
    """Return who claimed a trial last; ``None`` if nobody did, or the file is damaged."""
    owner = read_json(folder / OWNER_FILE)
    return owner if owner is not None and {"host", "pid", "created"} <= owner.keys() else None


def is_at_work(folder: Path, owner: Mapping[str, Any]) -> bool:
    """Return whether the owner of a trial still runs; one on another host must have touched its file lately."""
    if owner.get("ended", False):
        return False
    if owner["host"] == socket.gethostname():
        return not is_gone(owner)
    with suppress(OSError):
        return time.time() - (folder / OWNER_FILE).stat().st_mtime < _SILENT_S
    return False


def touch(folder: Path) -> None:
    """Show processes on other hosts that the owner still runs."""
    with suppress(OSError):
        os.utime(folder / OWNER_FILE)
