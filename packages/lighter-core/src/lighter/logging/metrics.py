"""Metrics as they are given, as named members, and as the flat values that are logged."""

# ruff: noqa: SLF001  # torchmetrics has no public way to read and restore states without a `state_dict`

import copy
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from lighter.errors import MetricError

Metrics = Metric | MetricCollection


def as_metrics(given: object, argument: str) -> Metrics | None:
    """Make what was given a metric or a collection.

    A metric and a collection stay what they are. A list becomes a collection named by classes, made unique
    (``MulticlassAccuracy``, ``MulticlassAccuracy-1``), a mapping one named by its keys.

    Args:
        given: A Metric, a MetricCollection, a list or mapping of metrics, or None.
        argument: The argument's name, for the error message.

    Raises:
        MetricError: Something else was given, or a name that torch does not allow.
    """
    match given:
        case None:
            return None
        case Metric() | MetricCollection():
            return given
        case Mapping():
            named = {str(name): metric for name, metric in given.items()}
        case Sequence() if not isinstance(given, str):
            named = _named_by_class(given)
        case _:
            raise _not_a_metric(given, argument)
    for name, metric in named.items():
        if not isinstance(metric, Metric):
            raise _not_a_metric(metric, f"{argument}[{name!r}]")
    if not named:
        return None
    try:
        return MetricCollection(named)
    except (KeyError, ValueError) as error:  # a dot in a name, or the name of a method of the collection
        raise MetricError(
            f"`{argument}` has a name that cannot be used: {error}", expected="names without a dot, no method names"
        ) from error


def check_not_shared(metrics: Mapping[str, Metrics | None]) -> None:
    """Refuse one metric object in two modes: each would reset the other's state in the middle of an epoch.

    Raises:
        MetricError: An object is in two modes.
    """
    owners: dict[int, str] = {}
    for argument, collection in metrics.items():
        if collection is None:
            continue
        for metric in submetrics(collection):
            owner = owners.setdefault(id(metric), argument)
            if owner != argument:
                raise MetricError(
                    f"one {type(metric).__name__} object is in both `{owner}` and `{argument}`",
                    expected="a metric object of its own for each mode, as each keeps its own state",
                    fix="give each mode its own, such as `metric.clone()`; in a config copy it with `%`, not `@`",
                )


def members(metrics: Metrics) -> dict[str, Metric]:
    """Name the metrics; a single metric is named by its class."""
    if isinstance(metrics, MetricCollection):
        return dict(metrics.items(keep_base=False, copy_state=False))
    return {type(metrics).__name__: metrics}


def submetrics(metrics: Metrics) -> Iterator[Metric]:
    """Walk the metrics and what they wrap."""
    return (module for module in metrics.modules() if isinstance(module, Metric))


def num_updates(metric: Metric) -> int:
    """Count the updates since the last reset; a wrapper's are those of the metric it wraps."""
    return max(inner.update_count for inner in submetrics(metric))


def describe_call(metrics: Metrics, args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """Say what metrics were given, for the note of an exception.

    >>> from torchmetrics import MeanMetric
    >>> describe_call(MeanMetric(), [torch.zeros(4, 2)], {"weight": 1})
    'while MeanMetric was updated with float32 (4, 2), weight=int'
    """
    given = [_kind(arg) for arg in args] + [f"{name}={_kind(arg)}" for name, arg in kwargs.items()]
    return f"while {', '.join(members(metrics))} was updated with {', '.join(given)}"


def compute_flat(name: str, metric: Metric) -> dict[str, Tensor]:
    """Compute a metric over what it has seen; under DDP a collective call, over what all ranks have seen.

    Raises:
        MetricError: The value is neither a scalar, a vector nor a mapping of them.
    """
    try:
        with quiet_about_no_update():
            value = metric.compute()
    except Exception as error:
        error.add_note(f"while metric `{name}` was computed over the epoch")
        raise
    return flatten(name, value)


def names_of_value(name: str, metric: Metric) -> list[str] | None:
    """Learn under which names a metric's value is logged by computing it on a copy, which leaves no trace.

    Returns:
        The names, or None when the metric cannot be computed yet, such as FID on one batch.

    Raises:
        MetricError: The value is neither a scalar, a vector nor a mapping of them.
    """
    probe = copy_of_this_rank(metric, with_states=True)
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "no positive samples" is no news after one batch
            value = probe.compute()
    except Exception:  # whatever a metric raises while it has seen too little
        return None
    return list(flatten(name, value))


def copy_of_this_rank(metric: Metric, *, with_states: bool) -> Metric:
    """Copy a metric to compute it on this rank alone.

    Args:
        metric: The metric; networks inside it (FID, LPIPS) are shared with the copy.
        with_states: Copy the states. Without it they are shared, for a copy that is reset at once.
    """
    copies = {id(tensor): tensor for tensor in itertools.chain(metric.parameters(), metric.buffers())}
    for inner in submetrics(metric):  # states may hang on a graph, which torch cannot copy
        for state in inner.metric_state.values():
            tensors = state if isinstance(state, list) else [state]
            copies |= {id(tensor): tensor.detach().clone() if with_states else tensor for tensor in tensors}
    alone = copy.deepcopy(metric, copies)
    for inner in submetrics(alone):
        inner._to_sync = False
    return alone


def flatten(name: str, value: object) -> dict[str, Tensor]:
    """Name the numbers in a metric's value.

    >>> flatten("F1", torch.tensor([0.5, 1.0]))
    {'F1/0': tensor(0.5000), 'F1/1': tensor(1.)}
    """
    match value:
        case Tensor() if value.ndim == 0:
            return {name: value.detach()}
        case Tensor() if value.ndim == 1:
            return {f"{name}/{i}": item for i, item in enumerate(value.detach().unbind())}
        case bool() | int() | float():
            return {name: torch.tensor(float(value), dtype=torch.float64)}
        case Mapping():
            items: Iterator[tuple[object, object]] = iter(value.items())
        case tuple() | list():
            items = iter(enumerate(value))
        case _:
            shape = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"type {type(value).__name__}"
            raise MetricError(
                f"the value of metric `{name}` cannot be logged: it has {shape}",
                expected="a scalar, a vector, or a mapping of them",
                fix="leave this metric out of the configured ones and compute it in a callback",
            )
    flat: dict[str, Tensor] = {}
    for key, item in items:
        flat |= flatten(f"{name}/{key}", item)
    return flat


def state_of(metrics: Metrics) -> dict[str, dict[str, Any]]:
    """Copy the states for a checkpoint, reduced over ranks; under DDP a collective call.

    Returns:
        For each metric by its module path: its states, tensors or lists of tensors, and how often it was updated.
        A metric whose states cannot be added to each other is left out when there are several ranks.
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


def load_state(metrics: Metrics, saved: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Load states from a checkpoint.

    Returns:
        The paths of metrics that found no state.
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


def _named_by_class(given: Sequence[object]) -> dict[str, object]:
    named: dict[str, object] = {}
    for item in given:
        entries = members(item).items() if isinstance(item, MetricCollection) else [(type(item).__name__, item)]
        for base, metric in entries:
            names = itertools.chain([base], (f"{base}-{i}" for i in itertools.count(1)))
            named[next(name for name in names if name not in named)] = metric
    return named


def _not_a_metric(given: object, argument: str) -> MetricError:
    what = f"the class {given.__name__}, not an object" if isinstance(given, type) else f"a {type(given).__name__}"
    return MetricError(
        f"`{argument}` is {what}",
        expected="a torchmetrics Metric, a list or mapping of them, or a MetricCollection",
        fix="make a metric of it by subclassing `torchmetrics.Metric`" if callable(given) else "",
    )


def _submetrics_by_path(metrics: Metrics) -> Iterator[tuple[str, Metric]]:
    return ((path, module) for path, module in metrics.named_modules() if isinstance(module, Metric))


def _can_start_from_a_sum(metric: Metric) -> bool:
    """Tell whether one rank may start from the reduced state and the others from nothing."""
    from torchmetrics.utilities import dim_zero_cat, dim_zero_max, dim_zero_min, dim_zero_sum

    return all(fx in (dim_zero_cat, dim_zero_max, dim_zero_min, dim_zero_sum) for fx in metric._reductions.values())


@contextmanager
def quiet_about_no_update() -> Iterator[None]:
    """Leave out the warning that a metric was computed before it was updated."""
    # a rank, or a metric inside a wrapper of a compute group, may not have been updated itself
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The ``compute`` method of metric")
        yield


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    return type(value).__name__
