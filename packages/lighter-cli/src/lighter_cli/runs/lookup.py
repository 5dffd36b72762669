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
    folders = {name_of(folder): Path(folder) for folder in reversed(recorded_folders(Path.cwd()))}
    newest_first = [str(folder) for folder in reversed(folders.values())]
    if run == "last" and (newest := next(listed_runs(Path.cwd(), newest_first), None)):
        return read_record(Path(newest.folder))
    if run in folders:
        return read_record(folders[run])
    names = {listed.name: listed.label for listed in listed_runs(Path.cwd(), newest_first) if listed.label}
    found = [id_ for id_, name in names.items() if name == run] or [id_ for id_ in folders if run in id_]
    if len(found) == 1:
        return read_record(folders[found[0]])
    if found:
        is_name = run in names.values()
        finding = Finding(
            message=f"{run!r} {'is the name' if is_name else 'matches the ids'} of {len(found)} runs",
            nearest=tuple(found[-3:]),
            fix="give the id" if is_name else "give more of the id",
        )
    else:
        finding = Finding(
            message=f"unknown run {run!r}" if folders else "no run was started in this folder",
            expected=("a name, an id, a part of one, 'last', or the folder of a run",) if folders else (),
            nearest=nearest_names(run, [*names.values(), *folders]),
            fix="list them with `lighter runs list`"
            if folders
            else "name the folder of a run, or run a stage here first",
        )
    raise SourceError(finding)
