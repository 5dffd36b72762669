"""``lighter sweeps stop``: stop a sweep that runs, here or on another machine."""

from typing import Annotated

from cyclopts import Parameter

from lighter_cli.atomic_files import write_atomically
from lighter_cli.commands.sweeps._sweep import Sweep
from lighter_cli.sweeps.disk_errors import reporting_disk_errors
from lighter_cli.sweeps.layout import STOP_FILE
from lighter_cli.sweeps.overview import Overview, find_sweep
from lighter_cli.terminal import output

Now = Annotated[
    bool, Parameter(negative=(), show_default=False, help="End running trials at once, not when they have saved.")
]


def stop(sweep: Sweep, /, *, now: Now = False) -> None:
    """Stop a sweep: no new trial starts, and running ones save a checkpoint and end after their batch."""
    folder = find_sweep(sweep)
    with reporting_disk_errors():
        write_atomically(folder / STOP_FILE, "now" if now else "")
    running = sum(trial["state"] == "running" for trial in Overview(folder).open)
    trials = f"{running} running trial{'s' * (running != 1)}"
    text = f"{trials} will end; to continue: lighter sweep {Overview(folder).shown_folder}"
    output.write_lines([[text if running else f"no trial of {folder.name} runs"]])
