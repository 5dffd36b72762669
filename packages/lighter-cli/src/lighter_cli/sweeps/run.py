"""Run a sweep: the one road from the words of ``lighter sweep`` to its last trial."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from lighter_cli.sweeps.disk_errors import reporting_disk_errors
from lighter_cli.sweeps.gpus import slots_of
from lighter_cli.sweeps.overview import Overview
from lighter_cli.sweeps.plan import Plan
from lighter_cli.sweeps.preloading import modules_of
from lighter_cli.sweeps.process import Starter
from lighter_cli.sweeps.progress import LiveTable, Progress
from lighter_cli.sweeps.queue import Queue
from lighter_cli.sweeps.rehearsal import Rehearsal
from lighter_cli.sweeps.rehearsed_cases import needed_in
from lighter_cli.sweeps.sweep import Sweep, open_sweep
from lighter_cli.sweeps.trial_table import trial_lines
from lighter_cli.sweeps.widening import widen
from lighter_cli.sweeps.worker import Worker, shared_cores
from lighter_cli.terminal import output
from lighter_config import Finding

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Launched:
    """What runs the trials of a sweep, ready to start.

    Attributes:
        rehearse: Rehearses the sweep if that is asked for.
        work: Works on it, and returns why it stopped: ``done``, ``interrupted`` or ``stopped``.
    """

    rehearse: Callable[[Sweep, Progress], None]
    work: Callable[[Sweep, Progress], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """How a sweep runs; what it searches is in ``SpaceOptions``.

    Attributes:
        workers: Trials at once; ``None`` for one on a CPU, or one for each group of ``trainer::devices`` GPUs.
        share: Trials on one GPU.
        retry: Whether the trials that failed run again.
        safe: Whether trials run with ``--safe``.
        allow: What that allows too.
        preflight: Whether to rehearse before the first trial; ``None`` for the default.
        reported: What the check of the space has reported.
        is_json: Whether events are printed as JSON.
        slurm: Whether workers are submitted as SLURM jobs instead of working here.
        ray: The address of the Ray cluster on which they run; ``None`` for this machine.
    """

    workers: int | None = None
    share: int = 1
    retry: bool = False
    safe: bool = False
    allow: Sequence[str] = ()
    preflight: bool | None = None
    reported: Sequence[Finding] = ()
    is_json: bool = False
    slurm: bool = False
    ray: str | None = None


def run_sweep(plan: Plan, options: SweepOptions) -> int:
    """Begin or continue a sweep, and work on it until nothing is left to do.

    Returns:
        The exit code: 0 when it is done, was stopped or is queued, 130 after Ctrl-C.

    Raises:
        SweepError: It cannot run here, or every trial fails.
        ConfigError: Its config cannot be used, or a rehearsal failed.
    """
    if options.slurm:
        from lighter_cli.sweeps.slurm import run_in_jobs  # submitit

        with reporting_disk_errors():
            return run_in_jobs(
                plan,
                workers=options.workers,
                share=options.share,
                words=_words_of(options),
                retry=options.retry,
                is_json=options.is_json,
            )
    with reporting_disk_errors(), _launched(plan, options) as launched:
        sweep = open_sweep(plan)
        widen(sweep)
        is_live = output.is_terminal() and not options.is_json
        progress = LiveTable() if is_live else Progress(is_json=options.is_json)
        launched.rehearse(sweep, progress)
        if options.retry and (num_again := Queue(sweep).retry()):
            progress.say(f"{num_again} failed trial{'s' * (num_again != 1)} run again")
        end = launched.work(sweep, progress)
    if not options.is_json:
        output.write_lines([[""], *trial_lines(Overview(sweep.folder), is_everything=not output.is_terminal())])
        output.write_lines(_closing(sweep, end))
    return 130 if end == "interrupted" else 0


def _launched(plan: Plan, options: SweepOptions) -> AbstractContextManager[Launched]:
    """Return what runs the trials: on this machine, or elsewhere."""
    return _this_machine(plan, options) if options.ray is None else _on_ray(plan, options, options.ray)


@contextmanager
def _this_machine(plan: Plan, options: SweepOptions) -> Iterator[Launched]:
    """Run trials on this machine, in processes that a warm server forks."""
    slots = slots_of(plan.config, workers=options.workers, share=options.share)
    # a quarter of the time until the first trial runs: it imports while the folder is made
    starter = Starter(modules_of(plan.config), environment=shared_cores(len(slots)))
    starter.warm_up()
    words = _words_of(options)

    def rehearse(sweep: Sweep, progress: Progress) -> None:
        needed = needed_in(sweep.folder, sweep.space, options.preflight)
        Rehearsal(sweep, slots, starter, progress, words).run(needed, options.reported)

    try:
        yield Launched(rehearse, lambda sweep, progress: Worker(sweep, slots, starter, progress, words).work())
    finally:
        starter.close()


@contextmanager
def _on_ray(plan: Plan, options: SweepOptions, address: str) -> Iterator[Launched]:
    """Run trials on a Ray cluster. Trials may not fit on this machine, so it rehearses only if it is told to."""
    from lighter_cli.sweeps.ray.launcher import ray_cluster  # imports Ray

    def rehearse(sweep: Sweep, progress: Progress) -> None:
        if options.preflight:
            with _this_machine(plan, replace(options, workers=None, share=1)) as here:
                here.rehearse(sweep, progress)

    words = _words_of(options)
    with ray_cluster(plan, address, workers=options.workers, share=options.share, words=words) as work:
        yield Launched(rehearse, work)


def _words_of(options: SweepOptions) -> list[str]:
    """Return the options that each trial gets."""
    words = ["--safe"] if options.safe else []
    for name in options.allow:
        words += ["--allow", name]
    return words


def _closing(sweep: Sweep, end: str) -> list[output.Line]:
    folder = os.path.relpath(sweep.folder)
    rows: list[output.Line] = [[("sweep", output.HEADING), folder]]
    if end != "done" or sweep.trials.open:
        rows.append([("to continue", output.HEADING), f"lighter sweep {folder}"])
    elif sweep.space.objectives and (sweep.folder / "best").is_symlink():
        rows.append([("to test", output.HEADING), f"lighter test {folder}/best"])
    if any(result.shown_state == "failed" for result in sweep.trials.results.values()):
        rows.append([("to repeat what failed", output.HEADING), f"lighter sweep {folder} --retry failed"])
    return output.rows(rows, indent=0)
