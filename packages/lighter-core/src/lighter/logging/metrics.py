"""Metrics as the user gives them, as named members, and as the flat values that are logged."""

import copy
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.wrappers import MetricTracker

from lighter.errors import MetricError
from lighter.lightning.given_values import kind_of
from lighter.lightning.metric_states import (
    keep_on_this_rank,
    keeps_nothing,
    members_by_key,
    plain,
    submetrics,
)
from lighter.logging.cumulative_metrics import CumulativeMetric, is_cumulative
from lighter.logging.keyed_metrics import KEYS, KeyedMetric, check_keys, keyed
from lighter.logging.update_arguments import receivers, second_argument

Metrics = Metric | MetricCollection

_NOT_TARGETS = ("weight", "weights", "sample_weight", "real")
"""Names of second arguments that are not a target, of the mean and of metrics that compare distributions."""

_NAMED = 'give it a name: `{"cls": {"metric": metric, "pred": "logits.cls", "target": "y.cls"}}`'


def as_metrics(given: object, argument: str) -> Metrics | None:
    """Make a metric or a collection of what the user gave.

    A metric and a collection are returned unchanged, and MONAI's cumulative metrics become metrics. A list becomes a
    collection named by classes, made unique (``MulticlassAccuracy``, ``MulticlassAccuracy-1``); a mapping becomes a
    collection named by its keys. A mapping inside a mapping has ``metric``, and ``pred`` and ``target``: the parts of
    these that the metric gets.

    Args:
        given: A Metric, a MetricCollection, a list or mapping of metrics, or None.
        argument: The argument's name, for the error message.

    Raises:
        MetricError: It is something else, or torch does not allow a name.
    """
    match given:
        case None:
            return None
        case Metric() | MetricCollection():
            _check_can_be_logged(given, argument)
            return given
        case _ if is_cumulative(given):
            named = _named_by_class([given])
        case Mapping():
            named = {
                str(name): _keyed(item, argument, str(name)) if isinstance(item, Mapping) else item
                for name, item in given.items()
            }
        case Sequence() if not isinstance(given, str):
            named = _named_by_class(given)
        case _:
            raise _not_a_metric(given, argument)
    members: dict[str, Metrics] = {}
    for name, metric in named.items():
        if is_cumulative(metric):
            members[name] = CumulativeMetric(metric)
        elif isinstance(metric, Metric):
            _check_can_be_logged(metric, f"{argument}[{name!r}]")
            members[name] = metric
        else:
            lacks_name = isinstance(metric, Mapping) or (name in KEYS and "metric" in named)
            raise _not_a_metric(metric, f"{argument}[{name!r}]", fix=_NAMED if lacks_name else "")
    if not members:
        return None
    try:
        return MetricCollection(members)
    except (KeyError, ValueError) as error:  # a dot in a name, or the name of a method of the collection
        raise MetricError(
            f"`{argument}` has an invalid name: {error}",
            expected="names without a dot that are not methods of MetricCollection",
        ) from error


def check_not_shared(metrics: Mapping[str, Metrics | None]) -> None:
    """Raise if two modes share a metric object: each would reset the other's state in the middle of an epoch.

    Raises:
        MetricError: Two modes share an object.
    """
    owners: dict[int, str] = {}
    for argument, collection in metrics.items():
        if collection is None:
            continue
        for metric in submetrics(collection):
            owner = owners.setdefault(id(metric), argument)
            if owner != argument:
                raise MetricError(
                    f"`{owner}` and `{argument}` share one {type(metric).__name__} object",
                    expected="a separate metric object for each mode, as each mode keeps its own state",
                    fix="give each mode a copy, such as `metric.clone()`; in a config copy it with `%`, not `@`",
                )


def members_of(metrics: Metrics) -> dict[str, Metric]:
    """Return the metrics by name; a single metric is named by its class."""
    if isinstance(metrics, MetricCollection):
        prefix, postfix = metrics.prefix or "", metrics.postfix or ""
        return {f"{prefix}{key}{postfix}": metric for key, metric in members_by_key(metrics).items()}
    return {type(metrics).__name__: metrics}


def describe_call(metrics: Metrics, args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """Describe what metrics were updated with, for the note of an exception.

    >>> from torchmetrics import MeanMetric
    >>> describe_call(MeanMetric(), [torch.zeros(4, 2)], {"weight": 1})
    'while MeanMetric was updated with float32 (4, 2), weight=int'
    """
    given = [kind_of(arg) for arg in args] + [f"{name}={kind_of(arg)}" for name, arg in kwargs.items()]
    names = [*members_of(metrics)]
    return f"while {', '.join(names)} {'was' if len(names) == 1 else 'were'} updated with {', '.join(given)}"


def not_targets(metrics: Metrics) -> dict[str, str]:
    """Find the metrics whose second argument is not a target.

    >>> from torchmetrics import MeanMetric
    >>> not_targets(MeanMetric())
    {'MeanMetric': 'weight'}
    """
    found = {}
    for name, metric in members_of(metrics).items():
        if isinstance(metric, KeyedMetric) and metric.has_part("target"):
            continue  # the user said what it gets
        for receiver in receivers(metric):
            if (argument := second_argument(receiver)) in _NOT_TARGETS:
                found[name] = argument
    return found


def compute_flat(name: str, metric: Metric) -> dict[str, Tensor]:
    """Compute a metric over all its updates; under DDP a collective call, over the updates of all ranks.

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
    """Find the names under which a metric's value is logged, by computing it on a copy.

    Returns:
        The names, or None when the metric cannot be computed yet, such as FID on one batch.

    Raises:
        MetricError: The value is neither a scalar, a vector nor a mapping of them.
    """
    probe = copy_of_this_rank(metric, with_states=True)
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as "no positive samples", which is usual after one batch
            value = probe.compute()
    except Exception:  # metrics raise any type when they have too few samples
        return None
    return list(flatten(name, value))


def copy_of_this_rank(metric: Metric, *, with_states: bool) -> Metric:
    """Copy a metric, to compute it on this rank alone.

    Args:
        metric: The metric; networks inside it (FID, LPIPS) are shared with the copy.
        with_states: Copy the states. If False they are shared, for a copy that is reset at once.
    """
    copies = {id(tensor): tensor for tensor in itertools.chain(metric.parameters(), metric.buffers())}
    for inner in submetrics(metric):  # states may be part of a graph, which torch cannot copy
        for state in inner.metric_state.values():
            tensors = state if isinstance(state, list) else [state]
            copies |= {id(tensor): tensor.detach().clone() if with_states else tensor for tensor in tensors}
        # and so may be values that it keeps beside them; a subclass, such as a library's, may have no copy at all
        kept = [value for value in vars(inner).values() if isinstance(value, Tensor)]
        kept = [value for value in kept if value.requires_grad or type(value) is not Tensor]
        copies |= {id(tensor): plain(tensor) for tensor in kept if id(tensor) not in copies}
    alone = copy.deepcopy(metric, copies)
    for inner in submetrics(alone):
        keep_on_this_rank(inner)
    return alone


def flatten(name: str, value: object) -> dict[str, Tensor]:
    """Return the numbers in a metric's value by name.

    >>> flatten("F1", torch.tensor([0.5, 1.0]))
    {'F1/0': tensor(0.5000), 'F1/1': tensor(1.)}
    """
    match value:
        case Tensor() if value.ndim == 0:
            return {name: plain(value)}
        case Tensor() if value.ndim == 1:
            return {f"{name}/{i}": item for i, item in enumerate(plain(value).unbind())}
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
                fix="move it to a callback that updates it with `pred` and `target`, such as WriteMatrix of the"
                " documentation's page Metrics",
            )
    flat: dict[str, Tensor] = {}
    for key, item in items:
        flat |= flatten(f"{name}/{key}", item)
    return flat


def _keyed(given: Mapping[str, object], argument: str, name: str) -> KeyedMetric:
    own = f"{argument}[{name!r}]"
    check_keys(given, own)
    inner = given["metric"]
    metric = CumulativeMetric(inner) if is_cumulative(inner) else as_metrics(inner, f"{own}['metric']")
    if metric is None:
        raise _not_a_metric(inner, f"{own}['metric']")
    return keyed(given, metric, own, f"metrics::{argument.removesuffix('_metrics')}::{name}")


def _named_by_class(given: Sequence[object]) -> dict[str, object]:
    named: dict[str, object] = {}
    for item in given:
        entries = members_of(item).items() if isinstance(item, MetricCollection) else [(type(item).__name__, item)]
        for base, metric in entries:
            names = itertools.chain([base], (f"{base}-{i}" for i in itertools.count(1)))
            named[next(name for name in names if name not in named)] = metric
    return named


def _check_can_be_logged(metrics: Metrics, argument: str) -> None:
    for metric in submetrics(metrics):
        if keeps_nothing(metric):
            window = f"{type(metric).__name__}({type(metric.base_metric).__name__})"
            raise MetricError(
                f"`{argument}` cannot have {window}: it forgets each batch",
                expected="a running window over a metric that keeps sums; this one keeps lists of samples, which the"
                " window empties",
                fix="give the metric `thresholds`, if it has them, or do without the window",
            )


def _not_a_metric(given: object, argument: str, *, fix: str = "") -> MetricError:
    if isinstance(given, MetricTracker):
        return MetricError(
            f"`{argument}` cannot be a MetricTracker: it keeps the values of all epochs, which the logger does here",
            expected="the metric that it tracks; inside a MinMaxMetric also its best value is logged",
            fix="give the metric itself, or `MinMaxMetric(metric)`",
        )
    what = f"the class {given.__name__}, not an object" if isinstance(given, type) else f"a {type(given).__name__}"
    return MetricError(
        f"`{argument}` must be torchmetrics metrics, got {what}",
        expected="a torchmetrics Metric, a MONAI metric with `aggregate` and `reset`, a list or mapping of them, or a"
        " MetricCollection",
        fix=fix or ("write it as a subclass of `torchmetrics.Metric`" if callable(given) else ""),
    )


@contextmanager
def quiet_about_no_update() -> Iterator[None]:
    """Ignore the warning that a metric was computed before it was updated."""
    # a rank, or a metric inside a wrapper of a compute group, may have no updates
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The ``compute`` method of metric")
        yield
