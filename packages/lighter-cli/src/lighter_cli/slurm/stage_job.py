"""Run a stage of an experiment as a SLURM job, with the config and the code as they are when it is submitted."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lighter_cli.errors import SlurmError
from lighter_cli.running.preparation import Prepared, checks_for, prepare
from lighter_cli.running.start_checkpoint import start_checkpoint
from lighter_cli.runs.frozen import CODE, config_text, freeze_code, keep_config
from lighter_cli.runs.inputs import recorded_runs
from lighter_cli.slurm.jobs import log_of, submit
from lighter_cli.slurm.settings import SECTION, read_settings, require_slurm
from lighter_cli.slurm.tasks import RankTask
from lighter_config import RECORDED_CONFIG, Config, FileSource, Finding, Stage, as_recorded

FOLDER = "lighter_jobs"
_OWNER = "a job"
_SIGNAL = signal.SIGUSR1  # what a stage in a SLURM job listens to, see `distributed.slurm_requeue`


@dataclass(frozen=True, slots=True)
class StageJob:
    """A stage that was submitted.

    Attributes:
        name: The name of the job.
        folder: The folder of its script, config and logs.
    """

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        """The file with what its first process prints."""
        return log_of(self.folder, self.name)


def submit_stage(
    stage: Stage, config: Config, options: Sequence[str], *, ckpt_path: str | None, **checks: Any
) -> StageJob:
    """Check an experiment, and submit one of its stages as a job that requeues itself when its time is over.

    Args:
        stage: The stage.
        config: The whole config.
        options: Further words of the command.
        ckpt_path: What ``--ckpt-path`` says; it is looked up now.
        checks: ``check_first``, ``safe`` and ``allow`` of ``prepare``.

    Raises:
        ConfigError: The config has errors.
        SlurmError: SLURM is not here, or it refuses the job.
    """
    require_slurm()
    runs = recorded_runs(config)
    prepared = prepare(config, stage, checks=checks_for(ckpt_path, runs), **checks)
    settings = read_settings(config)
    devices, given = _devices(prepared.config, settings)
    num_nodes = _num_nodes(prepared.config, settings)
    checkpoint = start_checkpoint(prepared.config, stage, option=ckpt_path, runs=runs)
    folder = _make_folder(config, stage)
    try:
        words = [stage.value, str(folder / RECORDED_CONFIG), *_freeze(config, prepared, folder), *given, *options]
        words += [] if checkpoint is None else ["--ckpt-path", _absolute(checkpoint)]
        command = [sys.executable, "-P", "-m", "lighter_cli", *words, "--no-check"]
        further = {**settings.pop("additional_parameters", {}), "signal": f"USR1@{settings['signal_delay_s']}"}
        own = {"name": folder.name, "nodes": num_nodes, "tasks_per_node": devices, "additional_parameters": further}
        task = RankTask(command, Path.cwd(), _SIGNAL)
        (job,) = submit([task], folder, {**settings, **own})
    except BaseException:
        shutil.rmtree(folder)
        with suppress(OSError):
            folder.parent.rmdir()
        raise
    return StageJob(job, folder)


def _freeze(config: Config, prepared: Prepared, folder: Path) -> list[str]:
    """Keep the config and the code; return the words that let the stage use that code."""
    config_text(config, _OWNER)  # refuses a secret, which is masked below
    keep_config(folder, as_recorded(config, seed=prepared.seed, seed_from=prepared.seed_from), _OWNER)
    code = freeze_code(config, folder / CODE)
    return [] if code.project is None else [f"project={code.project}"]


def _devices(config: Config, settings: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Return the processes on each node, and the words that tell the trainer if it does not say so itself."""
    devices = config.expanded().get("trainer::devices", "auto")
    if isinstance(devices, list):
        return len(devices), []
    if devices in ("auto", -1, "-1"):
        number = settings.get("gpus_per_node") or 1
        return number, [f"trainer::devices={number}"]
    return _whole(config, "trainer::devices", devices), []


def _num_nodes(config: Config, settings: Mapping[str, Any]) -> int:
    num_nodes = _whole(config, "trainer::num_nodes", config.expanded().get("trainer::num_nodes", 1))
    if settings.get("nodes", num_nodes) != num_nodes:
        path = f"{SECTION}::nodes"
        message = f"{path} is {settings['nodes']}, but trainer::num_nodes is {num_nodes}"
        fix = f"remove {path}, or set trainer::num_nodes={settings['nodes']}"
        raise SlurmError(Finding(message=message, path=path, place=config.place(path), fix=fix))
    return num_nodes


def _whole(config: Config, path: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str) and value.isdecimal() and int(value) > 0:
        return int(value)
    if isinstance(value, str) and value[:1] in "@$":
        value = config.resolve(path)
        if isinstance(value, int) and value > 0:
            return value
    raise SlurmError(
        Finding(
            message=f"{path} must be a whole number for a job, is {value!r}",
            path=path,
            place=config.place(path),
            excerpt=config.excerpt(path),
            fix=f"set {path}=1",
        )
    )


def _make_folder(config: Config, stage: Stage) -> Path:
    stem = next((source.path.stem for source in config.sources if isinstance(source, FileSource)), "run")
    name = f"{stem}-{stage}-{datetime.now().astimezone():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = Path.cwd() / FOLDER / name
    folder.mkdir(parents=True)
    return folder


def _absolute(checkpoint: str) -> str:
    return checkpoint if "://" in checkpoint else os.path.abspath(checkpoint)  # noqa: PTH100  # keeps links
