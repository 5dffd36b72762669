"""The checks of an experiment: those of the config, and those that only a run on this machine needs."""

from collections.abc import Iterator, Mapping, Sequence

from lighter_cli.checking.launcher_check import LauncherCheck
from lighter_cli.checking.seeds import find_seed
from lighter_cli.errors import SeedError
from lighter_config import DEFAULT_CHECKS, Check, CheckContext, Finding, is_computed, is_copy


def experiment_checks(environ: Mapping[str, str], config_checks: Sequence[Check] = DEFAULT_CHECKS) -> tuple[Check, ...]:
    """Return the checks of an experiment, the same for ``lighter check``, a stage, pytest and a notebook.

    Args:
        environ: The environment variables, which tell what a launcher starts.
        config_checks: The checks of the config alone.
    """
    return (*config_checks, check_seed, LauncherCheck(environ))


def check_seed(context: CheckContext) -> Iterator[Finding]:
    """Report a seed that is not valid; one that is only known when it is built passes."""
    seed = context.expanded.tree.get("seed")
    if is_computed(seed) or is_copy(seed):
        return
    try:
        find_seed(context.expanded)
    except SeedError as error:
        yield from error.findings
