"""Compute a batch's own values once for all metrics that share their states."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from torchmetrics import Metric, MetricCollection

from lighter.lightning.metric_states import (
    arguments_of_update,
    is_sum_of_batches,
    keep_on_this_rank,
    members_by_key,
    set_states,
    share_states,
    synchronize_on_compute,
)
from lighter.logging.metrics import Metrics


@contextmanager
def batches_of_groups(metrics: Metrics, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[None]:
    """Let the metrics of a compute group, which are called inside, share the updates with the batch.

    ``MetricCollection.update`` updates a group once, but to call the collection updates each metric for itself. Here a
    group is updated with the batch alone, which is added to the sums of all before it. Where states are no sums, it is
    updated again, as on all other steps. So what a metric accumulates does not depend on the steps that are written.

    Args:
        metrics: The metrics, which are called with the arguments inside the context.
        args: The batch: positional arguments of the metrics' ``update``.
        kwargs: Its keyword arguments.
    """
    groups = _groups(metrics) if isinstance(metrics, MetricCollection) else []
    try:
        for group in groups:
            for metric, value in zip(group, _values_of_batch(group, args, kwargs), strict=True):
                vars(metric)["forward"] = partial(_return, value)
        yield
    finally:
        for group in groups:
            for metric in group:
                vars(metric).pop("forward", None)


def _groups(metrics: MetricCollection) -> list[list[Metric]]:
    """Return the metrics of each group of several that torchmetrics itself would call."""
    members = members_by_key(metrics)
    groups = [[members[name] for name in names] for names in metrics.compute_groups.values() if len(names) > 1]
    return [group for group in groups if all(map(_is_called_plainly, group))]


def _is_called_plainly(metric: Metric) -> bool:
    has_own_forward = type(metric).forward is not Metric.forward or "forward" in vars(metric)
    return not (has_own_forward or metric.dist_sync_on_step or metric.compute_on_cpu)


def _values_of_batch(group: Sequence[Metric], args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Update a group, and return its values of the batch alone."""
    leader, *others = group
    given = arguments_of_update(leader, kwargs)
    totals, num_updates = leader.metric_state, leader.update_count
    # to reset a list empties it, also where it is kept
    set_states(leader, {name: [] for name, state in totals.items() if isinstance(state, list)})
    leader.reset()
    leader.update(*args, **given)
    share_states(leader, others)
    values = []
    for metric in group:
        keep_on_this_rank(metric)
        values.append(metric.compute())
        synchronize_on_compute(metric)
    if is_sum_of_batches(leader):
        sums = {name: totals[name] + state for name, state in leader.metric_state.items()}  # type: ignore[operator]
        set_states(leader, sums, num_updates + 1)
    else:
        set_states(leader, totals, num_updates)
        leader.update(*args, **given)
    share_states(leader, others)
    return values


def _return(value: Any, *_args: Any, **_kwargs: Any) -> Any:
    return value
