"""Work on a sweep that another process began: what tasks of SLURM and actors of Ray run.

Run: python -P -m lighter_cli.sweeps.join FOLDER OPTIONS

FOLDER is the folder of the sweep, OPTIONS what ``JoinOptions`` holds, as JSON. At a first SIGTERM the running trials
save a checkpoint and end after their batch; any worker continues them later.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lighter_cli.sweeps.disk_errors import reporting_disk_errors
from lighter_cli.sweeps.gpus import slots_of
from lighter_cli.sweeps.layout import SWEEP_FILE, read_json
from lighter_cli.sweeps.plan import plan_of
from lighter_cli.sweeps.preloading import modules_of
from lighter_cli.sweeps.process import Starter
from lighter_cli.sweeps.progress import Progress
from lighter_cli.sweeps.sweep import join_sweep
from lighter_cli.sweeps.worker import Worker, shared_cores
from lighter_cli.terminal import process
from lighter_config.space import SpaceOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinOptions:
    """How a worker that a launcher starts works on a sweep.

    Attributes:
        workers: Trials at once; ``None`` for one on a CPU, or one for each group of ``trainer::devices`` GPUs.
        share: Trials on one GPU.
        words: Options that each trial gets.
        facts: What the claims of the worker say about it, so that a launcher finds those of a node that died.
        first_slot: The number of its first slot. Workers on one machine have different slots, so that one that starts
            again leaves its slot to a trial that still runs there.
        hours: No trial starts after this many hours; ``None`` for what the sweep says.
    """

    workers: int | None = None
    share: int = 1
    words: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    first_slot: int = 0
    hours: float | None = None


def command(folder: Path, options: JoinOptions) -> list[str]:
    """Return the command that joins a sweep; it runs in the working directory of the sweep."""
    return [sys.executable, "-P", "-m", __name__, str(folder), json.dumps(asdict(options))]


def working_directory(folder: Path) -> Path:
    """Return the folder in which a sweep was begun: paths in its config are relative to it."""
    facts = read_json(folder / SWEEP_FILE) or {}
    return Path(facts["working_directory"])


def join(folder: Path, options: JoinOptions) -> str:
    """Work on a sweep until nothing is left to do.

    Args:
        folder: The folder of the sweep.
        options: How to work.

    Returns:
        Why it stopped: ``done``, ``interrupted`` or ``stopped``.

    Raises:
        SweepError: It cannot run here, or every trial fails.
    """
    plan = plan_of([str(folder)], SpaceOptions(hours=options.hours))
    found = slots_of(plan.config, workers=options.workers, share=options.share)
    slots = [replace(slot, index=options.first_slot + slot.index) for slot in found]
    starter = Starter(modules_of(plan.config), environment=shared_cores(len(slots)))
    starter.warm_up()
    try:
        with reporting_disk_errors():
            return Worker(join_sweep(plan), slots, starter, Progress(), options.words, options.facts).work()
    finally:
        starter.close()


def main(arguments: Sequence[str]) -> None:
    """Join the sweep that the arguments name; exit with 1 if it cannot run here, or every trial fails."""
    folder, options = Path(arguments[0]), JoinOptions(**json.loads(arguments[1]))
    process.configure()
    with process.reporting_errors():
        join(folder, options)


if __name__ == "__main__":
    main(sys.argv[1:])
