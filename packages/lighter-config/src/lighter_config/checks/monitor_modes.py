"""Monitors whose value is better when lower, looked at for growth, or the other way round."""

import re
from collections.abc import Iterator
from typing import Any

from lighter_config.building.resolving import ARGUMENTS, TARGET
from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.checks.metric_names import metric_classes
from lighter_config.findings import Finding, Severity
from lighter_config.tree.paths import format_path

_OWN_VALUE = re.compile(r"(train|val)/(?:loss|loss/total|metrics/(.+))/epoch(?:/dataloader_idx_\d+)?")
_MODES = {"min": "lower", "max": "higher"}
_WRONG_IN_TORCHMETRICS = {
    "DaviesBouldinScore": False,
    "PerceptualPathLength": False,
    "SpectralDistortionIndex": False,
    "WordInfoPreserved": True,
}
"""Whether higher is better, where torchmetrics 1.9 says the opposite."""


def wrong_mode(context: CheckContext, name: str, owner: Component, metrics: dict[str, Any]) -> Iterator[Finding]:
    """Report a ``mode`` that does not fit the value: the worst would be kept, and the rate cut while it improves.

    Args:
        context: The config.
        name: The monitor's name.
        owner: Of class ModelCheckpoint, EarlyStopping or ReduceLROnPlateau.
        metrics: The metrics of each mode, as written.
    """
    mode = owner.keywords.get("mode", "min")
    if owner.positional != () or mode not in _MODES:
        return
    is_higher_better = is_better_higher(context, name, metrics)
    if is_higher_better is None or is_higher_better is (mode == "max"):
        return
    right = "max" if is_higher_better else "min"
    yield context.finding(
        (*owner.path, "mode") if "mode" in owner.keywords else owner.path,
        f"{format_path(owner.path)} has mode {mode!r}, but a {_MODES[right]} {name} is better",
        severity=Severity.WARNING,
        expected=[right],
        fix=f"write mode: {right}",
    )


def is_better_higher(context: CheckContext, name: str, metrics: dict[str, Any]) -> bool | None:
    """Return whether more of a logged value is better; ``None`` if that is not known.

    Args:
        context: The config.
        name: The name that is logged.
        metrics: The metrics of each mode, as written.
    """
    own = _OWN_VALUE.fullmatch(name)
    if own is None:
        return None
    return _is_higher_better(context, metrics.get(own[1]), own[2]) if own[2] else False


def _is_higher_better(context: CheckContext, metrics: Any, name: str) -> bool | None:
    """Return what the class of the metric that is logged by a name says; ``None`` if it says nothing."""
    if isinstance(metrics, dict) and TARGET in metrics:
        if str(metrics[TARGET]).rpartition(".")[2] == "MetricCollection":
            positional = metrics.get(ARGUMENTS) or [None]
            affixes = [metrics.get(key) or "" for key in ("prefix", "postfix")]
            if not all(isinstance(affix, str) for affix in affixes) or not isinstance(positional, list):
                return None
            inner = name.removeprefix(affixes[0]).removesuffix(affixes[1])
            return _is_higher_better(context, metrics.get("metrics", positional[0]), inner)
        metrics = [metrics]
    if isinstance(metrics, dict):
        return _says(context, metrics.get(name))[1]
    if not isinstance(metrics, list):
        return None
    return next((better for class_name, better in (_says(context, one) for one in metrics) if class_name == name), None)


def _says(context: CheckContext, metric: Any) -> tuple[str, bool | None]:
    """Return the class that a metric's target makes, and whether higher is better by its source."""
    classes = metric_classes(context, metric) or []
    if len(classes) != 1:
        return "", None
    module, _, name = classes[0].rpartition(".")
    if name in _WRONG_IN_TORCHMETRICS and module.startswith("torchmetrics."):
        return name, _WRONG_IN_TORCHMETRICS[name]
    better = context.reader.class_constant(classes[0], "higher_is_better")
    return name, better if isinstance(better, bool) else None
