"""``lighter runs remove``: delete the records of runs, and on request their checkpoints."""

from lighter_cli.commands.runs._removal import (
    WithCheckpoints,
    Yes,
    checkpoints_beside,
    count_text,
    kept_lines,
    removal_lines,
    remove_all,
    size_of,
)
from lighter_cli.commands.runs._run import Run
from lighter_cli.runs.lookup import find_run
from lighter_cli.runs.removal import removal_of
from lighter_cli.terminal import output
from lighter_cli.terminal.question import is_confirmed
from lighter_config import Finding, SourceError


def remove(*runs: Run, with_checkpoints: WithCheckpoints = False, yes: Yes = False) -> int:
    """Delete the records of runs: their folders, and their lines in the list of runs.

    Returns:
        0 if they were deleted, 1 if the user did not want it.
    """
    if not runs:
        fix = "name one: lighter runs remove RUN, or see lighter runs prune --help"
        raise SourceError(Finding(message="no run given", fix=fix))
    records = {str(record.folder): record for record in map(find_run, runs)}
    folders = (record.folder for record in records.values())
    checkpoints = checkpoints_beside(folders) if with_checkpoints else None
    removals = [removal_of(record, checkpoints) for record in records.values()]
    output.write_lines(removal_lines(removals, with_checkpoints=with_checkpoints, most=None))
    output.write_lines(kept_lines(checkpoints))
    if not yes and not is_confirmed(f"remove {count_text(len(removals), 'run')}, {size_of(removals)}?"):
        output.write_lines([["nothing was removed"]])
        return 1
    remove_all(removals)
    return 0
