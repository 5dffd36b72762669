"""Turn what a step predicts into class labels: logits, probabilities or labels, of samples, pixels or tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lighter.errors import PictureError
from lighter.lightning.metric_states import plain


@dataclass(frozen=True, slots=True)
class ClassLabels:
    """Labels of a batch.

    Attributes:
        pred: The predicted label of each element. Of scores for one class: the label if they are probabilities.
        target: The true labels, in the same shape.
        pred_if_logits: Of scores for one class: the label if they are logits. Else None.
        num_outside: The number of such scores outside [0, 1], which only logits have.
    """

    pred: Tensor
    target: Tensor
    pred_if_logits: Tensor | None = None
    num_outside: Tensor | None = None


def class_labels(
    pred: Any, target: Any, num_classes: int, *, ignore_index: int | None, threshold: float, where: str
) -> ClassLabels:
    """Return the labels of a batch.

    Args:
        pred: Scores ``(B, C, ...)``, labels ``(B, ...)``, or with two classes scores of the second, ``(B, ...)`` or
            ``(B, 1, ...)``.
        target: Labels ``(B, ...)`` or ``(B, 1, ...)``.
        num_classes: The number of classes.
        ignore_index: A target that does not count.
        threshold: The probability from which scores for one class mean that class.
        where: The callback and the batch.

    Raises:
        PictureError: They are something else, such as several labels for a sample, or a label is not a class.
    """
    if not isinstance(pred, Tensor) or not isinstance(target, Tensor):
        name, other = ("pred", pred) if not isinstance(pred, Tensor) else ("target", target)
        raise _error(f"`{name}` must be a tensor, got a {type(other).__name__}", num_classes, where)
    pred, target = plain(pred), plain(target).to(pred.device)
    if pred.ndim > 1 and pred.shape[1] == 1 and (pred.ndim > target.ndim or target.shape == pred.shape):
        pred = pred.squeeze(1)
    if target.ndim > 1 and target.shape[1] == 1 and target.ndim == pred.ndim + (pred.shape[1:2] != (num_classes,)):
        target = target.squeeze(1)
    is_one_per_class = pred.ndim > 1 and pred.is_floating_point() and pred.shape[1] == num_classes
    if is_one_per_class and pred.shape == target.shape:
        raise PictureError(
            f"`target` must be labels, got one value for each of {num_classes} classes",
            where=where,
            expected="one class for each sample: several labels for a sample (multilabel) have no confusion matrix",
            fix="for one-hot targets: target=lambda output: output['target'].argmax(1)",
        )
    target = _as_labels(target, "target", num_classes, ignore_index, where)
    if is_one_per_class and pred.shape[:1] + pred.shape[2:] == target.shape:
        return ClassLabels(pred.argmax(1), target)
    if pred.shape != target.shape:
        raise _error(f"`pred` {_shape(pred)} does not fit `target` {_shape(target)}", num_classes, where)
    if not pred.is_floating_point():
        return ClassLabels(_as_labels(pred, "pred", num_classes, None, where), target)
    if num_classes != 2:
        raise _error(f"`pred` has one score for each target, but `num_classes` is {num_classes}", num_classes, where)
    is_outside = (pred < 0) | (pred > 1)
    if ignore_index is not None:
        is_outside &= target != ignore_index
    return ClassLabels(
        (pred > threshold).long(), target, (pred.sigmoid() > threshold).long(), is_outside.sum().to(torch.float64)
    )


def _as_labels(labels: Tensor, name: str, num_classes: int, ignore_index: int | None, where: str) -> Tensor:
    """Return labels as integers, after a look at their range."""
    integers = labels.long()
    if labels.is_floating_point() and not torch.equal(integers.to(labels.dtype), labels):
        raise _error(f"`{name}` must be labels, got numbers that are not integers", num_classes, where)
    if integers.numel():
        counted = integers if ignore_index is None else torch.where(integers == ignore_index, 0, integers)
        low, high = (int(end) for end in counted.aminmax())
        if low < 0 or high >= num_classes:
            raise PictureError(
                f"`{name}` has the label {low if low < 0 else high}, but `num_classes` is {num_classes}",
                where=where,
                expected=f"labels from 0 to {num_classes - 1}",
                fix="raise num_classes, or give ignore_index the label that does not count",
            )
    return integers


def _shape(tensor: Tensor) -> str:
    return f"of shape {tuple(tensor.shape)}"


def _error(what: str, num_classes: int, where: str) -> PictureError:
    scores = " or, of the second class, (B, ...)" if num_classes == 2 else ""
    return PictureError(
        what,
        where=where,
        expected=f"target: labels (B, ...); pred: the same, or scores (B, {num_classes}, ...){scores}",
        fix="return them so from the step, or give pred= and target= a function of the step's output",
    )


def names_of(labels: Sequence[str] | None, num_classes: int, where: str) -> list[str]:
    """Return the names of the classes; their numbers if none are given.

    Raises:
        PictureError: There are more or fewer names than classes.
    """
    if labels is None:
        return [str(number) for number in range(num_classes)]
    if isinstance(labels, str) or len(labels) != num_classes:
        raise PictureError(
            f"`labels` must have {num_classes} names, got {labels if isinstance(labels, str) else len(labels)}",
            where=where,
            expected="a list with a name for each class",
        )
    return [str(label) for label in labels]
