"""A batch's own value of metrics that forget what they have seen when they are asked for it."""

from functools import partial
from typing import Any

import torch
from torchmetrics import Metric
from torchmetrics.wrappers import BootStrapper, MinMaxMetric

from lighter.logging import metrics

_GENERAL = (Metric.forward, BootStrapper.forward, MinMaxMetric.forward)
"""What saves and restores the states of the metric alone, not of those that it wraps, as of torchmetrics 1.9."""


class KeptForward:
    """While it is attached, calling a metric gives the batch's value and leaves the rest as ``update`` does.

    Args:
        metric: A metric that :func:`forgets`.
    """

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        metric.forward = partial(_forward, metric)  # type: ignore[method-assign]

    def remove(self) -> None:
        """Give the metric its own ``forward`` back."""
        vars(self._metric).pop("forward", None)


def forgets(metric: Metric) -> bool:
    """Tell whether calling the metric loses the states of those that it wraps."""
    if next(metric.children(), None) is None or type(metric).forward not in _GENERAL:
        return False
    return any(inner is not metric for inner in metrics.submetrics(metric))


def _forward(metric: Metric, *args: Any, **kwargs: Any) -> Any:
    alone = metrics.copy_of_this_rank(metric, with_states=False)
    for inner in metrics.submetrics(alone):
        inner.reset()
    # a bootstrap draws, and logging must not change what training draws; it may draw nothing of a small batch
    with torch.random.fork_rng(devices=[]), metrics.quiet_about_no_update():
        alone.update(*args, **kwargs)
        value = alone.compute()
    metric.update(*args, **kwargs)
    return value
