"""The checks of an experiment: those of `lighter_config.checks`, and those of launcher, seed, batch and tracking."""

from collections.abc import Mapping, Sequence

from lighter_cli.checking.batch_check import check_shapes
from lighter_cli.checking.launcher_check import LauncherCheck
from lighter_cli.checking.seeds import check_seed
from lighter_cli.checking.tracking_check import TrackingCheck
from lighter_config import DEFAULT_CHECKS, Check


def experiment_checks(environ: Mapping[str, str], config_checks: Sequence[Check] = DEFAULT_CHECKS) -> tuple[Check, ...]:
    """Return the checks of an experiment, the same for ``lighter check``, a stage, pytest and a notebook.

    Args:
        environ: The environment variables, which tell what a launcher starts, and where MLflow writes.
        config_checks: The checks that need only the config.
    """
    return (*config_checks, check_seed, check_shapes, LauncherCheck(environ), TrackingCheck(environ))
