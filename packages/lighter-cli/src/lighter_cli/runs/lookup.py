"""Find the run that a user names."""

from pathlib import Path

from lighter_cli.runs.index import name_of
from lighter_cli.runs.listing import listed_runs, recorded_folders
from lighter_cli.runs.matching import matching
from lighter_cli.runs.record import Record, read_record
from lighter_config import RECORD_FILE, Finding, SourceError, nearest_names
from lighter_config.regular_files import is_regular


def find_run(run: str) -> Record:
    """Find a run by its folder, the word ``last``, its id, its name, or a part of its id, in this order.

    Raises:
        SourceError: No run matches, or several do.
    """
    folder = Path(run)
    if is_regular(folder / RECORD_FILE):
        return read_record(folder.resolve())
    found = look_up_run(run)
    if isinstance(found, Path):
        return read_record(found)
    if not recorded_folders(Path.cwd()):
        raise SourceError(
            Finding(
                message="no run was started in this folder", fix="name the folder of a run, or run a stage here first"
            )
        )
    raise SourceError(
        Finding(
            message=f"unknown run {run!r}",
            expected=("a name, an id, a part of one, 'last', or the folder of a run",),
            nearest=found,
            fix="list them with `lighter runs list`",
        )
    )


def look_up_run(run: str) -> Path | tuple[str, ...]:
    """Return the folder of the run that has a name, an id or a part of one, or is the ``last``; else nearest names.

    Raises:
        SourceError: Several runs match.
    """
    folders = {name_of(folder): Path(folder) for folder in reversed(recorded_folders(Path.cwd()))}
    newest_first = [str(folder) for folder in reversed(folders.values())]
    if run == "last" and (newest := next(listed_runs(Path.cwd(), newest_first), None)):
        return Path(newest.folder)
    if run in folders:  # before the runs are read
        return folders[run]
    labels = {listed.name: listed.label for listed in listed_runs(Path.cwd(), newest_first) if listed.label}
    found = matching(run, folders, kind="run", called="id", labels=labels)
    return nearest_names(run, [*labels.values(), *folders]) if found is None else folders[found]
