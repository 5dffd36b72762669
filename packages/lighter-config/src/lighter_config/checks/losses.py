"""Losses that compute something other than their arguments say."""

from collections.abc import Iterator

from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.tree.paths import format_path

_FIXES = {
    "SoftCrossEntropyLoss": "write _target_: torch.nn.CrossEntropyLoss, with label_smoothing for smooth_factor",
    "SoftBCEWithLogitsLoss": "write reduction: none, and take the mean of the other pixels in a criterion of your own",
}


def check_losses(context: CheckContext) -> Iterator[Finding]:
    """Warn of losses of segmentation-models-pytorch in whose mean ignored pixels count as 0.

    Source: the finding ``smp_ignored_pixels_lower_the_loss`` of the repository.
    """
    for component in context.components:
        if not str(component.target).startswith("segmentation_models_pytorch.") or component.short_name not in _FIXES:
            continue
        is_mean = component.keywords.get("reduction", "mean") == "mean" and component.positional == ()
        if is_mean and type(component.keywords.get("ignore_index")) is int:
            path = (*component.path, "ignore_index")
            yield context.finding(
                path,
                f"{format_path(path)}: ignored pixels count as 0 in the mean",
                severity=Severity.WARNING,
                expected=["a mean over the pixels that are not ignored"],
                fix=_FIXES[component.short_name],
            )
