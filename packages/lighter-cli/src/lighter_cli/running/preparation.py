"""Check a loaded config and reduce it to what a stage uses, without building anything or importing torch."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

from lighter_cli.checking.experiment_checks import experiment_checks
from lighter_cli.checking.safe_checks import safe_checks
from lighter_cli.checking.seeds import find_seed, where_from
from lighter_cli.project import make_importable
from lighter_cli.runs.inputs import RecordedRun
from lighter_cli.terminal.findings_log import log_findings
from lighter_config import (
    DEFAULT_CHECKS,
    Check,
    CheckError,
    Config,
    Finding,
    Secrets,
    Severity,
    Stage,
    check,
    prune,
    to_yaml,
)
from lighter_config.checks.checkpoint_files import check_checkpoint_files
from lighter_config.project import Project, is_users_own, locate_project, reader_in

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A config that is ready to be built for a stage.

    Attributes:
        config: The config, reduced to what the stage uses.
        project: The user's code, now importable; ``None`` if there is none.
        seed: The seed of the run.
        seed_from: What set a seed that is not in the config.
    """

    config: Config
    project: Project | None
    seed: int
    seed_from: str


def prepare(
    config: Config,
    stage: Stage,
    *,
    check_first: bool = True,
    checks: Sequence[Check] = DEFAULT_CHECKS,
    safe: bool = False,
    allow: Sequence[str] = (),
) -> Prepared:
    """Find the user's code, check the config, and reduce it to what the stage uses.

    Args:
        config: The whole config.
        stage: The stage to prepare.
        check_first: Whether to run the checks.
        checks: The checks to run, see ``checks_for``.
        safe: Whether to refuse targets that are not on the list of ``--safe``, even without the checks.
        allow: Packages and callables to add to that list.

    Raises:
        CheckError: The config has errors or refused targets; the error lists all of them.
        ConfigError: The project's folder does not exist, or the seed is not valid.
    """
    project = locate_project(config)
    reader = reader_in(project)
    log_findings(project.notes if project is not None else ())
    checks = [*experiment_checks(os.environ, checks)] if check_first else []
    checks += safe_checks(safe=safe, allow=allow, trusts_project=is_users_own(project, config))
    log_findings(_without_errors(check(config, stage, reader=reader, checks=checks)) if checks else config.notes)
    pruned = prune(config, stage, reader)
    if _logger.isEnabledFor(logging.DEBUG):
        _logger.debug("the part of the config that %s uses:\n%s", stage, to_yaml(Secrets(pruned.expanded()).masked))
    if project is not None:
        make_importable(project)
    return Prepared(config=pruned, project=project, seed=find_seed(pruned), seed_from=where_from())


def checks_for(option: str | os.PathLike[str] | None, runs: Sequence[RecordedRun]) -> list[Check]:
    """Return the checks of a stage.

    A checkpoint file that the config names may be missing if ``--ckpt-path`` or a run among the inputs replaces it.

    Args:
        option: The value of ``--ckpt-path``.
        runs: The runs among the inputs.
    """
    is_replaced = option is not None or bool(runs)
    return [check for check in DEFAULT_CHECKS if not is_replaced or check is not check_checkpoint_files]


def find_mistakes(config: Config, stage: Stage | None = None) -> list[Finding]:
    """Return the errors, warnings and notes about a config, without importing anything.

    Args:
        config: The whole config.
        stage: Also report what this stage lacks.
    """
    return check(config, stage, checks=experiment_checks(os.environ))


def _without_errors(findings: Sequence[Finding]) -> Sequence[Finding]:
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise CheckError(*findings)
    return findings
