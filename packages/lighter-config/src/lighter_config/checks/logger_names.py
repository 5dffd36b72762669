"""Names of metrics that a logger writes as one."""

import re
from collections.abc import Iterator
from typing import Any

from lighter_config.checks.context import CheckContext
from lighter_config.checks.metric_names import metric_names
from lighter_config.findings import Finding, Severity
from lighter_config.sections import MODEL, SECTIONS, SYSTEM, TRAINER
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path

_LOGGERS = ("pytorch_lightning.loggers.", "lightning.pytorch.loggers.")
DROPPED = {"MLFlowLogger": re.compile(r"[^a-zA-Z0-9_/. -]+")}
"""What loggers of Lightning drop from names; CSV, TensorBoard, Comet, Neptune and Weights & Biases drop nothing."""


def check_logger_names(context: CheckContext) -> Iterator[Finding]:
    """Report metrics of one mode whose names are equal in a logger: their values would be one series."""
    loggers = {
        component.short_name
        for component in context.components
        if component.path[:2] == (TRAINER, "logger") and str(component.target).startswith(_LOGGERS)
    }
    for logger in sorted(loggers & DROPPED.keys()):
        for path, metrics in _metrics(context):
            names: dict[str, str] = {}
            for name in metric_names(context, metrics) or ():
                other = names.setdefault(DROPPED[logger].sub("", name), name)
                if other != name:
                    dropped = "".join(sorted({*other, *name} - {*DROPPED[logger].sub("", other + name)}))
                    key = name.partition("/")[0]
                    yield context.finding(
                        (*path, key) if isinstance(metrics, dict) and key in metrics else path,
                        f"{logger} writes {other!r} and {name!r} of {format_path(path)} as one metric",
                        at_key=True,
                        severity=Severity.WARNING,
                        expected=["names that differ in letters, digits, `_`, `-`, `.`, `/` or spaces"],
                        fix=f"rename one of them: {logger} drops {dropped}",
                    )


def _metrics(context: CheckContext) -> Iterator[tuple[Segments, Any]]:
    """Yield the metrics of each mode as written, with their path."""
    for mode in SECTIONS[SYSTEM].modes_of["metrics"]:
        for path in ((SYSTEM, "metrics", mode), (MODEL, f"{mode}_metrics")):
            metrics = context.value(path)
            if isinstance(metrics, list) or (isinstance(metrics, dict) and metrics):
                yield path, metrics
