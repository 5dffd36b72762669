"""Where the files of a sweep are, and what a trial reads of them."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lighter_cli.runs.trial import Trial
from lighter_config.regular_files import read_regular
from lighter_config.sources.run_folders import TRIAL_FILE

SWEEPS = "lighter_sweeps"
OWNER = "a sweep"
"""What messages call what keeps a config."""
SWEEP_FILE = "sweep.json"
RESULT_FILE = "result.json"
RESULTS_FILE = "results.csv"
OUTPUT_FILE = "output.log"
LOCK_FILE = "sweep.lock"
STOP_FILE = "stop"
REHEARSED_FILE = "rehearsed.json"
JOBS = "slurm"
"""The folder with the scripts and the logs of its jobs."""
BEST = "best"
NUM_DIGITS = 4
"""The folder of trial 7 is named ``0007``."""


def read_json(file: Path) -> dict[str, Any] | None:
    """Return the mapping in a JSON file; ``None`` if it does not exist or is damaged."""
    with suppress(OSError, ValueError):
        content = json.loads(read_regular(file))
        return content if isinstance(content, dict) else None
    return None


def read_pruning(trial: Trial) -> Mapping[str, Any] | None:
    """Return what a trial needs to report its values: their name, the pruner, and the number of epochs.

    ``None`` if trials are not pruned; of several repeats, the first alone decides.
    """
    content = read_json(trial.sweep_folder / SWEEP_FILE) or {}
    pruning: Mapping[str, Any] | None = content.get("pruning")
    is_first = (read_json(trial.folder / TRIAL_FILE) or {}).get("is_first", True)
    return pruning if pruning is not None and is_first else None
