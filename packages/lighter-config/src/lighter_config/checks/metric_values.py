"""Metrics whose value cannot be logged, or depends on how the data is divided into batches."""

from collections.abc import Iterator

from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.sections import MODEL, SYSTEM
from lighter_config.tree.paths import format_path

MATRICES = frozenset(f"{task}ConfusionMatrix" for task in ("", "Binary", "Multiclass", "Multilabel"))
"""Metrics of torchmetrics whose value is neither a number, a vector, nor a mapping of them."""


_RANGE_OF_BATCH = ("StructuralSimilarityIndexMeasure", "MultiScaleStructuralSimilarityIndexMeasure")


def check_metric_values(context: CheckContext) -> Iterator[Finding]:
    """Report a metric of a System or LighterModule whose value is a matrix: its first epoch would end in an error.

    Warn of metrics that take the range of the data from each batch; source: the finding
    ``ssim_takes_its_range_from_each_batch`` of the repository.
    """
    for component in context.components:
        if not str(component.target).startswith("torchmetrics."):
            continue
        if component.short_name in _RANGE_OF_BATCH and component.positional == ():
            yield from _without_range(context, component)
        if component.short_name not in MATRICES:
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


def _without_range(context: CheckContext, component: Component) -> Iterator[Finding]:
    if component.keywords.get("data_range") is None:
        yield context.finding(
            component.path,
            f"{component.short_name} takes its range from each batch",
            severity=Severity.WARNING,
            expected=["a data_range, so that the value does not depend on the batch size"],
            fix="write data_range: 1.0, or the range of your images",
        )
