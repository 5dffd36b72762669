"""Tensors without values: what an experiment is built on, and what a described batch becomes."""

# ruff: noqa: SLF001  # torch has no public way to convert the parameters of a module otherwise

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isfunction
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn import init
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.nn.parameter import UninitializedTensorMixin, is_lazy  # type: ignore[attr-defined]
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from lighter_cli.described_tensors import TEXTS, TensorDescription
from lighter_cli.shapes.dtype_rules import check_dtypes

_LARGE = 2**20
"""The elements from which a new tensor has no values: code reads small ones, such as weights of a sliding window."""

_MOST_ZEROS = 2**24
"""The elements of the zeros that stand for fakes, 64 MiB in float32."""


class Fakes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, large new tensors and all parameters have no values, and nothing is computed on them.

    Small tensors keep their values, as code that builds a network reads some. What is computed from a tensor without
    values has none either.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._makes_large = False
        self._mode = FakeTensorMode(allow_non_fake_inputs=True)
        logging.getLogger(FakeTensor.__module__).setLevel(logging.CRITICAL)  # the error that is raised says the same

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation: on values if all its tensors have some, else on shapes and dtypes alone."""
        kwargs = kwargs or {}
        tensors = [value for value in pytree.tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        if any(isinstance(tensor, FakeTensor) for tensor in tensors):
            check_dtypes(func, args, kwargs)
        elif not tensors and not self._makes_large:
            with self._mode:
                made = func(*args, **kwargs)
            if isinstance(made, Tensor) and made.numel() >= _LARGE:
                return made
        return func(*args, **kwargs)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Let the parameters of the modules that are built inside have no values, except those of lazy modules."""
        handle = register_module_parameter_registration_hook(self._without_values)
        materialize = UninitializedTensorMixin.materialize

        @wraps(materialize)
        def materialize_with_values(parameter: Any, *args: Any, **kwargs: Any) -> None:
            with self._making_large():  # a parameter that exists cannot become a tensor without values
                materialize(parameter, *args, **kwargs)

        apply = nn.Module._apply
        initializers = {name: one for name, one in vars(init).items() if name[-1] == "_" and isfunction(one)}
        UninitializedTensorMixin.materialize = materialize_with_values
        nn.Module._apply = _apply_to_fakes  # type: ignore[method-assign]
        vars(init).update({name: _leaving_fakes(one) for name, one in initializers.items()})
        try:
            with self:
                yield
        finally:
            handle.remove()
            UninitializedTensorMixin.materialize = materialize
            nn.Module._apply = apply  # type: ignore[method-assign]
            vars(init).update(initializers)

    @contextmanager
    def _making_large(self) -> Iterator[None]:
        self._makes_large = True
        try:
            yield
        finally:
            self._makes_large = False

    def _without_values(self, module: nn.Module, name: str, parameter: Any) -> Any:
        if not isinstance(parameter, nn.Parameter) or isinstance(parameter, FakeTensor) or is_lazy(parameter):
            return None
        return self._mode.from_tensor(parameter)

    @contextmanager
    def reading_files(self) -> Iterator[None]:
        """Let tensors that are read from a file have no values, so that they are not read."""
        with self._mode:
            yield

    def batch(self, described: Any) -> Any:
        """Return a batch of tensors without values; a description in it becomes a tensor or a list of texts."""
        if isinstance(described, dict):
            return {key: self.batch(value) for key, value in described.items()}
        if isinstance(described, list):
            return [self.batch(value) for value in described]
        assert isinstance(described, TensorDescription)
        if described.dtype == TEXTS:
            return [str(number) for number in range(described.sizes[0])]
        with self._mode:
            return torch.zeros(described.sizes, dtype=getattr(torch, described.dtype))

    def zeros_for(self, values: Any) -> Any:
        """Return arguments with zeros for tensors without values, as far as they are small; else the arguments.

        Criteria and metrics look at values, and what they get is small beside what the network holds.
        """
        fakes = [value for value in pytree.tree_leaves(values) if isinstance(value, FakeTensor)]
        if sum(fake.numel() for fake in fakes) > _MOST_ZEROS:
            return values
        with self._making_large():
            return pytree.tree_map_only(FakeTensor, _zeros_like, values)


def _leaving_fakes(initialize: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of ``torch.nn.init`` that does nothing to a tensor without values: some look at them."""

    @wraps(initialize)
    def initialize_values(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        return tensor if isinstance(tensor, FakeTensor) else initialize(tensor, *args, **kwargs)

    return initialize_values


def _apply_to_fakes(module: nn.Module, function: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """Move or convert a module: torch's own way exchanges the memory of parameters, which these do not have."""
    for child in module.children() if recurse else ():
        child._apply(function)  # type: ignore[no-untyped-call]
    kinds: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
    for tensors in kinds:
        for name, tensor in tensors.items():
            if tensor is None or is_lazy(tensor):
                continue
            with torch.no_grad():
                converted = function(tensor)
            if converted is not tensor:
                is_parameter = isinstance(tensor, nn.Parameter)
                tensors[name] = nn.Parameter(converted, tensor.requires_grad) if is_parameter else converted
    return module


def _zeros_like(fake: FakeTensor) -> Tensor:
    zeros = torch.zeros(fake.shape, dtype=fake.dtype)
    return zeros.requires_grad_(fake.requires_grad) if zeros.is_floating_point() else zeros
