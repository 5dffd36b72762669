"""Judge what the network and the criterion get in the first step: ranges, labels, the loss before any training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from lighter_cli.preflight.batch_facts import fact_of, tensors_in
from lighter_config import Finding, Severity

BATCH = "batch"
"""The name of the check that looks at a batch."""

_LARGE = 30.0
"""Above it, an image is not normalized; those of the usual means and deviations end at 3."""

_PIXELS = 16.0
_IMAGE_DIMENSIONS = 3
_HIGH_LOSS = 2.0
_SLACK = 1.0
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Labels:
    """Where to say that something is wrong.

    Attributes:
        mode: The mode of the step.
        loader: The path in the config of the loader of the mode.
        criterion: The path of the criterion.
    """

    mode: str
    loader: str
    criterion: str


class NetworkCalls:
    """Hooks on a module: the first input of the network, and the first call of a cross entropy, of each mode.

    Args:
        module: The LightningModule.
        labels: Returns where things are, for the loop that runs now.
        report: Takes the findings.
    """

    def __init__(self, module: nn.Module, labels: Callable[[], Labels], report: Callable[[Finding], object]) -> None:
        self._labels = labels
        self._report = report
        self._seen: set[tuple[str, str]] = set()
        self._criterion_names = {id(one) for one in module.modules() if isinstance(one, nn.CrossEntropyLoss)}
        network = getattr(module, "network", None)
        networks = [network] if isinstance(network, nn.Module) else list(module.children())
        for one in networks:
            if id(one) not in self._criterion_names:
                one.register_forward_pre_hook(self._before_network, with_kwargs=True)
        for one in module.modules():
            if isinstance(one, nn.CrossEntropyLoss):
                one.register_forward_pre_hook(self._before_criterion)
                one.register_forward_hook(self._after_criterion)

    def _before_network(self, network: nn.Module, args: Any, kwargs: Any) -> None:
        labels = self._labels()
        if self._is_first(labels.mode, "input"):
            for finding in judged_inputs([*args, *kwargs.values()], labels):
                self._report(finding)

    def _before_criterion(self, criterion: nn.CrossEntropyLoss, args: Any) -> None:
        labels = self._labels()
        if len(args) > 1 and isinstance(args[0], Tensor) and isinstance(args[1], Tensor):
            for finding in judged_labels(args[0].detach(), args[1].detach(), criterion.ignore_index, labels):
                if self._is_first(labels.mode, finding.message):
                    self._report(finding)

    def _after_criterion(self, criterion: nn.CrossEntropyLoss, args: Any, loss: Any) -> None:
        labels = self._labels()
        is_mean = criterion.reduction == "mean" and isinstance(loss, Tensor) and loss.numel() == 1
        if labels.mode == "train" and is_mean and self._is_first("train", "loss"):
            for finding in judged_loss(float(loss.detach()), args[0].shape[1 if args[0].ndim > 1 else 0], labels):
                self._report(finding)

    def _is_first(self, mode: str, what: str) -> bool:
        is_first = (mode, what) not in self._seen
        self._seen.add((mode, what))
        return is_first


def judged_inputs(inputs: Any, labels: Labels) -> Iterator[Finding]:
    """Yield what is wrong with what a network gets: nan, a constant, numbers that nobody normalized."""
    for _, tensor in tensors_in(inputs):
        if not tensor.is_floating_point() or not tensor.numel():
            continue
        facts = fact_of("input", tensor)
        shape = f"{facts['dtype']} of {tuple(facts['shape'])}"
        what = Finding(message="", severity=Severity.WARNING, path=labels.loader, check=BATCH)
        if num := facts.get("num_not_finite"):
            yield replace(
                what,
                severity=Severity.ERROR,
                message=f"the {labels.mode} input has {num} values that are nan or infinite",
                expected=("finite numbers",),
                fix=f"clean the samples of {labels.loader}: the loss becomes nan with them",
            )
        if "min" not in facts:
            continue
        low, high = facts["min"], facts["max"]
        if low == high and tensor.numel() > 1:
            yield replace(
                what,
                message=f"the {labels.mode} input is {low:g} everywhere ({shape})",
                expected=("samples that differ",),
                fix=f"look at the dataset and transforms of {labels.loader}",
            )
        elif tensor.ndim >= _IMAGE_DIMENSIONS and (is_raw(tensor, low, high) or max(-low, high) > _LARGE):
            yield replace(
                what,
                message=f"the {labels.mode} input is not normalized: {low:g} to {high:g} ({shape})",
                expected=("values near 0, such as 0 to 1, or with mean 0 and deviation 1",),
                fix=f"divide by {255 if low >= 0 and high <= 255 else 'the range'}, or normalize, in the transforms "
                f"of {labels.loader}",
            )


def is_raw(tensor: Tensor, low: float, high: float) -> bool:
    """Return whether numbers are those of 8-bit images: integers from 0 to 255, kept as floats."""
    return low >= 0 and _PIXELS < high <= 255 and bool((tensor == tensor.round()).all())


def judged_labels(pred: Tensor, target: Tensor, ignored: int, labels: Labels) -> Iterator[Finding]:
    """Yield what is wrong with what a cross entropy gets.

    Args:
        pred: Scores, ``(B, C, ...)`` or ``(C,)``.
        target: Classes, ``(B, ...)``, as integers; probabilities are not judged.
        ignored: The class that does not count.
        labels: Where things are.
    """
    classes = pred.shape[1] if pred.ndim > 1 else pred.shape[0]
    if not target.is_floating_point() and target.numel():
        counted = target[target != ignored]
        wrong = counted[(counted < 0) | (counted >= classes)]
        if wrong.numel():
            yield Finding(
                message=f"a {labels.mode} label is {int(wrong[0])}, and there are {classes} classes",
                path=labels.loader,
                expected=(f"0 to {classes - 1}" + ("" if ignored < 0 else f", or {ignored}, which is ignored"),),
                fix=f"give the network more outputs, or correct the labels of {labels.loader}",
                check=BATCH,
            )
    if pred.ndim > 1 and classes > 1 and is_probability(pred):
        yield Finding(
            message="the criterion gets probabilities: a cross entropy takes a softmax itself",
            severity=Severity.WARNING,
            path=labels.criterion,
            expected=("scores before the softmax",),
            fix="remove the softmax at the end of the network",
            check=BATCH,
        )


def is_probability(pred: Tensor) -> bool:
    """Return whether the scores of the classes, ``(B, C, ...)``, are positive and add up to 1."""
    is_positive = pred.is_floating_point() and bool((pred >= 0).all())
    return is_positive and bool(((pred.sum(dim=1) - 1).abs() < _SUM_TOLERANCE).all())


def judged_loss(loss: float, classes: int, labels: Labels) -> Iterator[Finding]:
    """Yield what is wrong with the first loss of a cross entropy, which is near the logarithm of the classes."""
    expected = math.log(max(2, classes))
    if math.isnan(loss) or math.isinf(loss):
        yield Finding(
            message=f"the loss of the first batch is {loss:g}",
            path=labels.criterion,
            expected=(f"about {expected:.2f}, the logarithm of {classes} classes",),
            fix="look at the input and the outputs of the network; a learning rate is not the cause yet",
            check=BATCH,
        )
    elif loss > _HIGH_LOSS * expected + _SLACK:
        yield Finding(
            message=f"the loss starts at {loss:.3g}, far above that of guessing",
            severity=Severity.WARNING,
            path=labels.criterion,
            expected=(f"about {expected:.2f}, the logarithm of {classes} classes",),
            fix="normalize the input, or scale the last layer's first weights down",
            check=BATCH,
        )
