"""``lighter runs prune``: delete the runs that options select, except those that someone cares about."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.commands.runs._options import EVERYTHING, Selection
from lighter_cli.commands.runs._removal import (
    WithCheckpoints,
    Yes,
    checkpoints_beside,
    count_text,
    kept_lines,
    removal_lines,
    remove_all,
    size_of,
    unchanged,
)
from lighter_cli.commands.runs.best import Metric, Mode
from lighter_cli.runs.index import INDEX, forget
from lighter_cli.runs.listing import listed_runs
from lighter_cli.runs.ranking import best_first, monitored
from lighter_cli.runs.record import Record
from lighter_cli.runs.removal import Checkpoints, Removal, finish_removals, removal_of
from lighter_cli.runs.run import Run, names_of_metrics
from lighter_cli.terminal import output
from lighter_cli.terminal.output import PLACE, Line
from lighter_cli.terminal.question import is_confirmed
from lighter_cli.terminal.shown import shown_path
from lighter_config import Finding, SourceError, nearest_names

_logger = logging.getLogger(__name__)

_NUM_ON_TERMINAL = 50

Keep = Annotated[
    int | None, Parameter(help="Keep so many of the selected runs, the best by the metric that they monitor.")
]
WithLabels = Annotated[
    bool, Parameter(name="--all", negative=(), show_default=False, help="Delete runs with a name or a tag, too.")
]
DryRun = Annotated[
    bool, Parameter(negative=(), show_default=False, help="List the runs that would be deleted, and delete nothing.")
]


def prune(
    *,
    selection: Selection = EVERYTHING,
    keep: Keep = None,
    metric: Metric = None,
    mode: Mode = None,
    with_labels: WithLabels = False,
    with_checkpoints: WithCheckpoints = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> int:
    """Delete the runs that the options select, and take runs whose folders are gone off the list.

    Runs that are running are never deleted. Without options that select, no run is deleted.

    Returns:
        0 if they were deleted, or would be, 1 if the user did not want it.
    """
    _check(keep, metric, mode)
    gone: list[str] = []
    listed = list(map(Run, listed_runs(Path.cwd(), gone=gone)))
    selected = [] if selection.is_everything and keep is None else list(selection.selected(listed))
    notes: list[str] = []
    if keep is not None and selected:
        selected = _all_but_best(selected, keep, metric, mode, notes)
    unprotected = _unprotected(selected, notes, with_labels=with_labels)
    checkpoints = checkpoints_beside(run.folder for run in unprotected) if with_checkpoints else None
    removals = list(_removals(unprotected[::-1], checkpoints))
    is_cut = output.is_terminal() and not dry_run
    output.write_lines(_lines(removals, gone, notes, with_checkpoints=with_checkpoints, is_cut=is_cut))
    output.write_lines(kept_lines(checkpoints))
    if not removals and not gone:
        is_selected = not selection.is_everything or keep is not None
        hint = "" if is_selected else ": select runs, for example with --status failed --before 1w, or --keep 20"
        output.write_lines([[f"nothing to remove{hint}"]])
        return 0
    parts = [f"{count_text(len(removals), 'run')}, {size_of(removals)}"] * bool(removals)
    what = "; ".join(parts + [f"{count_text(len(gone), 'line')} of {INDEX}"] * bool(gone))
    if dry_run:
        output.write_lines([[f"would remove {what}"]])
        return 0
    if not yes and not is_confirmed(f"remove {what}?"):
        output.write_lines([["nothing was removed"]])
        return 1
    _clean(listed, gone)
    remove_all(removals)
    return 0


def _check(keep: int | None, metric: str | None, mode: str | None) -> None:
    """Refuse options that do not belong together.

    Raises:
        SourceError: They do not.
    """
    if keep is not None and keep < 1:
        fix = "to keep none, leave out --keep and select the runs, for example with --stage fit"
        raise SourceError(Finding(message=f"--keep is {keep}", expected=("a number of runs, at least 1",), fix=fix))
    if keep is None and (metric or mode):
        raise SourceError(
            Finding(message="--metric and --mode need --keep", fix="say how many runs to keep: --keep 20")
        )


def _all_but_best(runs: Iterable[Run], keep: int, metric: str | None, mode: str | None, notes: list[str]) -> list[Run]:
    """Return the runs that have the metric, without the best of them.

    Raises:
        SourceError: No run has the metric, or it is not known.
    """
    readable = [run for run in runs if run.is_readable()]
    name, direction = monitored(readable, metric, mode)
    with_metric = [run for run in readable if name in run.shown_metrics]
    if not with_metric:
        nearest = nearest_names(name, list(names_of_metrics(readable)))
        raise SourceError(Finding(message=f"no run has a value of {name!r}", nearest=nearest))
    best = best_first(with_metric, name, direction)[:keep]
    notes.append(f"kept: {count_text(len(best), 'run')} with the best {name} ({direction})")
    if num_others := len(readable) - len(with_metric):
        notes.append(f"kept: {count_text(num_others, 'run')} without {name}; select them without --keep")
    return [run for run in with_metric if run not in best]


def _unprotected(runs: Sequence[Run], notes: list[str], *, with_labels: bool) -> list[Run]:
    """Return the runs that are not running and, unless those are wanted too, have neither a name nor a tag."""
    ended = [run for run in runs if run.status != "running"]
    found = [run for run in ended if with_labels or not (run.name or run.tags)]
    if num_running := len(runs) - len(ended):
        notes.append(f"kept: {count_text(num_running, 'run')} with the status running")
    if num_labelled := len(ended) - len(found):
        notes.append(f"kept: {count_text(num_labelled, 'run')} with a name or a tag; --all removes them, too")
    return found


def _removals(runs: Iterable[Run], checkpoints: Checkpoints | None) -> Iterator[Removal]:
    """Yield what is deleted of each run; one that cannot be deleted is skipped with a warning."""
    for run in runs:
        if run.is_readable():
            try:
                yield removal_of(Record(run.folder, run.record), checkpoints)
            except SourceError as error:
                _logger.warning("a run is skipped: %s", error)


def _lines(
    removals: Sequence[Removal], gone: Sequence[str], notes: Sequence[str], *, with_checkpoints: bool, is_cut: bool
) -> Iterator[Line]:
    if removals:
        yield from removal_lines(removals, with_checkpoints=with_checkpoints, most=_NUM_ON_TERMINAL if is_cut else None)
    if gone:
        first = shown_path(Path(gone[-1]))
        yield [f"{count_text(len(gone), 'run')} of {INDEX} whose folders are gone (first: {first})"]
    yield from ([(note, PLACE)] for note in notes)


def _clean(listed: Iterable[Run], gone: Sequence[str]) -> None:
    """Finish what killed removals left, and take runs whose folders are gone off the list.

    Raises:
        SourceError: The files cannot be changed.
    """
    try:
        for parent in {Path(folder).parent for folder in (*map(os.fspath, listed), *gone)}:
            finish_removals(parent)
        forget(gone, Path.cwd())
    except OSError as error:
        raise unchanged(error) from error
