"""Metrics that need care of ours: wrappers, which torchmetrics does not reset and restore, and two-sample metrics."""

from functools import partial
from typing import Any

import torch
from torchmetrics import Metric
from torchmetrics.wrappers import BootStrapper, MinMaxMetric

from lighter.lightning.metric_states import Extremes, extremes_of, set_extremes, submetrics
from lighter.logging.compute_groups import Groups
from lighter.logging.metrics import Metrics, copy_of_this_rank, quiet_about_no_update
from lighter.logging.update_arguments import second_argument

_GENERAL = (Metric.forward, BootStrapper.forward, MinMaxMetric.forward)
"""Versions of ``forward`` that save and restore the metric's own states, not those of the metrics that it wraps."""


class Wrappers:
    """The wrappers among the metrics of a mode, and the groups that they form, found once.

    Args:
        metrics: The metrics of the mode.

    Attributes:
        groups: The metrics that share their states.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.groups = Groups(metrics)
        self._with_extremes = extremes_of(metrics)
        self._forwards = [
            (metric, partial(_forward if loses_states(metric) else _update, metric))
            for metric in submetrics(metrics)
            if loses_states(metric) or second_argument(metric) == "real"
        ]

    def start_epoch(self, extremes: Extremes) -> None:
        """Continue with the minima and maxima of this mode and loader, and keep states when metrics are called."""
        for path, with_extremes in self._with_extremes.items():
            set_extremes(with_extremes, extremes.get(path))
        for metric, forward in self._forwards:
            metric.forward = forward  # type: ignore[method-assign]

    def end_epoch(self) -> None:
        """Restore the metrics' original ``forward``."""
        for metric, _ in self._forwards:
            vars(metric).pop("forward", None)

    def extremes(self) -> Extremes:
        """Return the minima and maxima so far."""
        return {
            path: {"min_val": metric.min_val, "max_val": metric.max_val} for path, metric in self._with_extremes.items()
        }


def loses_states(metric: Metric) -> bool:
    """Return whether calling the metric loses the states of the metrics that it wraps."""
    if next(metric.children(), None) is None or type(metric).forward not in _GENERAL:
        return False
    return any(inner is not metric for inner in submetrics(metric))


def _forward(metric: Metric, *args: Any, **kwargs: Any) -> Any:
    """Return the batch's value and change the states as ``update`` does."""
    alone = copy_of_this_rank(metric, with_states=False)
    for inner in submetrics(alone):
        inner.reset()
        if isinstance(inner, MinMaxMetric):
            set_extremes(inner, None)
    # a bootstrap draws samples: logging must not change what training draws, and a small batch may give it none
    with torch.random.fork_rng(devices=[]), quiet_about_no_update():
        alone.update(*args, **kwargs)
        value = alone.compute()
    metric.update(*args, **kwargs)
    return value


def _update(metric: Metric, *args: Any, **kwargs: Any) -> None:
    """Update a metric of two sets of samples, such as FID: a batch is of one set, and has no value of its own."""
    metric.update(*args, **kwargs)
