"""The jobs of a folder: submit them, keep their names, ask SLURM what became of them, cancel them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from lighter_cli.atomic_files import write_atomically
from lighter_cli.errors import SlurmError
from lighter_cli.slurm.settings import SECTION
from lighter_config import Finding

JOBS_FILE = "jobs.json"
RUNNING = "RUNNING"
PENDING = "PENDING"
_SEPARATOR = "|"
_FORMAT = _SEPARATOR.join(("%i", "%T", "%N", "%r"))
_MANY = 10**6  # submitit gives up after three requeues; a sweep ends by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """What SLURM says about a job that has not ended.

    Attributes:
        state: Its state, in SLURM's words: ``PENDING``, ``RUNNING``, ``COMPLETING`` and so on.
        nodes: Where it runs; empty while it waits.
        reason: Why it waits, in SLURM's words.
    """

    state: str
    nodes: str
    reason: str


def submit(tasks: Sequence[Callable[[], Any]], folder: Path, settings: Mapping[str, Any]) -> list[str]:
    """Submit each task as a job, several as one array, and keep their names in the folder.

    Args:
        tasks: What the jobs run, defined in this package: nothing else is pickled.
        folder: Where scripts, logs and names are.
        settings: What a job asks for, by submitit's names.

    Returns:
        The names of the jobs.

    Raises:
        SlurmError: SLURM refuses them; nothing of them is left.
    """
    import submitit
    from submitit.core.utils import FailedJobError

    generic = submitit.AutoExecutor._typed_parameters()  # noqa: SLF001
    parameters = {name if name in generic else f"slurm_{name}": value for name, value in settings.items()}
    parameters.pop("slurm_srun_args", None)
    before = set(folder.iterdir()) if folder.is_dir() else None
    said = StringIO()
    try:
        with redirect_stderr(said):  # submitit prints what sbatch says, too
            executor = submitit.AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=_MANY)
            executor.update_parameters(**parameters, slurm_srun_args=_srun_options(settings), stderr_to_stdout=True)
            jobs = executor.submit_array(tasks) if len(tasks) > 1 else [executor.submit(tasks[0])]
    except (FailedJobError, AssertionError, ValueError) as error:
        _remove_new(folder, before)
        raise _refused(str(error).strip() or said.getvalue().strip()) from error
    names = [str(job.job_id) for job in jobs]
    entries = [{"job": name, "cluster": cluster_name(), "uid": os.getuid()} for name in names]
    write_atomically(folder / JOBS_FILE, json.dumps({"jobs": [*_entries(folder), *entries]}, indent=1))
    return names


def _refused(said: str) -> SlurmError:
    """Return the error for a job that SLURM refuses: the last line of what it said is the reason, the rest a note."""
    reason = said.rpartition("\n")[2].removeprefix("sbatch: ").removeprefix("error: ").removeprefix("fatal: ")
    fix = f"correct {SECTION}, then run the command again; `sinfo` shows whether SLURM answers here"
    refused = SlurmError(Finding(message=f"SLURM refuses the job: {reason}", fix=fix))
    if "\n" in said:
        refused.add_note(said)
    return refused


def submitted_jobs(folder: Path) -> list[str]:
    """Return the names of the jobs that were submitted from a folder, oldest first.

    Only those of this user on this cluster: SLURM tells nothing about others, and their numbers may be the same.
    """
    entries = _entries(folder)
    own = {"cluster": cluster_name(), "uid": os.getuid()} if entries else {}
    return [entry["job"] for entry in entries if own.items() <= entry.items()]


def _entries(folder: Path) -> list[dict[str, Any]]:
    with suppress(OSError, ValueError):
        return list(json.loads((folder / JOBS_FILE).read_text(encoding="utf-8"))["jobs"])
    return []


def cluster_name() -> str | None:
    """Return what SLURM calls the cluster; ``None`` where it does not answer."""
    if name := os.environ.get("SLURM_CLUSTER_NAME"):
        return name
    with suppress(OSError):
        done = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "ClusterName":
                return value.strip()
    return None


def log_of(folder: Path, job: str, task: str | int = 0) -> Path:
    """Return the file with what a task of a job prints."""
    return folder / f"{job}_{task}_log.out"


def job_states() -> dict[str, JobState] | None:
    """Return what SLURM says about the jobs of this user that have not ended; ``None`` where it does not answer."""
    command = ["squeue", "--noheader", "--array", f"--user={os.getuid()}", f"--format={_FORMAT}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    if done.returncode:
        return None
    lines = (line.split(_SEPARATOR) for line in done.stdout.splitlines() if line.count(_SEPARATOR) == 3)
    return {name: JobState(state=state, nodes=nodes, reason=reason) for name, state, nodes, reason in lines}


def live_jobs(folder: Path) -> dict[str, JobState] | None:
    """Return the jobs of a folder that have not ended, oldest first; ``None`` where SLURM does not answer."""
    if not _entries(folder):
        return {}
    states = job_states()
    return None if states is None else {name: states[name] for name in submitted_jobs(folder) if name in states}


def cancel(names: Sequence[str], *, only_pending: bool = False) -> None:
    """Cancel jobs.

    Args:
        names: Their names.
        only_pending: Leave those alone that run by now.

    Raises:
        SlurmError: SLURM refuses.
    """
    if not names:
        return
    command = ["scancel", *(["--state=PENDING"] if only_pending else []), *names]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        problem = done.stderr.strip() if done.returncode else ""
    except OSError as error:
        problem = str(error)
    if problem:
        raise SlurmError(Finding(message=f"scancel: {problem.splitlines()[0]}", fix=f"scancel {' '.join(names)}"))


def _srun_options(settings: Mapping[str, Any]) -> list[str]:
    """Return the options of ``srun``: it ends all tasks when one fails, and since SLURM 22.05 it inherits no cores."""
    own = ["--kill-on-bad-exit=1"]
    if "cpus_per_task" in settings:
        own.append(f"--cpus-per-task={settings['cpus_per_task']}")
    return [*own, *settings.get("srun_args", ())]


def _remove_new(folder: Path, before: set[Path] | None) -> None:
    for file in folder.iterdir() if folder.is_dir() else ():
        if before is None or file not in before:
            file.unlink()
    if before is None:
        with suppress(OSError):
            folder.rmdir()
