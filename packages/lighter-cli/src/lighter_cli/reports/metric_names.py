"""Which metrics of runs belong in one figure, and in which order figures come."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_TRAIN, _VAL, _TEST = "train", "val", "test"
_MODES = {"train": _TRAIN, "training": _TRAIN, "val": _VAL, "valid": _VAL, "validation": _VAL, "test": _TEST}
_NAME = re.compile(rf"({'|'.join(_MODES)})[/_](.+)")
_OPTIMIZER = re.compile(r"train/optimizer/(?P<name>.+)/(?P<value>[^/]+)")
_RATE = re.compile(r"lr-.+|train/optimizer/.+/lr|.*learning_rate")
_STEP = ("/step", "_step")
_EPOCH = ("/epoch", "_epoch")


class Metric(NamedTuple):
    """A metric.

    Attributes:
        name: As it is logged.
        mode: ``train``, ``val``, ``test``, or empty.
        stem: The rest of the name, which train and val have in common.
    """

    name: str
    mode: str
    stem: str


def metric_of(name: str) -> Metric:
    """Return what a name says.

    >>> metric_of("val/metrics/Accuracy/epoch")[1:], metric_of("valid_loss")[1:], metric_of("lr-Adam")[1:]
    (('val', 'metrics/Accuracy'), ('val', 'loss'), ('', 'lr-Adam'))
    """
    found = _NAME.fullmatch(name)
    mode, stem = (_MODES[found[1]], found[2]) if found else ("", name)
    for ending in _EPOCH:
        stem = stem.removesuffix(ending)
    return Metric(name, mode, stem)


def is_rate(name: str) -> bool:
    """Return whether a name is that of a learning rate."""
    return _RATE.fullmatch(name) is not None


def shown_metrics(names: Iterable[str]) -> list[str]:
    """Return the names of metrics without those of single steps, and without what optimizers are set to."""
    return [name for name in names if not name.endswith(_STEP) and not _OPTIMIZER.fullmatch(name) and not is_rate(name)]


def paired(names: Iterable[str], monitors: Sequence[str]) -> Mapping[str, list[Metric]]:
    """Return the metrics that have a stem in common, by the stem: what is monitored first, then losses, then the rest.

    Values of training come first in each, so that the others are drawn on top.
    """
    groups: dict[str, list[Metric]] = {}
    for metric in map(metric_of, shown_metrics(names)):
        groups.setdefault(metric.stem, []).append(metric)
    for group in groups.values():
        group.sort(key=lambda metric: metric.mode != _TRAIN)
    return {stem: groups[stem] for stem in sorted(groups, key=lambda stem: _rank(stem, groups[stem], monitors))}


def _rank(stem: str, group: Sequence[Metric], monitors: Sequence[str]) -> tuple[bool, bool, bool]:
    is_monitored = any(metric.name in monitors for metric in group)
    return not is_monitored, "loss" not in stem.lower(), all(metric.mode == _TRAIN for metric in group)
