"""Metrics by key: mappings of ``metric``, ``pred`` and ``target`` among the metrics of a mode."""

from collections.abc import Iterator
from typing import Any

from lighter_config.building.resolving import NOT_ARGUMENTS, TARGET
from lighter_config.checks.context import CheckContext
from lighter_config.checks.stage_needs import is_exactly
from lighter_config.findings import Finding, Severity
from lighter_config.sections import MODEL, MODULE_CLASS, SECTIONS, SYSTEM, SYSTEM_CLASS
from lighter_config.suggestions import nearest_names
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_computed, is_copy

KEYS = ("metric", "pred", "target")
"""What a metric by key has; the last two say what it gets."""

_FIX = "give it a name, such as cls: {metric: ..., pred: logits.cls, target: y.cls}"


def is_keyed(item: Any) -> bool:
    """Return whether an entry of a mode's metrics says what its metric gets."""
    return isinstance(item, dict) and TARGET not in item


def check_keyed_metrics(context: CheckContext) -> Iterator[Finding]:
    """Report metrics by key that System or LighterModule would refuse when they are built."""
    for path, severity in _places(context):
        yield from _of_mode(context, path, context.value(path), severity)


def _places(context: CheckContext) -> Iterator[tuple[Segments, Severity]]:
    modes = SECTIONS[SYSTEM].modes_of["metrics"]
    system, model = context.value((SYSTEM,)), context.value((MODEL,))
    if isinstance(system, dict):
        is_system = is_exactly(context, system.get(TARGET), SYSTEM_CLASS)
        yield from (((SYSTEM, "metrics", mode), Severity.ERROR if is_system else Severity.WARNING) for mode in modes)
    if isinstance(model, dict) and context.reader.is_subclass(str(model.get(TARGET)), MODULE_CLASS) is True:
        yield from (((MODEL, f"{mode}_metrics"), Severity.WARNING) for mode in modes)


def _of_mode(context: CheckContext, path: Segments, metrics: Any, severity: Severity) -> Iterator[Finding]:
    if isinstance(metrics, list):
        for index, item in enumerate(metrics):
            if is_keyed(item):
                yield context.finding(
                    (*path, index), f"{format_path((*path, index))} has no name", severity=severity, fix=_FIX
                )
    elif is_keyed(metrics):
        for name, item in metrics.items():
            if is_keyed(item):
                yield from _of_entry(context, (*path, name), item, severity)
            elif name in KEYS and "metric" in metrics and _is_plain(item):
                yield context.finding(
                    (*path, name),
                    f"{format_path((*path, name))} is {item!r}, not a metric",
                    severity=severity,
                    expected=["a metric"],
                    fix=_FIX,
                )


def _of_entry(context: CheckContext, path: Segments, entry: dict[Any, Any], severity: Severity) -> Iterator[Finding]:
    where = format_path(path)
    for key, value in entry.items():
        if key in NOT_ARGUMENTS:
            continue
        if key not in KEYS:
            nearest = nearest_names(str(key), KEYS)
            yield context.finding(
                (*path, key),
                f"{format_path((*path, key))} is not a key of a metric",
                at_key=True,
                severity=severity,
                expected=KEYS,
                nearest=nearest,
                fix=f"rename it to {nearest[0]}" if nearest else "remove it",
            )
        elif key != "metric" and _is_plain(value) and not _is_accessor(value):
            yield context.finding(
                (*path, key),
                f"{format_path((*path, key))} is {value!r}, not a part of the {key}",
                severity=severity,
                expected=["a key or a path such as logits.cls", "an index", "a callable", f"null for no {key}"],
            )
    if entry.get("metric") is None:
        yield context.finding(
            path,
            f"{where} has no metric",
            severity=severity,
            expected=["a metric under `metric`, or a list or mapping of them"],
            fix=f"give {where}::metric",
        )
    else:
        yield from _of_mode(context, (*path, "metric"), entry["metric"], severity)


def _is_plain(value: Any) -> bool:
    """Return whether the config shows the value itself: a component, reference, copy or expression makes it later."""
    if isinstance(value, str):
        return not is_computed(value) and not is_copy(value)
    return not (isinstance(value, dict) and TARGET in value)


def _is_accessor(value: Any) -> bool:
    return value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
