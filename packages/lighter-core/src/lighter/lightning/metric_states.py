"""Read and restore the private state of torchmetrics: it has no public way to do so without a `state_dict`."""

# ruff: noqa: SLF001  # the purpose of this module

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection
from torchmetrics.retrieval.base import RetrievalMetric
from torchmetrics.segmentation import MeanIoU
from torchmetrics.utilities import dim_zero_cat, dim_zero_max, dim_zero_min, dim_zero_sum
from torchmetrics.wrappers import MinMaxMetric, Running
from torchmetrics.wrappers.abstract import WrapperMetric

from lighter.errors import MetricError

Extremes = dict[str, dict[str, Tensor]]
"""By the module path of each MinMaxMetric: its ``min_val`` and ``max_val``."""

ListState = tuple[int, torch.dtype | None, torch.Size | None]
"""Of a state that is a list: its length, and the type of its tensors and their shape after the first dimension."""


def keep_on_this_rank(metric: Metric) -> None:
    """Make a metric's ``compute`` use this rank's states only."""
    metric._to_sync = False


def default_states(metric: Metric) -> dict[str, Any]:
    """Return a metric's states before any update."""
    return metric._defaults


def arguments_of_update(metric: Metric, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return those keyword arguments that a metric's ``update`` takes."""
    return metric._filter_kwargs(**kwargs)


def synchronize_on_compute(metric: Metric) -> None:
    """Make a metric's ``compute`` use the states of all ranks again, unless the metric was made to keep to its own."""
    metric._to_sync = metric.sync_on_compute


def set_states(metric: Metric, states: Mapping[str, Any], num_updates: int = 0) -> None:
    """Set states of a metric, which are not copied, and its number of updates."""
    # torch's way to set an attribute takes as long as an addition
    vars(metric).update(states, _update_count=num_updates, _computed=None)


def is_sum_of_batches(metric: Metric) -> bool:
    """Return whether a metric's states are the sums of those of each batch, as torchmetrics itself assumes then."""
    return metric.full_state_update is False and all(fx is dim_zero_sum for fx in metric._reductions.values())


def share_states(metric: Metric, others: Iterable[Metric]) -> None:
    """Give other metrics of a compute group the states of one, which are not copied."""
    for other in others:
        set_states(other, metric.metric_state, metric.update_count)


def num_updates(metric: Metric) -> int:
    """Count the updates since the last reset; for a wrapper, those of the metrics that it wraps."""
    counts = [0]
    for inner in submetrics(metric):
        if isinstance(inner, Running):  # it resets the metric that it wraps after each update
            counts.append(inner._num_vals_seen)
        elif not isinstance(inner, WrapperMetric):  # the count of a wrapper is constant
            counts.append(inner.update_count)
    return max(counts)


def keeps_nothing(metric: Metric) -> bool:
    """Return whether it is a running window over lists of samples: the wrapper empties the lists that it has kept."""
    return isinstance(metric, Running) and any(isinstance(state, list) for state in metric._defaults.values())


def members_by_key(metrics: MetricCollection) -> dict[str, Metric]:
    """Return the metrics of a collection by its keys, without prefix and postfix."""
    # its own `items` notes that the metrics share states again, also where they do not
    return {key: metric for key, metric in nn.ModuleDict.items(metrics) if isinstance(metric, Metric)}


def groups_by_first_batch(metrics: MetricCollection) -> bool:
    """Return whether a collection finds its compute groups by its first batch, as it was not told otherwise."""
    return metrics._enable_compute_groups is True


def set_compute_groups(metrics: MetricCollection, groups: list[list[str]]) -> None:
    """Set the groups of metrics that share their states; all others have their own, as they have without groups."""
    metrics._enable_compute_groups = groups or False
    metrics.add_metrics([])


def was_taken_apart(metrics: MetricCollection) -> bool:
    """Return whether somebody got a metric from a collection, which gave the metrics of its groups their own states."""
    return metrics._state_is_copy


def submetrics(metrics: Metric | MetricCollection) -> Iterator[Metric]:
    """Iterate over the metrics and those that they wrap."""
    return (module for module in metrics.modules() if isinstance(module, Metric))


def extremes_of(metrics: Metric | MetricCollection) -> dict[str, MinMaxMetric]:
    """Return by module path the metrics whose minimum and maximum are not states: no reset forgets them."""
    return {path: metric for path, metric in submetrics_by_path(metrics) if isinstance(metric, MinMaxMetric)}


def set_extremes(metric: MinMaxMetric, extremes: Mapping[str, Tensor] | None) -> None:
    """Set a metric's minimum and maximum; None for those before the first value."""
    metric.min_val = torch.tensor(math.inf) if extremes is None else extremes["min_val"]
    metric.max_val = torch.tensor(-math.inf) if extremes is None else extremes["max_val"]


def lists_of(metrics: nn.Module) -> dict[str, ListState]:
    """Describe the lists among the states of metrics, for the other ranks."""
    return {
        f"{path}.{name}": (len(state), *((state[0].dtype, state[0].shape[1:]) if state else (None, None)))
        for path, metric in submetrics_by_path(metrics)
        for name in metric._defaults
        if isinstance(state := getattr(metric, name), list)
    }


def match_lists(metrics: nn.Module, ranks: Sequence[Mapping[str, ListState]]) -> None:
    """Make lists of states such that torchmetrics can combine those of all ranks.

    A rank without updates gets empty tensors of the others' type and shape. In their place torchmetrics would send a
    one-dimensional float32 tensor, at which the processes abort or wait for ever.

    Args:
        metrics: The metrics of this rank.
        ranks: What `lists_of` returns on each rank.
    """
    for metric, name, on_ranks in _lists_on_ranks(metrics, ranks):
        is_joined = isinstance(metric, RetrievalMetric)  # its value is that of the joined lists
        if not is_joined and metric._reductions[name] is not dim_zero_cat:
            continue
        state = getattr(metric, name)
        if is_joined and state:
            state[:] = [torch.cat(state)]
        elif not state:
            _, dtype, shape = next(described for described in on_ranks if described[0])
            assert shape is not None
            state.append(torch.empty(0, *shape, dtype=dtype, device=metric.device))


def check_lists(metrics: Metric | MetricCollection, ranks: Sequence[Mapping[str, ListState]]) -> None:
    """Raise, on all ranks, if torchmetrics would wait for ever for entries that a rank does not have.

    Args:
        metrics: The metrics of this rank, after `match_lists`.
        ranks: What `lists_of` returned on each rank before.

    Raises:
        MetricError: A metric does not join its lists, and their lengths differ.
    """
    for metric, name, on_ranks in _lists_on_ranks(metrics, ranks):
        is_joined = metric._reductions[name] is dim_zero_cat or isinstance(metric, RetrievalMetric)
        if is_joined or not metric.sync_on_compute or len({length for length, _, _ in on_ranks}) == 1:
            continue
        counts = ", ".join(f"{length} on rank {rank}" for rank, (length, _, _) in enumerate(on_ranks))
        raise MetricError(
            f"the states of {type(metric).__name__} cannot be combined over ranks: their lengths differ",
            expected=f"as many entries on each rank, there are {counts}",
            fix="give each rank as many samples, as a DistributedSampler does, or evaluate on one device",
        )


def _lists_on_ranks(
    metrics: nn.Module, ranks: Sequence[Mapping[str, ListState]]
) -> Iterator[tuple[Metric, str, list[ListState]]]:
    """Yield the metric and name of each state that is a list and not empty on some rank, with the lists of all."""
    for path, metric in submetrics_by_path(metrics):
        for name in metric._reductions:
            key = f"{path}.{name}"
            on_ranks = [rank[key] for rank in ranks if key in rank]
            if len(on_ranks) == len(ranks) and any(length for length, _, _ in on_ranks):
                yield metric, name, on_ranks


def plain(tensor: Tensor) -> Tensor:
    """Return a tensor without its graph and its subclass, such as MONAI's MetaTensor, which checkpoints cannot hold."""
    tensor = tensor.detach()
    # a tensor that consists of others, such as a DTensor, has no data of its own
    is_plain = type(tensor) is Tensor or hasattr(tensor, "__tensor_flatten__")
    return tensor if is_plain else tensor.as_subclass(Tensor)


def state_of(metrics: nn.Module, paths: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
    """Copy the states of metrics for a checkpoint, reduced over ranks; under DDP a collective call.

    Args:
        metrics: A metric, a collection, or another module that has some.
        paths: The module paths of the metrics whose states are copied, the same on all ranks; None for all.

    Returns:
        By each metric's module path: its states, tensors or lists of tensors, and its number of updates. With several
        ranks, a metric whose states cannot be combined is left out.
    """
    saved: dict[str, dict[str, Any]] = {}
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        ranks: list[Any] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(ranks, lists_of(metrics))
        match_lists(metrics, ranks)
    for path, metric in submetrics_by_path(metrics):
        if paths is not None and path not in paths:
            continue
        distributed = metric.distributed_available_fn()
        if distributed and not _can_start_from_a_sum(metric):
            continue
        with metric.sync_context(dist_sync_fn=metric.dist_sync_fn, should_sync=True, should_unsync=True):
            states = {name: getattr(metric, name) for name in metric._defaults}
            saved[path] = {
                "states": {
                    name: [plain(item).clone() for item in state] if isinstance(state, list) else plain(state).clone()
                    for name, state in states.items()
                },
                "updates": metric._num_vals_seen if isinstance(metric, Running) else metric._update_count,
            }
    return saved


def load_state(metrics: nn.Module, saved: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Load the states of metrics from a checkpoint.

    Returns:
        The paths of metrics without a state in the checkpoint.
    """
    missing = []
    for path, metric in submetrics_by_path(metrics):
        entry = saved.get(path)
        if entry is None or entry["states"].keys() != metric._defaults.keys():
            missing.append(path or type(metric).__name__)
            continue
        if isinstance(metric, MeanIoU) and not metric._is_initialized and entry["updates"]:
            _initialize(metric, entry["states"])
        for name, state in entry["states"].items():
            tensors = state if isinstance(state, list) else [state]
            moved = [tensor.to(metric.device) for tensor in tensors]
            # a list that was reduced over ranks has become one tensor
            is_list = isinstance(metric._defaults[name], list)
            setattr(metric, name, moved if is_list else moved[0])
        if isinstance(metric, Running):
            metric._num_vals_seen = entry["updates"]
        else:
            metric._update_count = entry["updates"]
        metric._computed = None
    return missing


def _initialize(metric: MeanIoU, states: Mapping[str, Tensor]) -> None:
    """Do what the first update does for a metric that learns the number of classes from it; it would start anew."""
    for name, state in states.items():
        metric.add_state(name, torch.zeros_like(state, device=metric.device), dist_reduce_fx="sum")
    metric.num_classes = len(states["score"]) + (not metric.include_background)
    metric._is_initialized = True


def submetrics_by_path(metrics: nn.Module) -> Iterator[tuple[str, Metric]]:
    """Iterate over the metrics of a module and those that they wrap, with their module paths."""
    return ((path, module) for path, module in metrics.named_modules() if isinstance(module, Metric))


def _can_start_from_a_sum(metric: Metric) -> bool:
    """Return whether one rank may start from the reduced state and the others from empty states."""
    return all(fx in (dim_zero_cat, dim_zero_max, dim_zero_min, dim_zero_sum) for fx in metric._reductions.values())
