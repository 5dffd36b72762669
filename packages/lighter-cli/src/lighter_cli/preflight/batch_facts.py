"""The tensors of a batch: names, shapes, dtypes, ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor

_MAX_TENSORS = 20


def tensor_facts(batch: Any) -> list[dict[str, Any]]:
    """Return name, shape, dtype and range of each tensor of a batch, at most twenty.

    >>> tensor_facts({"image": torch.zeros(2, 3)})
    [{'name': 'image', 'shape': [2, 3], 'dtype': 'float32', 'min': 0.0, 'max': 0.0}]
    """
    return [fact_of(name, tensor) for name, tensor in tensors_in(batch)]


def tensors_in(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a batch with their names, which are keys and indices."""
    yield from islice(_tensors(value, name), _MAX_TENSORS)


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name or "batch", value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _tensors(item, f"{name}[{index}]" if name else f"[{index}]")


def fact_of(name: str, tensor: Tensor) -> dict[str, Any]:
    """Return what there is to say about one tensor; the range is that of its finite values."""
    facts: dict[str, Any] = {"name": name, "shape": list(tensor.shape), "dtype": str(tensor.dtype).split(".")[-1]}
    if tensor.layout is not torch.strided or tensor.is_complex() or tensor.is_quantized:
        return facts
    values = tensor.detach()
    if values.is_floating_point():
        is_finite = torch.isfinite(values)
        if not bool(is_finite.all()):
            facts["num_not_finite"] = int((~is_finite).sum())
            values = values[is_finite]
    if values.numel():
        low, high = torch.aminmax(values)
        facts |= {"min": low.item(), "max": high.item()}
    return facts
