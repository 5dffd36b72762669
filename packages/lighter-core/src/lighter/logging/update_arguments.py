"""What the updates of metrics take, and what they are given."""

import copy
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.metric import CompositionalMetric
from torchmetrics.wrappers.abstract import WrapperMetric

from lighter.logging.cumulative_metrics import CumulativeMetric
from lighter.real_signature import real_signature


def receivers(module: nn.Module) -> Iterator[Metric]:
    """Iterate over the metrics that get the arguments of an update, which a wrapper passes on."""
    is_wrapper = isinstance(module, WrapperMetric | CompositionalMetric) and not isinstance(module, CumulativeMetric)
    if isinstance(module, Metric) and not is_wrapper:
        yield module
    else:
        for child in module.children():
            yield from receivers(child)


def parameters(metric: Metric) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a metric's ``update`` by name."""
    return real_signature(metric.update).parameters


def second_argument(metric: Metric) -> str:
    """Return the name of the second argument of a metric's ``update``; empty if it has one."""
    return [*parameters(metric), "", ""][1]


def detached(value: Any) -> Any:
    """Return a value without the graphs of its tensors: a metric that keeps preds would keep them.

    Tensors in dicts, lists and tuples are detached too, in copies of these.
    """
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, dict):
        values = copy.copy(value)
        for key, item in value.items():
            values[key] = detached(item)
        return values
    if type(value) is list:
        return [detached(item) for item in value]
    if isinstance(value, tuple):
        items = map(detached, value)
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value
