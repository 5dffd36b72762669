"""The names under which the metrics of a mode are logged."""

from collections.abc import Iterator
from typing import Any

from lighter_config.building.resolving import ARGUMENTS, TARGET
from lighter_config.checks.context import CheckContext
from lighter_config.checks.keyed_metrics import is_keyed
from lighter_config.signatures import Signature
from lighter_config.tree.references import is_computed

_TASKS = {"binary": "Binary", "multiclass": "Multiclass", "multilabel": "Multilabel"}
_SEVERAL_VALUES = frozenset(
    ("MultitaskWrapper", "ClasswiseWrapper", "BootStrapper", "MinMaxMetric", "MeanAveragePrecision", "ROUGEScore")
)
"""Metrics of torchmetrics whose ``compute`` returns a dict: only its entries are logged."""


def metric_names(context: CheckContext, metrics: Any) -> list[str] | None:
    """The names of the metrics of one mode; ``None`` when they are not known."""
    if metrics is None:
        return []
    if isinstance(metrics, list):
        names = [_class_names(context, item) for item in metrics]
        found = [name for some in names if some is not None for name in some]
        return None if None in names else [*found, *_numbered(found)]
    if not isinstance(metrics, dict):
        return None
    if TARGET not in metrics:
        names = [_names_under_key(context, str(key), item) for key, item in metrics.items()]
        return None if None in names else [name for some in names if some is not None for name in some]
    if str(metrics[TARGET]).rpartition(".")[2] != "MetricCollection":
        return _class_names(context, metrics)
    positional = metrics.get(ARGUMENTS, [])
    inner = metrics.get("metrics", positional[0] if isinstance(positional, list) and len(positional) == 1 else None)
    prefix, postfix = metrics.get("prefix") or "", metrics.get("postfix") or ""
    if inner is None or not all(isinstance(part, str) and not is_computed(part) for part in (prefix, postfix)):
        return None
    found_inside = metric_names(context, inner)
    return None if found_inside is None else [f"{prefix}{name}{postfix}" for name in found_inside]


def _names_under_key(context: CheckContext, key: str, item: Any) -> list[str] | None:
    """The names of one entry: its key, with a collection's own names behind it where it says what its metric gets."""
    if not (is_keyed(item) and _is_collection(item.get("metric"))):
        return [key]
    inside = metric_names(context, item["metric"])
    return None if inside is None else [f"{key}/{name}" for name in inside]


def _is_collection(metric: Any) -> bool:
    return isinstance(metric, list) or is_keyed(metric) or _short_target(metric) == "MetricCollection"


def _class_names(context: CheckContext, metric: Any) -> list[str] | None:
    classes = metric_classes(context, metric)
    return None if classes is None else [name.rpartition(".")[2] for name in classes]


def metric_classes(context: CheckContext, metric: Any) -> list[str] | None:
    """Return the import paths of the classes that a metric's target may make; ``None`` when they are not known."""
    target = metric.get(TARGET) if isinstance(metric, dict) else None
    answer = context.reader.read(target) if isinstance(target, str) else None
    if not isinstance(answer, Signature) or not answer.is_class:
        return None
    if answer.parameter("task") is None:
        return [answer.name]
    # torchmetrics.Accuracy(task="multiclass") makes a MulticlassAccuracy
    module, _, name = answer.name.rpartition(".")
    task = metric.get("task")
    prefixes = [_TASKS[task]] if task in _TASKS else _TASKS.values()
    return [f"{module}.{prefix}{name}" for prefix in prefixes]


def names_of_several_values(metrics: Any) -> Iterator[str]:
    """Yield the names of metrics that log a value for each of their keys, and none under their own name."""
    if is_keyed(metrics):
        for key, item in metrics.items():
            metric = item.get("metric") if is_keyed(item) else item
            if _short_target(metric) in _SEVERAL_VALUES:
                yield str(key)
            elif is_keyed(item) and _is_collection(metric):
                yield from (f"{key}/{name}" for name in names_of_several_values(metric))
    else:
        items = metrics if isinstance(metrics, list) else [metrics]
        yield from (name for name in map(_short_target, items) if name in _SEVERAL_VALUES)


def _short_target(metric: Any) -> str:
    target = metric.get(TARGET) if isinstance(metric, dict) else None
    return target.rpartition(".")[2] if isinstance(target, str) else ""


def _numbered(names: list[str]) -> list[str]:
    return [f"{name}-{number}" for name in dict.fromkeys(names) for number in range(1, names.count(name))]
