"""What ``lighter runs remove`` and ``prune`` share: they list what they delete, ask, and say what they deleted."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.commands.runs._table import chosen_metrics, columns_of
from lighter_cli.runs.index import INDEX
from lighter_cli.runs.listing import listed_runs
from lighter_cli.runs.removal import Checkpoints, Removal, remove
from lighter_cli.runs.run import Run, run_of
from lighter_cli.terminal import output
from lighter_cli.terminal.output import PLACE, Line
from lighter_cli.terminal.shown import shown_path, size_text
from lighter_cli.terminal.table import Column, table_lines
from lighter_config import Finding, SourceError

WithCheckpoints = Annotated[
    bool, Parameter(name="--checkpoints", negative=(), show_default=False, help="Delete the saved checkpoints, too.")
]
Yes = Annotated[bool, Parameter(name="--yes", negative=(), show_default=False, help="Delete without a question.")]

_DROPPABLE = ("words", "start", "stage", "tags")


def checkpoints_beside(removed: Iterable[Path]) -> Checkpoints:
    """Return the checkpoints of runs that are removed, without those that the other runs of this folder need."""
    folders = set(map(str, removed))
    others = map(Run, (run for run in listed_runs(Path.cwd()) if run.folder not in folders))
    return Checkpoints(run.record for run in others if run.is_readable())


def kept_lines(checkpoints: Checkpoints | None) -> list[Line]:
    """Return a line that says which checkpoints stay, if any."""
    if checkpoints is None or not checkpoints.kept:
        return []
    first, number = shown_path(next(iter(checkpoints.kept))), count_text(len(checkpoints.kept), "checkpoint")
    return [[(f"kept: {number} (first: {first}), the last or best of runs that stay", PLACE)]]


def removal_lines(removals: Sequence[Removal], *, with_checkpoints: bool, most: int | None) -> list[Line]:
    """Return a table of what is deleted, newest last; of more than ``most`` runs, the newest."""
    shown = removals if most is None else removals[-most:]
    runs = [run_of(removal.record.folder) for removal in shown]
    facts = ["id", *["name"] * any(run.name for run in runs), "stage", "status", "start"]
    facts += ["tags"] * any(run.tags for run in runs) + chosen_metrics(runs)[:1]
    columns = columns_of([*facts, "words"], runs)
    sizes = [Column("record", [size_text(removal.num_bytes) for removal in shown], is_number=True)]
    if with_checkpoints:
        cells = [_checkpoints_text(removal) for removal in shown]
        sizes.append(Column("checkpoints", cells, is_number=True))
    table, _ = table_lines([*columns[:-1], *sizes, columns[-1]], width=output.width(), droppable=_DROPPABLE)
    lines = [*table]
    if len(shown) < len(removals):
        lines.append([(f"the newest {len(shown)} of {len(removals):,} runs; --dry-run lists all", PLACE)])
    if not with_checkpoints and any(removal.record.content["checkpoints"].get("last") for removal in removals):
        lines.append([("their checkpoints stay; --checkpoints removes them, too", PLACE)])
    return lines


def size_of(removals: Sequence[Removal]) -> str:
    """Return what deleting frees, as text."""
    return size_text(sum(removal.num_bytes + removal.num_checkpoint_bytes for removal in removals))


def count_text(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count_text(1, "run"), count_text(1200, "run")
    ('1 run', '1,200 runs')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def remove_all(removals: Sequence[Removal]) -> None:
    """Delete runs, and say what was deleted also if one of them cannot be.

    Raises:
        SourceError: Some cannot be deleted.
    """
    try:
        failed = remove(removals)
    except OSError as error:
        raise unchanged(error) from error
    kept = {removal.record.folder for removal, _ in failed}
    done = [removal for removal in removals if removal.record.folder not in kept]
    num_checkpoints = sum(len(removal.checkpoints) for removal in done)
    also = f" and {count_text(num_checkpoints, 'checkpoint')}" if num_checkpoints else ""
    output.write_lines([[f"removed {count_text(len(done), 'run')}{also}, {size_of(done)}"]])
    if failed:
        raise SourceError(*(_finding(removal, error) for removal, error in failed))


def unchanged(error: OSError) -> SourceError:
    """Return the error for a list of runs that cannot be changed."""
    message = f"{shown_path(Path(error.filename or INDEX))} cannot be changed: {error.strerror or error}"
    return SourceError(Finding(message=message))


def _finding(removal: Removal, error: OSError) -> Finding:
    folder = removal.record.folder
    message = f"run {folder.name} cannot be removed: {error.strerror or error}"
    place = shown_path(Path(error.filename or folder))
    return Finding(message=message, fix=f"see who may write to the folder of {place}")


def _checkpoints_text(removal: Removal) -> str:
    num = len(removal.checkpoints)
    return f"{num}, {size_text(removal.num_checkpoint_bytes)}" if num else "0"
