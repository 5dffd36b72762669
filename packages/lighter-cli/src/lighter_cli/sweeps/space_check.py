"""Check the space of a sweep as the command does: with the checks of an experiment, and with those of `--safe`."""

import os
from collections.abc import Sequence

from lighter_cli.checking.experiment_checks import experiment_checks
from lighter_cli.checking.safe_checks import safe_checks
from lighter_cli.distributed.launcher_variables import without_ranks
from lighter_config import CheckError, Finding, Severity
from lighter_config.checks.space import check_space
from lighter_config.project import find_project, is_users_own, reader_in
from lighter_config.space import Space


def findings_of(space: Space, *, safe: bool = False, allow: Sequence[str] = ()) -> list[Finding]:
    """Return what is wrong with the trials of a space, without importing torch or building anything.

    Args:
        space: The space.
        safe: Whether to refuse targets that are not on the list of ``--safe``.
        allow: Packages and callables to add to that list.

    Raises:
        CheckError: There is an error; the error has all findings. Or ``allow`` is given without ``safe``.
    """
    project, about_project = find_project(space.config)
    checks = [*experiment_checks(without_ranks(os.environ))]  # trials are started without ranks
    checks += safe_checks(safe=safe, allow=allow, trusts_project=is_users_own(project, space.config))
    findings = [*about_project, *check_space(space, reader=reader_in(project), checks=checks)]
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise CheckError(*findings)
    return findings
