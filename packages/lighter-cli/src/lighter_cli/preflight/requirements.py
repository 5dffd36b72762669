"""What must hold before a rehearsal starts: the checks of every stage, data for at least one, no fast_dev_run."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lighter_cli.checking.experiment_checks import experiment_checks
from lighter_cli.checking.safe_checks import safe_checks
from lighter_config import CheckError, Config, Finding, Severity, Stage, check, resolved
from lighter_config.checks.checkpoint_files import check_checkpoint_files
from lighter_config.checks.stage_needs import check_stage_data
from lighter_config.project import Project, is_users_own
from lighter_config.signatures import SignatureReader

_FAST = "trainer::fast_dev_run"


def stages_with_data(config: Config, reader: SignatureReader) -> tuple[list[Stage], dict[Stage, str]]:
    """Return the stages that a config has data for, as far as it shows, and why the others are left out.

    Raises:
        CheckError: It has data for none.
    """
    missing = {stage: check(config, stage, reader=reader, checks=[check_stage_data]) for stage in Stage}
    lacking = {stage: [one for one in found if one.check == "stage_data"] for stage, found in missing.items()}
    if all(lacking.values()):
        raise CheckError(*dict.fromkeys(finding for found in lacking.values() for finding in found))
    left_out = {stage: found[0].message for stage, found in lacking.items() if found}
    return [stage for stage in Stage if not lacking[stage]], left_out


def check_all(
    config: Config,
    stages: Sequence[Stage],
    reader: SignatureReader,
    project: Project | None,
    *,
    safe: bool,
    allow: Sequence[str],
) -> list[Finding]:
    """Check a config for the stages that will be rehearsed, and return warnings and notes.

    Checkpoints that it names are not loaded, so they may be missing.

    Raises:
        CheckError: There is an error; all findings are in it.
    """
    checks = [one for one in experiment_checks(os.environ) if one is not check_checkpoint_files]
    checks += safe_checks(safe=safe, allow=allow, trusts_project=is_users_own(project, config))
    found = list(project.notes) if project is not None else []
    for stage in stages:
        found += check(config, stage, reader=reader, checks=checks)
    found = list(dict.fromkeys([*found, *_not_rehearsed(config)]))
    if any(finding.severity is Severity.ERROR for finding in found):
        raise CheckError(*found)
    return found


def _not_rehearsed(config: Config) -> list[Finding]:
    known = resolved(config)
    if known.get(_FAST, False):
        return [
            Finding(
                message="a fast_dev_run switches off what a rehearsal is for: checkpoints and loggers",
                path=_FAST,
                place=config.place(_FAST),
                excerpt=config.excerpt(_FAST),
                expected=("false: lighter preflight limits the batches itself",),
                fix=f"set {_FAST}=false; --batches says how many",
            )
        ]
    if not isinstance(config.expanded().get("trainer", None), dict):
        return [
            Finding(
                message="a rehearsal changes arguments of the trainer, which is not written out",
                path="trainer",
                place=config.place("trainer"),
                excerpt=config.excerpt("trainer"),
                expected=("a mapping with a _target_",),
                fix="write the trainer's arguments below `trainer`",
            )
        ]
    return []
