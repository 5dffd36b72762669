"""Work on a sweep in SLURM jobs: submit workers and go home; know which of them SLURM has ended."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lighter_cli.errors import SlurmError
from lighter_cli.runs.environment import slurm_job, slurm_restarts
from lighter_cli.slurm.jobs import PENDING, JobState, cancel, job_states, live_jobs, log_of, submit, submitted_jobs
from lighter_cli.slurm.settings import read_settings, require_slurm
from lighter_cli.slurm.tasks import Task
from lighter_cli.sweeps.gpus import refuse_counts
from lighter_cli.sweeps.join import JoinOptions, command, working_directory
from lighter_cli.sweeps.layout import JOBS
from lighter_cli.sweeps.plan import Plan
from lighter_cli.sweeps.queue import Queue
from lighter_cli.sweeps.sweep import Sweep, open_sweep
from lighter_cli.sweeps.widening import widen
from lighter_cli.terminal import output
from lighter_config import Finding

_logger = logging.getLogger(__name__)


def run_in_jobs(
    plan: Plan, *, workers: int | None, share: int, words: Sequence[str], retry: bool, is_json: bool
) -> int:
    """Begin or continue a sweep in jobs, and return as soon as they are queued.

    Jobs of an earlier command that still wait or run count: only those that are missing are submitted.

    Args:
        plan: What the sweep is.
        workers: Jobs at once; ``None`` for one.
        share: Trials on one GPU of a job.
        words: Options that each trial gets.
        retry: Whether the trials that failed run again.
        is_json: Whether what was submitted is printed as JSON.

    Returns:
        The exit code.

    Raises:
        SlurmError: SLURM is not here, or it refuses the jobs; a sweep that just began is then removed.
        SweepError: The sweep cannot begin or continue.
    """
    wanted = 1 if workers is None else workers
    refuse_counts(workers, share)
    require_slurm()
    settings = read_settings(plan.config)
    sweep = open_sweep(plan)
    try:
        widen(sweep)
        num_again = Queue(sweep).retry() if retry else 0
        own = {"name": sweep.name, "array_parallelism": wanted, **settings}
        with sweep.lock():  # two commands at once submit no job twice
            live = _live_jobs(sweep)
            missing = 0 if _is_done(sweep) else max(0, wanted - len(live))
            tasks = [_task(sweep.folder, JoinOptions(share=share, words=words))] * missing
            names = submit(tasks, sweep.folder / JOBS, own) if tasks else []
    except SlurmError:
        if sweep.is_new:
            sweep.remove()
        raise
    if is_json:
        facts = {"sweep": sweep.name, "folder": str(sweep.folder), "jobs": [*live, *names], "submitted": names}
        output.write_json(facts)
    else:
        output.write_lines(_closing(sweep, list(live), names, num_again))
    return 0


class LostJobs:
    """Tells which owners of trials are gone for sure, as SLURM has ended their jobs.

    Args:
        folder: The folder of the sweep.
    """

    def __init__(self, folder: Path) -> None:
        self._own = slurm_job(os.environ), slurm_restarts(os.environ)
        self._submitted = set(submitted_jobs(folder / JOBS))
        self._states = job_states() if self._submitted else None

    def __call__(self, owner: Mapping[str, Any]) -> bool:
        """Return whether an owner is gone."""
        job, own = owner.get("slurm_job"), self._own
        if job is None:
            return False
        if job == own[0]:
            return bool(owner.get("slurm_restarts", 0) < own[1])
        if self._states is None or job not in self._submitted:
            return False
        state = self._states.get(job)
        return state is None or state.state == PENDING  # requeued: what it ran has ended


def stop_jobs(folder: Path, *, now: bool) -> list[str]:
    """Cancel the jobs of a sweep that wait, so that none of them starts; return their names.

    Args:
        folder: The folder of the sweep.
        now: Cancel those that run, too, instead of letting them save and end.

    Raises:
        SlurmError: SLURM refuses.
    """
    live = live_jobs(folder / JOBS)
    if live is None:
        _logger.warning("squeue does not answer: jobs that wait end as soon as they start, instead of being cancelled")
        return []
    names = [name for name, job in live.items() if now or job.state == PENDING]
    cancel(names, only_pending=not now)
    return names


def shown_jobs(folder: Path) -> list[dict[str, Any]]:
    """Return the jobs of a sweep that have not ended, for lists and tools: name, state, place and log."""
    live = live_jobs(folder / JOBS) or {}
    return [{"job": name, **_facts(job), "log": str(log_of(folder / JOBS, name))} for name, job in live.items()]


def _facts(job: JobState) -> dict[str, str]:
    return {"state": job.state.lower(), "where": job.nodes, "reason": "" if job.reason == "None" else job.reason}


def _live_jobs(sweep: Sweep) -> dict[str, JobState]:
    live = live_jobs(sweep.folder / JOBS)
    if live is None:
        raise SlurmError(Finding(message="squeue does not answer, so jobs may be submitted twice", fix="try again"))
    return live


def _task(folder: Path, options: JoinOptions) -> Task:
    return Task(command(folder, options), working_directory(folder))


def _is_done(sweep: Sweep) -> bool:
    """Return whether nothing is left to do, as far as that is known without asking the sampler."""
    trials, num_trials = sweep.trials, sweep.space.num_trials
    trials.refresh()
    return num_trials is not None and len(trials.results) >= num_trials and not trials.open


def _closing(sweep: Sweep, live: Sequence[str], names: Sequence[str], num_again: int) -> list[output.Line]:
    folder = os.path.relpath(sweep.folder)
    jobs = [f"{_listed(names)} submitted"] if names else []
    jobs += [f"{_listed(live)} queued or running"] if live else []
    rows: list[output.Line] = [
        [("sweep", output.HEADING), folder],
        [("jobs", output.HEADING), "; ".join(jobs) or "none: nothing is left to do"],
    ]
    if num_again:
        rows.append([("again", output.HEADING), f"{num_again} failed trial{'s' * (num_again != 1)}"])
    if names or live:
        rows.append([("logs", output.HEADING), os.path.relpath(log_of(sweep.folder / JOBS, [*names, *live][0]))])
        rows.append([("to stop", output.HEADING), f"lighter sweeps stop {sweep.name}"])
    rows.append([("to look", output.HEADING), f"lighter sweeps show {sweep.name}"])
    return output.rows(rows, indent=0)


def _listed(names: Sequence[str]) -> str:
    shown = names if len(names) <= 4 else [*names[:2], "...", names[-1]]
    return f"{len(names)} ({', '.join(shown)})"
