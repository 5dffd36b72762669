"""``lighter sweeps stop``: stop a sweep that runs, here or on another machine."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.atomic_files import write_atomically
from lighter_cli.commands.sweeps._sweep import Sweep
from lighter_cli.sweeps.disk_errors import reporting_disk_errors
from lighter_cli.sweeps.layout import JOBS, STOP_FILE
from lighter_cli.sweeps.overview import Overview, find_sweep
from lighter_cli.terminal import output

Now = Annotated[
    bool, Parameter(negative=(), show_default=False, help="End running trials at once, not when they have saved.")
]


def stop(sweep: Sweep, /, *, now: Now = False) -> None:
    """Stop a sweep: no new trial starts, and running ones save a checkpoint and end after their batch."""
    folder = find_sweep(sweep)
    running = sum(trial["state"] == "running" for trial in Overview(folder).open)
    try:
        cancelled = _cancel_jobs(folder, now=now)  # first: a job that ends makes room for one that waits
    finally:
        with reporting_disk_errors():
            write_atomically(folder / STOP_FILE, "now" if now else "")
    trials = f"{running} running trial{'s' * (running != 1)}"
    text = f"{trials} will end; to continue: lighter sweep {Overview(folder).shown_folder}"
    output.write_lines([[text if running else f"no trial of {folder.name} runs"]])
    if cancelled:
        output.write_lines([[f"cancelled: {', '.join(cancelled)}"]])


def _cancel_jobs(folder: Path, *, now: bool) -> list[str]:
    if not (folder / JOBS).is_dir():
        return []
    from lighter_cli.sweeps.slurm import stop_jobs

    return stop_jobs(folder, now=now)
