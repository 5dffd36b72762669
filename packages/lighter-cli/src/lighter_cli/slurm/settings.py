"""Read what a job asks SLURM for: ``sweep::slurm`` of the config, in submitit's names."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from lighter_cli.errors import SlurmError
from lighter_config import Config, Finding, nearest_names

SECTION = "sweep::slurm"
SIGNAL_DELAY_S = 300
"""How long before its time is over a job is told to save; submitit's 90 s are short for a batch and a checkpoint."""

_NUMBERS = ("timeout_min", "nodes", "cpus_per_task", "gpus_per_node", "signal_delay_s", "array_parallelism")
_OURS = ("tasks_per_node", "ntasks_per_node", "signal", "stderr_to_stdout", "time", "num_gpus", "use_srun")
"""What follows from the command, or has another name among submitit's."""


def require_slurm() -> None:
    """Check that jobs can be submitted here.

    Raises:
        SlurmError: submitit is not installed, or SLURM's commands are not on the PATH.
    """
    if find_spec("submitit") is None:
        message = "jobs need submitit, which is not installed"
        raise SlurmError(Finding(message=message, fix="pip install 'lighter-cli[slurm]'"))
    for command in ("sbatch", "srun", "scontrol", "squeue", "scancel"):
        if shutil.which(command) is None:
            raise SlurmError(Finding(message=f"{command} is not here", fix="run this on a login node of the cluster"))


def read_settings(config: Config) -> dict[str, Any]:
    """Return what a job asks for, by submitit's names.

    Raises:
        SlurmError: A name is unknown, a value is wrong, or nothing says how long a job may run.
    """
    given = config.resolve(SECTION, default=None)
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise _wrong(
            config, SECTION, f"{SECTION} must be a mapping, is {given!r}", "{partition: gpu, timeout_min: 240}"
        )
    names = _names()
    for name in given:
        if name not in names:
            nearest = nearest_names(str(name), sorted(names))
            raise SlurmError(
                Finding(
                    message=f"{SECTION}::{name} is not a setting of a job",
                    path=f"{SECTION}::{name}",
                    place=config.place(f"{SECTION}::{name}"),
                    excerpt=config.excerpt(f"{SECTION}::{name}"),
                    expected=tuple(sorted(names)),
                    nearest=nearest,
                    fix=f"write {nearest[0]}" if nearest else "remove it, or pass it on under additional_parameters",
                )
            )
    settings = {"signal_delay_s": SIGNAL_DELAY_S, **{name: value for name, value in given.items() if value is not None}}
    for name in _NUMBERS:
        value = settings.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < (0 if name == "gpus_per_node" else 1):
            raise _wrong(config, f"{SECTION}::{name}", f"{SECTION}::{name} must be a whole number, is {value!r}", "")
    _check_time(config, settings)
    return settings


def _check_time(config: Config, settings: Mapping[str, Any]) -> None:
    if "timeout_min" not in settings:
        message = "nothing says how long a job may run"
        raise _wrong(config, SECTION, message, f"the minutes: {SECTION}::timeout_min=240")
    delay_s, minutes = settings["signal_delay_s"], settings["timeout_min"]
    if delay_s >= minutes * 60:
        path = f"{SECTION}::signal_delay_s"
        message = f"a job of {minutes} min would be told to save at once, {delay_s} s before its end"
        raise _wrong(config, path, message, f"less than {minutes * 60}: {path}={minutes * 30}")


def _names() -> set[str]:
    from submitit import AutoExecutor
    from submitit.slurm.slurm import SlurmExecutor

    return {*AutoExecutor._typed_parameters(), *SlurmExecutor._valid_parameters()} - {*_OURS}  # noqa: SLF001


def _wrong(config: Config, path: str, message: str, expected: str) -> SlurmError:
    is_there = config.has(path)
    return SlurmError(
        Finding(
            message=message,
            path=path,
            place=config.place(path) if is_there else None,
            excerpt=config.excerpt(path) if is_there else "",
            expected=(expected,) if expected else (),
        )
    )
