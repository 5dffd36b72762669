"""What a run ran on: versions, commit, process; and whether that process still lives."""

import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil

_DISTRIBUTIONS = (
    "lighter-cli",
    "lighter-config",
    "lighter-core",
    "torch",
    "pytorch-lightning",
    "torchmetrics",
    "sparkwheel",
)
_SAME_PROCESS_S = 1.0  # how far two readings of one process's start may differ


def versions() -> dict[str, str]:
    """Return the version of Python and of what numbers depend on."""
    found = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that was never installed
            found[name] = "unknown"
    return found


def git_state() -> dict[str, Any] | None:
    """Return commit and whether the tree differs from it; ``None`` outside a repository or without git."""
    if shutil.which("git") is None:
        return None
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if commit.returncode != 0:
        return None
    status = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=False)
    return {"commit": commit.stdout.strip(), "dirty": bool(status.stdout.strip())}


def this_process() -> dict[str, Any]:
    """Return what identifies this process among all that ever ran: its host, number and start."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "created": psutil.Process().create_time()}


def is_gone(process: Mapping[str, Any]) -> bool:
    """Say whether a process has ended; of one on another host nobody here can tell, so it counts as alive."""
    if process["host"] != socket.gethostname():
        return False
    try:
        created = psutil.Process(process["pid"]).create_time()
    except psutil.NoSuchProcess:
        return True
    return bool(abs(created - process["created"]) > _SAME_PROCESS_S)  # else another process has the number now
