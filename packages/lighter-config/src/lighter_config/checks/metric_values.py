"""Metrics whose value cannot be logged."""

from collections.abc import Iterator

from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.sections import MODEL, SYSTEM
from lighter_config.tree.paths import format_path

MATRICES = frozenset(f"{task}ConfusionMatrix" for task in ("", "Binary", "Multiclass", "Multilabel"))
"""Metrics of torchmetrics whose value is neither a number, a vector, nor a mapping of them."""


def check_metric_values(context: CheckContext) -> Iterator[Finding]:
    """Report a metric of a System or LighterModule whose value is a matrix: its first epoch would end in an error."""
    for component in context.components:
        if component.short_name not in MATRICES or not str(component.target).startswith("torchmetrics."):
            continue
        match component.path:
            case (section, "metrics", _, *_) if section == SYSTEM:
                pass
            case (section, str(name), *_) if section == MODEL and name.endswith("_metrics"):
                pass
            case _:
                continue
        yield context.finding(
            component.path,
            f"{component.short_name} cannot be logged: its value is a matrix",
            severity=Severity.ERROR if component.is_certain and section == SYSTEM else Severity.WARNING,
            expected=["a metric whose value is a number, a vector, or a mapping of them"],
            fix=f"move {format_path(component.path)} to a callback that updates it with `pred` and `target`, such as"
            " WriteMatrix of the documentation's page Metrics",
        )
