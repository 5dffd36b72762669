"""Find the run that a user names."""

from pathlib import Path

from lighter_cli.runs.index import name_of
from lighter_cli.runs.listing import listed_runs, recorded_folders
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
    if run in folders:
        return folders[run]
    names = {listed.name: listed.label for listed in listed_runs(Path.cwd(), newest_first) if listed.label}
    found = [id_ for id_, name in names.items() if name == run] or [id_ for id_ in folders if run in id_]
    if len(found) == 1:
        return folders[found[0]]
    if not found:
        return nearest_names(run, [*names.values(), *folders])
    is_name = run in names.values()
    raise SourceError(
        Finding(
            message=f"{run!r} {'is the name' if is_name else 'matches the ids'} of {len(found)} runs",
            nearest=tuple(found[-3:]),
            fix="give the id" if is_name else "give more of the id",
        )
    )
