"""Find every mistake of a config, one file a check, listed here; `lighter_cli.checking` runs them and prints."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from lighter_config.checks.argument_types import check_argument_types
from lighter_config.checks.arguments import check_arguments, check_stage_arguments
from lighter_config.checks.checkpoint_files import check_checkpoint_files
from lighter_config.checks.checkpoint_names import check_checkpoint_names
from lighter_config.checks.context import Check, CheckContext
from lighter_config.checks.expression_names import check_expression_names
from lighter_config.checks.foreign_keys import check_foreign_keys
from lighter_config.checks.keyed_metrics import check_keyed_metrics
from lighter_config.checks.keys import check_keys, check_sections
from lighter_config.checks.lightning_packages import check_lightning_packages
from lighter_config.checks.loader_workers import check_loader_workers
from lighter_config.checks.logger_names import check_logger_names
from lighter_config.checks.losses import check_losses
from lighter_config.checks.metric_values import check_metric_values
from lighter_config.checks.monitors import check_monitors
from lighter_config.checks.parameter_groups import check_parameter_groups
from lighter_config.checks.references import check_references, leads_out
from lighter_config.checks.schedules import check_schedules
from lighter_config.checks.secrets import check_secrets
from lighter_config.checks.shuffles import check_shuffles
from lighter_config.checks.stage_needs import check_stage_needs
from lighter_config.checks.sweep_section import check_sweep_section
from lighter_config.checks.targets import check_targets
from lighter_config.checks.trainer_names import check_trainer_names
from lighter_config.config import Config
from lighter_config.findings import Finding, Severity
from lighter_config.project import find_project, reader_in
from lighter_config.pruning import prune, without_sweep
from lighter_config.signatures import SignatureReader
from lighter_config.stages import Stage
from lighter_config.tree.paths import SEPARATOR, format_path, parse_path
from lighter_config.tree.targets import targets_in
from lighter_config.tree.walking import follow

__all__ = ["DEFAULT_CHECKS", "Check", "CheckContext", "check"]

DEFAULT_CHECKS: tuple[Check, ...] = (
    check_keys,
    check_sections,
    check_foreign_keys,
    check_references,
    check_expression_names,
    check_targets,
    check_arguments,
    check_argument_types,
    check_stage_arguments,
    check_trainer_names,
    check_stage_needs,
    check_lightning_packages,
    check_monitors,
    check_checkpoint_names,
    check_keyed_metrics,
    check_metric_values,
    check_losses,
    check_loader_workers,
    check_shuffles,
    check_schedules,
    check_parameter_groups,
    check_logger_names,
    check_checkpoint_files,
    check_secrets,
    check_sweep_section,
)
"""What ``check`` runs; give it ``checks=[*DEFAULT_CHECKS, mine]`` to add one."""

_FOR_WHOLE_EXPERIMENTS = (
    check_sections,
    check_expression_names,
    check_stage_needs,
    check_monitors,
    check_checkpoint_names,
)
"""What only the whole experiment can answer: another file may bring what a fragment leaves out."""


def check(
    config: Config,
    stage: Stage | None = None,
    *,
    reader: SignatureReader | None = None,
    checks: Iterable[Check] = DEFAULT_CHECKS,
    is_fragment: bool = False,
) -> list[Finding]:
    """Report everything that is wrong with a config, and what may be; nothing is imported or built.

    An error is certain: building would fail, or a value would be ignored. With a stage, only what that stage builds is
    judged; whether a key is used is judged on the whole config.

    Args:
        config: The whole config, not a pruned one.
        stage: The stage that is going to run; ``None`` judges everything.
        reader: Reads targets; by default a new one that finds the config's project: the ``project`` key, or the nearest
            ``__lighter__.py``.
        checks: The checks to run.
        is_fragment: Whether this is a part of an experiment: what it holds is judged, not what it leaves out.

    Returns:
        The findings in the order of their places.
    """
    whole = config.whole
    findings: list[Finding] = []
    if reader is None:
        project, about_project = find_project(whole)
        findings += about_project
        reader = reader_in(project)
    expanded = whole.expanded()
    subject = without_sweep(expanded) if stage is None else prune(whole, stage, reader).expanded()
    context = CheckContext(whole, expanded, subject, stage, reader, is_fragment)
    findings += _notes(context)
    for one in checks:
        if is_fragment and one in _FOR_WHOLE_EXPERIMENTS:
            continue
        name = name_of_check(one)
        findings.extend(replace(finding, check=finding.check or name) for finding in one(context))
    return [_without_secrets(finding, context) for finding in _ordered(_traced_to_mistyped_keys(findings))]


def name_of_check(check: Check) -> str:
    """Return the name of a check as its findings have it: that of its function or class, without the word check.

    >>> name_of_check(check_loader_workers)
    'loader_workers'
    """
    name: str | None = getattr(check, "__name__", None)
    return type(check).__name__.removesuffix("Check").lower() if name is None else name.removeprefix("check_")


def _without_secrets(finding: Finding, context: CheckContext) -> Finding:
    """Hide the secrets of the config in the lines that a finding quotes: the logs of jobs keep what a check prints."""
    hide = context.secrets.hidden_in
    return replace(finding, message=hide(finding.message), excerpt=hide(finding.excerpt), fix=hide(finding.fix))


def _traced_to_mistyped_keys(findings: list[Finding]) -> list[Finding]:
    """Say of a reference to nowhere that the key is what is mistyped, where the nearest key is an argument that is."""
    mistyped = {one.path: one for one in findings if one.check == "arguments"}
    traced: list[Finding] = []
    for one in findings:
        key = mistyped.get(one.nearest[0]) if one.nearest else None
        traced.append(one if key is None else replace(one, fix=f"correct {key.path} at {key.place}"))
    return traced


def _notes(context: CheckContext) -> Iterator[Finding]:
    """What loading and expanding noticed; of what cannot be copied, only what the stage needs."""
    yield from context.config.notes
    seen, places = set(context.config.notes), {note.place for note in context.config.notes}
    for note in context.subject.notes:
        if note.place is not None and note.place.via and replace(note.place, via="") in places:
            continue  # a copy of what is reported
        if note not in seen and not (context.is_fragment and leads_out(context, note.path)):
            yield replace(_blamed(context, note), check=note.check or "references")


def _blamed(context: CheckContext, note: Finding) -> Finding:
    """Say which argument deleted what a copy that cannot be made refers to."""
    node, path, _ = follow(context.subject._root, parse_path(note.path) if note.path else ())
    targets = [target for at, _, target in targets_in(node, path) if at == path]
    blamed = context.blamed(note, targets[0]) if targets else note
    if blamed is note:
        return note
    message = f"{note.path} copies {format_path(targets[0])}, which was deleted"
    fix = f"leave out {blamed.excerpt}, or give {note.path} another value"
    return replace(note, message=message, expected=(), fix=fix)


def _ordered(findings: list[Finding]) -> list[Finding]:
    """Sort by place, and report what copies share once."""
    severities = list(Severity)
    unique: dict[object, Finding] = {}
    for finding in sorted(findings, key=lambda finding: bool(finding.place is not None and finding.place.via)):
        place = finding.place
        spot = None if place is None else (place.source, place.line, place.column, place.word)
        name = finding.path.rpartition(SEPARATOR)[
            2
        ]  # all values of one argument, or of one call in Python, share a spot
        key = (finding.check, spot or finding.path, name, finding.nearest, finding.expected, finding.excerpt)
        unique.setdefault(key if spot is not None and place is not None else finding, finding)

    def rank(finding: Finding) -> tuple[bool, str, int, int, int, int, bool, str]:
        place = finding.place
        if place is None:
            return (False, "", 0, 0, 0, severities.index(finding.severity), False, finding.path)
        numbers = (place.word or 0, place.line or 0, place.column or 0)
        severity = severities.index(finding.severity)
        return (place.word is not None, place.source, *numbers, severity, bool(place.via), finding.path)

    return sorted(unique.values(), key=rank)
