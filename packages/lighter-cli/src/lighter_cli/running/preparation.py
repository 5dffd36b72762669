"""From a loaded config to one that a stage can be built from: nothing is built, torch is not imported."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

from lighter_cli.checking.experiment_checks import experiment_checks
from lighter_cli.checking.seeds import find_seed
from lighter_cli.project import make_importable
from lighter_cli.terminal.findings_log import log_findings
from lighter_config import (
    DEFAULT_CHECKS,
    Check,
    CheckError,
    Config,
    Finding,
    Place,
    Severity,
    Stage,
    check,
    prune,
    to_yaml,
)
from lighter_config.project import Project, is_users_own, locate_project, reader_in
from lighter_config.safety import Allowance, SafetyCheck

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a stage is built from.

    Attributes:
        config: The config without what the stage does not use.
        project: The user's code, importable now.
        seed: The seed of the run.
    """

    config: Config
    project: Project | None
    seed: int


def prepare(
    config: Config,
    stage: Stage,
    *,
    check_first: bool = True,
    checks: Sequence[Check] = DEFAULT_CHECKS,
    safe: bool = False,
    allow: Sequence[str] = (),
) -> Prepared:
    """Find the user's code, look for every mistake, and leave out what the stage does not use.

    Args:
        config: The whole config.
        stage: The stage to prepare.
        check_first: Whether to look for mistakes.
        checks: What to look for.
        safe: Whether to refuse what is not on the list of ``--safe``, also when no mistakes are looked for.
        allow: Packages and callables to add to that list.

    Raises:
        CheckError: There are mistakes or refusals; all are in it.
        ConfigError: The project's folder or the seed is none.
    """
    project = locate_project(config)
    reader = reader_in(project)
    log_findings(project.notes if project is not None else ())
    checks = [*experiment_checks(os.environ, checks)] if check_first else []
    if safe:
        checks.append(SafetyCheck(Allowance(tuple(allow), trusts_project=is_users_own(project, config))))
    elif allow:
        raise CheckError(
            Finding(
                message="--allow adds to the list of --safe, which is not given",
                place=Place("option --allow"),
                excerpt=" ".join(allow),
                fix="add --safe, or leave --allow out",
            )
        )
    log_findings(_without_errors(check(config, stage, reader=reader, checks=checks)) if checks else config.notes)
    pruned = prune(config, stage, reader)
    if _logger.isEnabledFor(logging.DEBUG):
        _logger.debug("what %s uses of the config:\n%s", stage, to_yaml(pruned.expanded()))
    if project is not None:
        make_importable(project)
    return Prepared(config=pruned, project=project, seed=find_seed(pruned))


def find_mistakes(config: Config, stage: Stage | None = None) -> list[Finding]:
    """Return everything that is wrong or doubtful, with what a stage needs when one is given; nothing is imported."""
    return check(config, stage, checks=experiment_checks(os.environ))


def _without_errors(findings: Sequence[Finding]) -> Sequence[Finding]:
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise CheckError(*findings)
    return findings
