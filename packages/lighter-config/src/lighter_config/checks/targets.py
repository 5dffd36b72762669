"""Targets that do not exist."""

from collections.abc import Iterator

from lighter_config.building.resolving import COMPONENT_MODES, DOTTED, MODE, TARGET
from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.checks.lightning_packages import is_not_installed
from lighter_config.checks.moved_names import MOVED_NAMES
from lighter_config.findings import Finding, Severity
from lighter_config.project import find_project
from lighter_config.signatures import DoesNotExist, Signature, Unknown
from lighter_config.signatures.answers.short_names import written_out
from lighter_config.suggestions import nearest_names
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_computed, is_copy

_NOT_PYTHON = "cannot be read as Python"


def check_targets(context: CheckContext) -> Iterator[Finding]:
    """Report targets whose module or name does not exist, with the nearest that does."""
    for component in context.components:
        path = (*component.path, TARGET)
        severity = Severity.ERROR if component.is_certain else Severity.WARNING
        if component.target is None:
            written = context.value(path)
            if not (is_computed(written) or is_copy(written)):
                message = f"{format_path(path)} must be a dotted name, is {written!r}"
                yield context.finding(path, message, severity=severity, expected=(DOTTED,))
            continue
        answer = context.reader.read(component.target)
        if not isinstance(answer, Signature):
            yield from _of_target(context, component, answer, severity)
        if component.mode is not None and component.mode not in COMPONENT_MODES:
            yield context.finding(
                (*component.path, MODE),
                f"unknown `{MODE}` {component.mode!r}",
                severity=severity,
                expected=COMPONENT_MODES,
                nearest=nearest_names(component.mode, COMPONENT_MODES),
            )


def _nearest(context: CheckContext, answer: DoesNotExist) -> tuple[str, ...]:
    """Return what a target may mean; one without a dot is the name of a class, not of a module."""
    project, _ = find_project(context.config)
    if "." in answer.target and answer.nearest:
        return answer.nearest
    return written_out(answer.target, context.reader, None if project is None else project.folder)


def _of_target(
    context: CheckContext, component: Component, answer: DoesNotExist | Unknown, severity: Severity
) -> Iterator[Finding]:
    target = str(component.target)
    path = (*component.path, TARGET)
    moved = MOVED_NAMES.get(target)
    if isinstance(answer, Unknown) and moved:
        yield context.finding(
            path,
            f"{target} may have moved to {moved}",
            severity=Severity.WARNING,
            nearest=(moved,),
            fix=f"write {moved}, if that is meant",
        )
    if isinstance(answer, Unknown) and target.startswith("project.") and _NOT_PYTHON in answer.reason:
        yield context.finding(path, f"{target} cannot be imported: {answer.reason}", severity=severity)
    if (
        not isinstance(answer, DoesNotExist)
        or is_not_installed(answer)
        or (context.is_fragment and answer.missing == "project")
    ):
        return  # the file that a fragment belongs to names the folder of the project
    nearest = (moved,) if moved else _nearest(context, answer)
    fix = f"write {nearest[0]}" if nearest else ""
    message = answer.message
    if moved and not answer.reason:
        message = f"{target} has moved to {moved}"
    elif target.partition(".")[0] == "project" and answer.missing == "project":
        message = f"{target} does not exist: the folder of `project` is unknown"
        fix = "set `project:` to the folder of your code, or put an empty __lighter__.py into it"
    elif "." not in target:
        fix = fix or f"write the full import path, such as monai.networks.nets.{target}"
    elif answer.is_module and not answer.where:
        fix = fix or f"install the package that has {answer.missing}, or correct the name"
    yield context.finding(path, message, severity=severity, nearest=nearest, fix=fix)
