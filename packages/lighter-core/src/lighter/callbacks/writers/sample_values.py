"""Split what a step returned into the values of each sample."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lighter.errors import LighterError, WriterError, nearest_names

Key = str | Callable[[Mapping[str, Any]], Any]
"""A value of a step's output: its key, or a function of the output that returns a value for the batch."""


def named_outputs(outputs: Any, mode: str) -> Mapping[str, Any]:
    """Return a step's output by name: a dict as it is; anything else as the prediction, in val and test as the loss."""
    if isinstance(outputs, Mapping):
        return outputs
    return {"pred" if mode == "predict" else "loss": outputs}


def select(outputs: Mapping[str, Any], key: Key, *, where: str, error: type[LighterError] = WriterError) -> Any:
    """Return one value of a step's output.

    Args:
        outputs: The output by name.
        key: The key, or a function of the output.
        where: Who needs it, for the message of an error.
        error: The class of the error.

    Raises:
        WriterError: The step did not return the key; or the given error.
    """
    if callable(key):
        try:
            return key(outputs)
        except Exception as raised:
            raised.add_note(f"raised by a function in the keys of {where}")
            raise
    if key not in outputs:
        nearest = nearest_names(key, map(str, outputs))
        example = "" if nearest or not key.isidentifier() else f': return {{"loss": loss, "{key}": {key}}}'
        raise error(
            f"`{key}` does not exist in what the step returned",
            where=where,
            expected=f"one of {', '.join(map(str, outputs))}"
            if outputs
            else "a step that returns a dict with that key",
            nearest=nearest,
            fix=f"use one of these keys, or return the value from the step{example}",
        )
    return outputs[key]


def count_samples(outputs: Mapping[str, Any], values: Iterable[Any], *, where: str) -> int:
    """Count the samples of a step's output.

    The number is the ``batch_size`` of the output, else the first dimension of ``input``, ``target`` or ``pred``, else
    that of the values to write.

    Raises:
        WriterError: Nothing in the output has a batch dimension.
    """
    if isinstance(outputs.get("batch_size"), int):
        return int(outputs["batch_size"])
    values = list(values)
    tensors = [*(outputs.get(name) for name in ("input", "target", "pred")), *values, *outputs.values()]
    for length in (*map(_tensor_length, tensors), *map(_list_length, [*values, *outputs.values()])):
        if length is not None:
            return length
    raise WriterError(
        "the number of samples in a batch is unknown",
        where=where,
        expected="a value with a batch dimension in the step's output",
        fix="return `batch_size` from the step",
    )


def length_of_batch(batch: Any) -> int | None:
    """Count the samples of a batch by its first tensor, or its first list; None if it has neither.

    >>> length_of_batch({"id": "a", "image": torch.zeros(3, 8)}), length_of_batch((torch.zeros(3, 8), None))
    (3, 3)
    """
    if (length := _tensor_length(batch)) is not None:
        return length
    items = [*batch.values()] if isinstance(batch, Mapping) else batch if isinstance(batch, list | tuple) else []
    lengths = (_tensor_length(item) or _list_length(item) for item in items)
    return next((length for length in lengths if length is not None), None)


def split(
    value: Any, num_samples: int, *, name: str, where: str, error: type[LighterError] = WriterError
) -> Sequence[Any]:
    """Split a batch's value into one value for each sample.

    A tensor or array is split along its first dimension, a mapping value by value. A list has one item for each sample.
    A tuple has several values for all samples if each has a batch dimension; else it is treated as a list. A single
    number, text or ``None`` is repeated for every sample. Tensors are moved to the CPU.

    Raises:
        WriterError: The value's length is not the number of samples; or the given error.
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu()
    if value is None or isinstance(value, str | bytes | Number) or _ndim(value) == 0:
        return [value] * num_samples
    if isinstance(value, Mapping):
        parts = {
            key: split(part, num_samples, name=f"{name}/{key}", where=where, error=error) for key, part in value.items()
        }
        return [{key: part[i] for key, part in parts.items()} for i in range(num_samples)]
    if isinstance(value, Tensor | np.ndarray) and len(value) == num_samples:
        return list(value)
    if isinstance(value, tuple | list):
        side_by_side = bool(value) and all(num_samples in (_tensor_length(part), _list_length(part)) for part in value)
        if side_by_side and (isinstance(value, tuple) or len(value) != num_samples):
            parts_ = [
                split(part, num_samples, name=f"{name}/{i}", where=where, error=error) for i, part in enumerate(value)
            ]
            return list(zip(*parts_, strict=True))
        if len(value) == num_samples:
            return [item.detach().cpu() if isinstance(item, Tensor) else item for item in value]
    raise error(
        f"`{name}` must have {num_samples} samples, got {_described(value)}",
        where=where,
        expected=f"one value for each sample of the batch: a tensor whose first dimension is {num_samples}, a list of "
        f"{num_samples} items, or a mapping or tuple of these",
        fix=f"return `{name}` from the step with one value for each sample",
    )


def _ndim(value: Any) -> int | None:
    return value.ndim if isinstance(value, Tensor | np.ndarray | np.generic) else None


def _tensor_length(value: Any) -> int | None:
    if isinstance(value, Mapping):
        return next((length for part in value.values() if (length := _tensor_length(part)) is not None), None)
    return len(value) if isinstance(value, Tensor | np.ndarray) and value.ndim > 0 else None


def _list_length(value: Any) -> int | None:
    return len(value) if isinstance(value, list | tuple) else None


def _described(value: Any) -> str:
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)} items"
    return f"of type {type(value).__name__}"
