"""Short names of runs, which tell them apart in tables and legends."""

from collections.abc import Callable, Sequence

from lighter_cli.runs.run import Run
from lighter_cli.terminal.shown import shown_path


def names_of(runs: Sequence[Run]) -> list[str]:
    """Return short names by which commands find the runs: what the user called them, or the end of their ids."""
    kinds: list[Callable[[Run], str]] = [
        lambda run: run.name,
        lambda run: run.id.rpartition("-")[2],
        lambda run: run.id,
        lambda run: shown_path(run.folder),
    ]
    taken = [list(map(kind, runs)) for kind in kinds]
    return [
        next((names[index] for names in taken if names[index] and names.count(names[index]) == 1), taken[-1][index])
        for index in range(len(runs))
    ]
