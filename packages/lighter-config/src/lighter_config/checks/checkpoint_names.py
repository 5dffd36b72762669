"""Names of checkpoint files with values in them: ``filename`` of ModelCheckpoint."""

import re
from collections.abc import Iterator

from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.checks.monitors import OF_LIGHTNING, is_known, logged_names, nearest_logged
from lighter_config.findings import Finding, Severity
from lighter_config.sections import TRAINER
from lighter_config.stages import Stage
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_literal

_VALUE = re.compile(r"\{([^{}:]+)(:[^{}]*)?\}")


def check_checkpoint_names(context: CheckContext) -> Iterator[Finding]:
    """Report a value in ``filename`` whose name makes folders, or that nothing logs: Lightning writes 0 for it."""
    if context.stage not in (None, Stage.FIT):
        return
    for component in context.components:
        filename = component.keywords.get("filename")
        if component.path[:2] != (TRAINER, "callbacks") or component.short_name != "ModelCheckpoint":
            continue
        if component.is_certain and is_known(component) and is_literal(filename):
            yield from _unlogged(context, component, str(filename))
            yield from _folders(context, component, str(filename))


def _folders(context: CheckContext, component: Component, filename: str) -> Iterator[Finding]:
    with_slash = [match[1] for match in _VALUE.finditer(filename) if "/" in match[1]]
    inserts = component.keywords.get("auto_insert_metric_name", True)
    if not with_slash or inserts is not True:
        return
    path = (*component.path, "filename")
    yield context.finding(
        path,
        f"{format_path(path)} makes folders: it inserts the name {with_slash[0]!r}",
        severity=Severity.WARNING,
        expected=["auto_insert_metric_name: false, and names without slashes before the values"],
        fix=f'write filename: "{_VALUE.sub(_labelled, filename)}", auto_insert_metric_name: false',
    )


def _labelled(match: re.Match[str]) -> str:
    """Return a value with a label before it, as Lightning would insert it, but without slashes."""
    if match.string[: match.start()].endswith("="):
        return match[0]
    label = re.sub(r"/(loss|metrics)(?=/[^/]+/epoch)|/epoch\b", "", match[1]).replace("/", "_")
    return f"{label}={match[0]}"


def _unlogged(context: CheckContext, component: Component, filename: str) -> Iterator[Finding]:
    names = [match[1] for match in _VALUE.finditer(filename) if match[1] not in OF_LIGHTNING]
    logged = logged_names(context) if names else None
    path = (*component.path, "filename")
    for name in names:
        if logged is not None and not logged.has(name) and not logged.doubt:
            nearest = nearest_logged(name, logged.names)
            yield context.finding(
                path,
                f"{format_path(path)} has the value {name!r}, but nothing logs it: it is always 0",
                severity=Severity.WARNING,
                expected=logged.names,
                nearest=nearest,
                fix=f"write {{{nearest[0]}}}" if nearest else "name one of these",
            )
