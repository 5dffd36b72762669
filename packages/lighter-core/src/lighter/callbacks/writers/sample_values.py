"""From what a step returned to the values of each sample."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lighter.errors import WriterError, nearest_names

Key = str | Callable[[Mapping[str, Any]], Any]
"""Which value of a step's output: its key, or a function of the whole output that returns a value for the batch."""


def named_outputs(outputs: Any, mode: str) -> Mapping[str, Any]:
    """Give a step's output names: a dict keeps its own, anything else is the prediction, in val and test the loss."""
    if isinstance(outputs, Mapping):
        return outputs
    return {"pred" if mode == "predict" else "loss": outputs}


def select(outputs: Mapping[str, Any], key: Key, *, where: str) -> Any:
    """Look up one value of a step's output.

    Raises:
        WriterError: The step returned no such key.
    """
    if callable(key):
        try:
            return key(outputs)
        except Exception as error:
            error.add_note(f"raised by the function that {where} was given for a value of the step's output")
            raise
    if key not in outputs:
        raise WriterError(
            f"`{key}` is not in what the step returned",
            where=where,
            expected=f"one of {', '.join(map(str, outputs))}"
            if outputs
            else "a step that returns a dict with that key",
            nearest=nearest_names(key, map(str, outputs)),
            fix="name one of these keys, or return the value from the step",
        )
    return outputs[key]


def count_samples(outputs: Mapping[str, Any], values: Iterable[Any], *, where: str) -> int:
    """Tell how many samples a step's output holds.

    The step's own ``batch_size`` decides, else the first dimension of ``input``, ``target`` or ``pred``, else that of
    the values to write.

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
        "the number of samples in a batch cannot be known",
        where=where,
        expected="a value with a batch dimension in the step's output",
        fix="return `batch_size` from the step",
    )


def split(value: Any, num_samples: int, *, name: str, where: str) -> Sequence[Any]:
    """Take a batch's value apart into one value a sample.

    A tensor or array is cut along its first dimension, a mapping value by value. A list holds one item a sample. A
    tuple holds several values side by side, each of the whole batch, if all of them have a batch dimension; else it
    is taken as a list. A single number, text or ``None`` counts for every sample. Tensors come to the CPU.

    Raises:
        WriterError: The value's length is not the number of samples.
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu()
    if value is None or isinstance(value, str | bytes | Number) or _ndim(value) == 0:
        return [value] * num_samples
    if isinstance(value, Mapping):
        parts = {key: split(part, num_samples, name=f"{name}/{key}", where=where) for key, part in value.items()}
        return [{key: part[i] for key, part in parts.items()} for i in range(num_samples)]
    if isinstance(value, Tensor | np.ndarray) and len(value) == num_samples:
        return list(value)
    if isinstance(value, tuple | list):
        side_by_side = bool(value) and all(num_samples in (_tensor_length(part), _list_length(part)) for part in value)
        if side_by_side and (isinstance(value, tuple) or len(value) != num_samples):
            parts_ = [split(part, num_samples, name=f"{name}/{i}", where=where) for i, part in enumerate(value)]
            return list(zip(*parts_, strict=True))
        if len(value) == num_samples:
            return [item.detach().cpu() if isinstance(item, Tensor) else item for item in value]
    raise WriterError(
        f"`{name}` is {_described(value)} in a batch of {num_samples} samples",
        where=where,
        expected=f"one value a sample: a tensor whose first dimension is {num_samples}, a list of {num_samples} items, "
        "or a mapping or tuple of these",
        fix=f"return `{name}` from the step with one value a sample",
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
