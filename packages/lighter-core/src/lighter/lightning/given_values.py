"""Describe what a call that failed was given, and which sample of a batch differs from the others."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from inspect import isfunction
from types import FrameType

from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn.modules import module as torch_module

_MAX_ODD = 3


def kind_of(value: object) -> str:
    """Describe a value by its type, and a tensor by its dtype and shape.

    >>> import torch
    >>> kind_of((torch.zeros(2, 3), {"id": 7}, None))
    '(float32 (2, 3), {id: int}, None)'
    """
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if value is None:
        return "None"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {kind_of(item)}' for name, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"({', '.join(kind_of(item) for item in value)})"
    return type(value).__name__


def failed_call(frames: Iterable[FrameType], module: LightningModule) -> str:
    """Say what the module's network, criterion or inferer was given, as a torch module that failed; else empty."""
    parts = [part for name in ("network", "criterion", "inferer") if (part := getattr(module, name, None)) is not None]
    for frame in frames:
        if frame.f_code.co_filename != torch_module.__file__ or "args" not in frame.f_locals:
            continue
        called = frame.f_locals.get("self")
        if any(called is part for part in parts):
            named = [f"{name}={_with_range(value)}" for name, value in frame.f_locals.get("kwargs", {}).items()]
            given = [_with_range(value) for value in frame.f_locals["args"]]
            return f"{type(called).__name__} was given {', '.join([*given, *named])}"
    return ""


def failed_inference(frames: Iterable[FrameType], module: LightningModule) -> str:
    """Say what the module's inferer was given when it, or the network inside it, failed; empty if neither did."""
    inferer = getattr(module, "inferer", None)
    called = inferer.func if isinstance(inferer, partial) else inferer
    code = getattr(called if isfunction(called) else type(called).__call__, "__code__", None)
    for frame in frames:
        if code is None or frame.f_code is not code:
            continue
        names = code.co_varnames[: code.co_argcount]
        given = names[:1] if isfunction(called) else names[1:2]  # without `self`
        if given and (isfunction(called) or frame.f_locals.get(names[0]) is called):
            name = called.__name__ if isfunction(called) else type(called).__name__
            return f"{name} was given {_with_range(frame.f_locals.get(given[0]))}"
    return ""


def odd_samples(samples: object, indices: Sequence[object]) -> str:
    """Name the samples of a batch that differ from most others in type, dtype or shape; empty if none or many do."""
    if not isinstance(samples, list) or len(samples) != len(indices):
        return ""
    kinds = [kind_of(sample) for sample in samples]
    ((usual, count), *_) = Counter(kinds).most_common() or [("", 0)]
    odd = [(index, kind) for index, kind in zip(indices, kinds, strict=True) if kind != usual]
    if not odd or len(odd) > _MAX_ODD or count <= len(odd):
        return ""
    return f"{', '.join(f'sample {index} is {kind}' for index, kind in odd)}; the others are {usual}"


def _with_range(value: object) -> str:
    text = kind_of(value)
    if not isinstance(value, Tensor) or value.is_floating_point() or value.is_complex() or not value.numel():
        return text
    try:
        return f"{text} in {value.min().item()}...{value.max().item()}"
    except RuntimeError:  # the device has failed and answers no more
        return text
