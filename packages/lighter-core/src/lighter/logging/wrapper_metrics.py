"""Per-batch values of wrapper metrics whose ``forward`` resets the metrics that they wrap."""

from functools import partial
from typing import Any

import torch
from torchmetrics import Metric
from torchmetrics.wrappers import BootStrapper, MinMaxMetric

from lighter.logging.metrics import copy_of_this_rank, quiet_about_no_update, submetrics

_GENERAL = (Metric.forward, BootStrapper.forward, MinMaxMetric.forward)
"""Versions of ``forward`` that save and restore the metric's own states, not those of the metrics that it wraps."""


class StatePreservingForward:
    """Replace a metric's ``forward``: it returns the batch's value and changes the states as ``update`` does.

    Args:
        metric: A metric for which `loses_states` holds.
    """

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        metric.forward = partial(_forward, metric)  # type: ignore[method-assign]

    def remove(self) -> None:
        """Restore the metric's original ``forward``."""
        vars(self._metric).pop("forward", None)


def loses_states(metric: Metric) -> bool:
    """Return whether calling the metric loses the states of the metrics that it wraps."""
    if next(metric.children(), None) is None or type(metric).forward not in _GENERAL:
        return False
    return any(inner is not metric for inner in submetrics(metric))


def _forward(metric: Metric, *args: Any, **kwargs: Any) -> Any:
    alone = copy_of_this_rank(metric, with_states=False)
    for inner in submetrics(alone):
        inner.reset()
    # a bootstrap draws samples: logging must not change what training draws, and a small batch may give it none
    with torch.random.fork_rng(devices=[]), quiet_about_no_update():
        alone.update(*args, **kwargs)
        value = alone.compute()
    metric.update(*args, **kwargs)
    return value
