"""Check what a step returns, so that all other code has one case to handle."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from lighter.errors import BatchSizeError, StepOutputError

EXAMPLES = 'return loss\nreturn {"loss": loss, "pred": pred, "target": target}'


def as_outputs(output: object, step: str) -> dict[str, Any]:
    """Turn what a step returned into a dict; a tensor is the loss.

    Args:
        output: What the step returned, not None.
        step: The step's name with its class, for the error message.

    Raises:
        StepOutputError: The output is neither a tensor nor a dict.
    """
    if isinstance(output, Tensor):
        return {"loss": output}
    if isinstance(output, dict):
        return output
    if isinstance(output, Mapping):
        return dict(output)
    raise StepOutputError(
        f"{step} must return a loss or a dict, got a {type(output).__name__}: {_shortened(output)}",
        expected="a tensor (the loss), a dict, or None to skip the batch",
        fix=EXAMPLES,
    )


def for_lightning(outputs: dict[str, Any], step: str, module: LightningModule) -> dict[str, Any]:
    """Return a training step's outputs with a tensor under ``loss``, the only type that Lightning accepts.

    Args:
        outputs: The outputs of a training step.
        step: The step's name with its class, for the error message.
        module: The module; if Lightning calls backward and steps its optimizer, that needs the loss.

    Raises:
        StepOutputError: The outputs have no loss to train on.
    """
    loss = outputs.get("loss")
    if isinstance(loss, Tensor):
        return outputs
    if isinstance(loss, Mapping):
        total = loss.get("total")
        if isinstance(total, Tensor):
            return {**outputs, "loss": total}
        if module.automatic_optimization:
            given = f"got {_shortened(total)}" if "total" in loss else f"got {', '.join(map(repr, loss))}"
            raise StepOutputError(
                f"{step}'s losses must have a `total`, {given}",
                expected="a tensor under `total`, which is trained on",
                fix='return {"loss": {"total": ce + dice, "ce": ce, "dice": dice}}',
            )
    if module.automatic_optimization:
        given = f"the loss {_shortened(loss)}" if "loss" in outputs else f"the keys {', '.join(map(repr, outputs))}"
        raise StepOutputError(
            f"{step} must return a `loss` to train on, got {given}",
            expected="a tensor under `loss`, or a dict of them with a `total`",
            fix=EXAMPLES,
        )
    return {key: value for key, value in outputs.items() if key != "loss"}


def loss_terms(outputs: Mapping[str, Any], step: str) -> dict[str, Tensor]:
    """Return the losses as scalar tensors, not divided by ``accumulate_grad_batches``.

    Returns:
        The losses by the part of their names after ``{mode}/loss``: ``""`` for the loss that is trained on (a tensor or
        a dict's ``total``), and ``"/term"`` for each entry of a dict, ``"/total"`` included.

    Raises:
        StepOutputError: A loss is not a number.
    """
    loss = outputs.get("loss")
    if loss is None:
        return {}
    if isinstance(loss, Tensor):
        return {"": loss if loss.ndim == 0 else _scalar(loss, "loss", step)}
    if isinstance(loss, Mapping):
        terms = {f"/{term}": _scalar(value, f"loss[{term!r}]", step) for term, value in loss.items()}
        return {"": terms["/total"], **terms} if "/total" in terms else terms
    return {"": _scalar(loss, "loss", step)}


def batch_size_of(outputs: Mapping[str, Any], batch: object, step: str) -> int:
    """Count the samples of a step.

    The number is the first of these that exists: ``batch_size`` in the outputs; the first dimension of ``input``,
    ``target`` or ``pred``, or the length that two of them share if they are lists with one item for each sample; what
    the batch itself shows (a tensor, its first item, its ``input``, its ``num_graphs``).

    Raises:
        BatchSizeError: None of these exists.
    """
    given = outputs.get("batch_size")
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int | Tensor) or int(given) < 0:
            raise BatchSizeError(
                f"{step}'s `batch_size` must be a number, got {given!r}",
                expected="the number of samples, an int",
            )
        return int(given)
    lists = []
    for role in ("input", "target", "pred"):
        value = outputs.get(role)
        if isinstance(value, Tensor):
            if value.ndim > 0:
                return value.shape[0]
        elif isinstance(value, list | tuple):
            lists.append(value)
    if len(lists) > 1 and len(set(map(len, lists))) == 1:
        size = _size_of_heads(lists, batch)
        return len(lists[0]) if size is None else size
    size = _size_of_batch(batch)
    if size is None:
        raise BatchSizeError(
            f"{step} must return `batch_size` for a batch that is a {type(batch).__name__}",
            expected="the number of samples in what the step returns, as it weights the epoch's loss",
            fix='return {"loss": loss, "batch_size": len(images)}',
        )
    return size


def _size_of_heads(lists: Sequence[Sequence[object]], batch: object) -> int | None:
    """Count the samples if the items of lists are values for all samples, such as those of several heads.

    These items have the same first dimension, and so has a tensor in the batch. None if they do not.
    """
    items = [item for values in lists for item in values]
    lengths = {len(item) if isinstance(item, Tensor) and item.ndim > 0 else None for item in items}
    parts = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, list | tuple) else ()
    in_batch = {len(part) for part in parts if isinstance(part, Tensor) and part.ndim > 0}
    return lengths.pop() if len(lengths) == 1 and lengths <= in_batch else None


def _size_of_batch(batch: object) -> int | None:
    kind = type(batch)
    size = _SIZES.get(kind)
    if size is None:
        size = _SIZES[kind] = _rule_for(batch)
    return size(batch)


def _rule_for(batch: object) -> Callable[[Any], int | None]:
    """Return how to read the size of batches of this type; called once for each type."""
    if isinstance(batch, Tensor):
        return lambda tensor: tensor.shape[0] if tensor.ndim > 0 else None
    if hasattr(batch, "num_graphs"):
        return lambda graphs: int(graphs.num_graphs)
    if isinstance(batch, Mapping):
        return lambda mapping: _size_of_batch(mapping["input"]) if "input" in mapping else None
    if isinstance(batch, Sequence) and not isinstance(batch, str | bytes):
        return _size_of_sequence
    return lambda _: None


def _size_of_sequence(batch: Sequence[Any]) -> int | None:
    first = batch[0] if batch else None
    if isinstance(first, str | bytes):
        return len(batch)
    if isinstance(first, Sequence):  # texts, or images of different sizes, whose first dimension is their channels
        return len(first) if first and isinstance(first[0], str | bytes) else None
    return _size_of_batch(first)


_SIZES: dict[type, Callable[[Any], int | None]] = {}


def _scalar(value: object, name: str, step: str) -> Tensor:
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.reshape(())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return torch.tensor(value, dtype=torch.float64)
    given = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    raise StepOutputError(
        f"{step}'s `{name}` must be a scalar, got {given}",
        expected="a single number, the mean over the batch",
        fix=f"reduce it: `{name}.mean()`" if isinstance(value, Tensor) else EXAMPLES,
    )


def _shortened(value: object) -> str:
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 80 else f"{text[:77]}..."
