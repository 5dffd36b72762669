"""Find the newest run that used a config file, so that the file can be checked as a part of that experiment."""

from itertools import islice
from pathlib import Path

from lighter_cli.code.stored import stored_code
from lighter_cli.runs.index import INDEX
from lighter_cli.runs.listing import ListedRun, listed_runs
from lighter_config.regular_files import is_regular
from lighter_config.sources.file_names import shown

_MAX_RUNS = 200  # the newest, which are looked at


def newest_words_using(file: Path) -> tuple[str, ...] | None:
    """Return the inputs of the newest run that used a config file; ``None`` if none of the last 200 runs used it.

    A run uses the files among its inputs, their bases, and the files that they refer to. Runs with a config file that
    is gone are passed over. The runs are those of the nearest folder with a list of runs, beside the file or above.

    Args:
        file: The config file.

    Returns:
        The files of the run, which commands and ``load`` take, then its overrides.
    """
    used = file.resolve()
    working_directory = next((folder for folder in used.parents if is_regular(folder / INDEX)), None)
    if working_directory is None:
        return None
    for run in islice(listed_runs(working_directory), _MAX_RUNS):
        if run.files and all(map(is_regular, run.files)) and _has_used(run, used) and (record := run.record()):
            return (*(shown(Path(name)) for name in record.files), *record.overrides)
    return None


def _has_used(run: ListedRun, file: Path) -> bool:
    if str(file) in run.files:
        return True
    code = stored_code(Path(run.folder))
    return code is not None and any(code.root / name == file for name in code.configs)
