"""``lighter runs list``: the runs that were started in a folder, as a table."""

import gc
import logging
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.commands._inputs import Json
from lighter_cli.commands.runs._run import STATUS_STYLES, duration, recorded_json, shown_path
from lighter_cli.runs.listing import ListedRun, listed_runs, recorded_folders
from lighter_cli.runs.record import read_records
from lighter_cli.terminal import output
from lighter_cli.terminal.output import PATH, Line

_logger = logging.getLogger(__name__)

_NUM_ON_TERMINAL = 50

ShowAll = Annotated[
    bool,
    Parameter(
        name="--all", negative=(), show_default=False, help="Show all runs on a terminal, not only the newest 50."
    ),
]


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause garbage collection: it would visit all that is read and printed several times, and find nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@_without_collection()
def list_runs(*, show_all: ShowAll = False, as_json: Json = False) -> None:
    """List the runs that were started in this folder, newest last."""
    gone: list[str] = []
    if as_json:
        output.write_json([recorded_json(record) for record in read_records(Path.cwd(), gone)])
        _say_gone(gone)
        return
    most = _NUM_ON_TERMINAL if output.is_terminal() and not show_all else None
    folders = None if most is None else recorded_folders(Path.cwd(), gone)  # to count them
    listed = list(islice(listed_runs(Path.cwd(), folders, gone), most))[::-1]
    _say_gone(gone)
    if not listed:
        output.write_lines([] if gone else [["no run was started in this folder"]])
        return
    if most is not None and folders is not None and len(folders) > most:
        shown = f"the newest {len(listed)} of {len(folders):,} runs; `lighter runs list --all` shows all"
        output.write_lines([[(shown, output.PLACE)]])
    output.write_lines(output.rows([_row(run) for run in listed], indent=0))


def _say_gone(folders: Sequence[str]) -> None:
    """Say once how many runs cannot be listed because their folders are gone; the output has only the others."""
    if len(folders) == 1:
        _logger.warning("1 run was started here, but its folder is gone: %s", shown_path(Path(folders[0])))
    elif folders:
        text = "%s runs were started here, but their folders are gone (first: %s)"
        _logger.warning(text, f"{len(folders):,}", shown_path(Path(folders[-1])))


def _row(run: ListedRun) -> Line:
    status = run.status
    return (
        (run.name, PATH),
        run.stage,
        (status, STATUS_STYLES.get(status, "")),
        duration(run.start, run.end),
        shlex.join(run.words),
    )
