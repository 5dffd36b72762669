"""The folders of runs, and of the trials of sweeps, whose newest run stands for them."""

import json
from pathlib import Path

from lighter_config.regular_files import exists, is_regular, read_regular

RECORDED_CONFIG = "config.yaml"
"""The file of a run's folder, or of a sharded checkpoint's, that holds its config."""

RECORD_FILE = "record.json"
"""The file of a run's folder, or of a sharded checkpoint's, that holds what is known about the run."""

TRIAL_FILE = "trial.json"
"""The file of the folder of a trial, or of one of its repeats, that says which trial it is; its config is beside it."""

_RUNS = "lighter_runs"


def run_folder(path: Path) -> Path | None:
    """Return the folder of a run: the path itself, or the newest run of a trial; ``None`` if there is none.

    Of a trial with repeats, that is the newest run of its first repeat; of one that has not run, the trial's own.
    """
    if _is_run(path):
        return path
    if not is_regular(path / TRIAL_FILE):
        return None
    runs = sorted((start, run) for run in (path / _RUNS).glob("*") if _is_run(run) and (start := _start_of_trial(run)))
    repeats = (run_folder(folder) for folder in sorted(path.iterdir()) if is_regular(folder / TRIAL_FILE))
    if runs:
        return runs[-1][1]
    return path if is_regular(path / RECORDED_CONFIG) else next(filter(None, repeats), None)


def _is_run(path: Path) -> bool:
    return exists(path) and all(is_regular(path / name) for name in (RECORDED_CONFIG, RECORD_FILE))


def _start_of_trial(run: Path) -> str:
    """Return when a run that the sweep started began; empty for others, such as tests of a trial.

    Their names do not order them: two may begin in one second.
    """
    try:
        record = json.loads(read_regular(run / RECORD_FILE))
        return str(record["start"]) if "trial" in record else ""
    except (OSError, ValueError, TypeError, KeyError):
        return ""
