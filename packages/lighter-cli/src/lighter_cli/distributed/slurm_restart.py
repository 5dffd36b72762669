"""Find where a fit resumes when SLURM restarts its job."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from lighter_cli.runs.environment import slurm_job
from lighter_cli.runs.listing import listed_runs

_logger = logging.getLogger(__name__)


def checkpoint_of_restarted_job(
    variables: Mapping[str, str], files: Sequence[str], overrides: Sequence[str]
) -> str | None:
    """Return the newest checkpoint that this fit saved before SLURM restarted its job; ``None`` at the first start.

    Args:
        variables: The environment variables.
        files: The config files of the fit.
        overrides: The overrides of the fit, because several fits of a job may share files.
    """
    job = slurm_job(variables)
    if job is None or variables.get("SLURM_RESTART_COUNT", "0") == "0":
        return None
    for run in listed_runs(Path.cwd()):
        record = run.record() if run.stage == "fit" and run.is_of(files, str(Path.cwd())) else None
        if record is None or record.overrides != tuple(overrides) or record.content["process"].get("slurm_job") != job:
            continue
        checkpoint = record.checkpoint("last")
        if checkpoint is not None:
            _logger.info("SLURM restarted job %s: resuming run %s from %s", job, record.folder.name, checkpoint)
            return str(checkpoint)
    _logger.warning("SLURM restarted job %s, which left no checkpoint: this fit starts as it did the first time", job)
    return None
