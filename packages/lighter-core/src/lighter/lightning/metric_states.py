"""Read and restore the private state of torchmetrics: it has no public way to do so without a `state_dict`."""

# ruff: noqa: SLF001  # the purpose of this module

from collections.abc import Iterator, Mapping
from typing import Any

from torchmetrics import Metric, MetricCollection
from torchmetrics.utilities import dim_zero_cat, dim_zero_max, dim_zero_min, dim_zero_sum


def keep_on_this_rank(metric: Metric) -> None:
    """Make a metric's ``compute`` use this rank's states only."""
    metric._to_sync = False


def state_of(metrics: Metric | MetricCollection) -> dict[str, dict[str, Any]]:
    """Copy the states of metrics for a checkpoint, reduced over ranks; under DDP a collective call.

    Returns:
        By each metric's module path: its states, tensors or lists of tensors, and its number of updates. With several
        ranks, a metric whose states cannot be combined is left out.
    """
    saved: dict[str, dict[str, Any]] = {}
    for path, metric in _submetrics_by_path(metrics):
        distributed = metric.distributed_available_fn()
        if distributed and not _can_start_from_a_sum(metric):
            continue
        with metric.sync_context(dist_sync_fn=metric.dist_sync_fn, should_sync=True, should_unsync=True):
            states = {name: getattr(metric, name) for name in metric._defaults}
            saved[path] = {
                "states": {
                    name: [item.detach().clone() for item in state]
                    if isinstance(state, list)
                    else state.detach().clone()
                    for name, state in states.items()
                },
                "updates": metric._update_count,
            }
    return saved


def load_state(metrics: Metric | MetricCollection, saved: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Load the states of metrics from a checkpoint.

    Returns:
        The paths of metrics without a state in the checkpoint.
    """
    missing = []
    for path, metric in _submetrics_by_path(metrics):
        entry = saved.get(path)
        if entry is None or entry["states"].keys() != metric._defaults.keys():
            missing.append(path or type(metric).__name__)
            continue
        for name, state in entry["states"].items():
            tensors = state if isinstance(state, list) else [state]
            moved = [tensor.to(metric.device) for tensor in tensors]
            # a list that was reduced over ranks has become one tensor
            is_list = isinstance(metric._defaults[name], list)
            setattr(metric, name, moved if is_list else moved[0])
        metric._update_count = entry["updates"]
        metric._computed = None
    return missing


def _submetrics_by_path(metrics: Metric | MetricCollection) -> Iterator[tuple[str, Metric]]:
    return ((path, module) for path, module in metrics.named_modules() if isinstance(module, Metric))


def _can_start_from_a_sum(metric: Metric) -> bool:
    """Return whether one rank may start from the reduced state and the others from empty states."""
    return all(fx in (dim_zero_cat, dim_zero_max, dim_zero_min, dim_zero_sum) for fx in metric._reductions.values())
