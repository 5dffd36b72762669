"""Refuse the dtypes that kernels refuse: on shapes alone, torch computes some operations whatever their dtypes are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot", "convolution", "grid_sampler_2d", "grid_sampler_3d")
"""Operations whose tensors must all have one dtype."""

_NORMS = ("native_batch_norm", "native_layer_norm", "native_group_norm")
"""Operations on floating numbers, whose weights have the dtype of the input, or float32 where it is a half."""

_FLOATING = (
    "_softmax",
    "_log_softmax",
    "gelu",
    "silu",
    "mish",
    "hardswish",
    "elu",
    "leaky_relu",
    "native_dropout",
    "upsample_linear1d",
    "upsample_bilinear2d",
    "upsample_bicubic2d",
    "upsample_trilinear3d",
)
"""Operations whose input must be floating numbers."""

_CLASSES = ("nll_loss_forward", "nll_loss2d_forward")
"""Operations whose second argument must be the numbers of classes."""

_LOGICAL = ("bitwise_and", "bitwise_or", "bitwise_xor")
"""Operations on integers and booleans."""


def check_dtypes(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Check the dtypes of an operation of torch.

    Args:
        operation: The operation, such as ``torch.ops.aten.mm.default``.
        args: Its arguments.
        kwargs: Its arguments by keyword.

    Raises:
        TypeError: Its kernel does not exist for them.
    """
    name = operation.overloadpacket.__name__
    tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
    dtypes = [tensor.dtype for tensor in tensors]
    if name in _PRODUCTS and len(set(dtypes)) > 1:
        raise TypeError(f"{name} needs tensors of one dtype, got {_names(dtypes)}")
    if name in _NORMS:
        _check_norm(name, dtypes)
    if name in _FLOATING and not dtypes[0].is_floating_point and not dtypes[0].is_complex:
        raise TypeError(f"{name.lstrip('_')} needs floating numbers, got {_names(dtypes[:1])}")
    if name in _CLASSES and dtypes[1] not in (torch.int64, torch.uint8):
        raise TypeError(f"the target of classes must be int64, got {_names(dtypes[1:2])}")
    if name in _LOGICAL and any(dtype.is_floating_point for dtype in dtypes):
        raise TypeError(f"{name} needs integers or booleans, got {_names(dtypes)}")


def _check_norm(name: str, dtypes: list[torch.dtype]) -> None:
    given, *weights = dtypes
    allowed = {given, torch.float32} if given in (torch.float16, torch.bfloat16) else {given}
    if not given.is_floating_point or not allowed.issuperset(weights):
        what = name.removeprefix("native_")
        raise TypeError(f"{what} needs floating numbers of one dtype, got {_names(dtypes)}")


def _names(dtypes: list[torch.dtype]) -> str:
    return " and ".join(dict.fromkeys(str(dtype).removeprefix("torch.") for dtype in dtypes))
