"""Describe what a run runs on: versions, commit, process. Tell whether that process still runs."""

import os
import platform
import re
import socket
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import psutil

from lighter_cli.code.packages import installed_packages

_DISTRIBUTIONS = (
    "lighter-cli",
    "lighter-config",
    "lighter-core",
    "torch",
    "pytorch-lightning",
    "torchmetrics",
    "sparkwheel",
)
_OPTIONAL = ("lightning",)  # holds a copy of PyTorch Lightning, see `lightning_package`
LOG_VARIABLE = "LIGHTER_JOB_LOG"
"""In a job that Lighter submitted: the file with what the job prints."""
_SAME_PROCESS_S = 10.0  # two readings of one start time may differ by this: the clock may be set in between


def versions() -> dict[str, str]:
    """Return the versions that results depend on; torch with its build, such as ``2.15.0+cu132``."""
    installed: dict[str, str] = {}
    for _, name, number in installed_packages():  # in a tenth of the time of `version`
        installed.setdefault(name, number)
    found = {name: installed.get(name) or _version(name) for name in (*_DISTRIBUTIONS, *_OPTIONAL)}
    known = {name: number or "unknown" for name, number in found.items() if number or name in _DISTRIBUTIONS}
    return {"python": platform.python_version(), **known, "torch": _torch_build() or known["torch"]}


def _version(name: str) -> str | None:
    """Return the version of a distribution whose folder does not tell it; ``None`` if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:  # such as a source tree that was never installed
        return None


def _torch_build() -> str | None:
    """Read ``torch.__version__`` without importing torch: its metadata omit the CUDA version of the default build."""
    try:
        text = Path(str(distribution("torch").locate_file("torch/version.py"))).read_text(encoding="utf-8")
    except (PackageNotFoundError, OSError):
        return None
    found = re.search(r"^__version__ = '(.+)'$", text, re.MULTILINE)
    return found[1] if found else None


def gpu_driver(file: Path = Path("/proc/driver/nvidia/version")) -> str | None:
    """Return the version of the NVIDIA driver, from the file in which it tells it; ``None`` without one."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    found = re.search(r"\b\d+\.\d+(\.\d+)?\b", text)
    return found[0] if found else None


def this_process() -> dict[str, Any]:
    """Return what identifies this process among all others: host, process id, start time and SLURM job."""
    own = {"host": socket.gethostname(), "pid": os.getpid(), "created": psutil.Process().create_time()}
    log = {"slurm_log": os.environ[LOG_VARIABLE]} if LOG_VARIABLE in os.environ else {}
    return {**own, "slurm_job": slurm_job(os.environ), **log}


def slurm_restarts(variables: Mapping[str, str]) -> int:
    """Return how often SLURM has restarted the job."""
    return int(variables.get("SLURM_RESTART_COUNT", "0"))


def slurm_job(variables: Mapping[str, str]) -> str | None:
    """Return the name that SLURM gives the job: its number, with the number of the task in an array.

    >>> slurm_job({"SLURM_JOB_ID": "18", "SLURM_ARRAY_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": "3"})
    '17_3'
    """
    if "SLURM_ARRAY_JOB_ID" in variables:
        return f"{variables['SLURM_ARRAY_JOB_ID']}_{variables['SLURM_ARRAY_TASK_ID']}"
    return variables.get("SLURM_JOB_ID")


def is_gone(process: Mapping[str, Any]) -> bool:
    """Return whether a process has ended; one on another host counts as running."""
    if process["host"] != socket.gethostname():
        return False
    try:
        found = psutil.Process(process["pid"])
        created, has_ended = found.create_time(), found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    is_another = abs(created - process["created"]) > _SAME_PROCESS_S  # the process id was reused
    return bool(has_ended or is_another)
