"""MONAI's cumulative metrics as metrics of torchmetrics, without an import of MONAI."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat
from torchmetrics.wrappers.abstract import WrapperMetric

from lighter.errors import MetricError
from lighter.lightning.metric_states import plain

_STATES = ("tensors_0", "tensors_1", "tensors_2", "tensors_3")


@runtime_checkable
class Cumulative(Protocol):
    """What MONAI's ``CumulativeIterationMetric`` offers: a call collects a batch, ``aggregate`` computes the value."""

    def __call__(self, y_pred: Any, y: Any = None, /) -> Any:
        """Collect a batch and return what was collected: a tensor or a list of them, each batch first."""
        ...

    def get_buffer(self) -> Any:
        """Return all that was collected: a tensor, or a list of them."""
        ...

    def aggregate(self) -> Any:
        """Compute the value of what `get_buffer` returns."""
        ...

    def reset(self) -> None:
        """Forget what was collected."""
        ...


def is_cumulative(value: object) -> TypeGuard[Cumulative]:
    """Return whether a value is a cumulative metric: not its class, and not a module, whose `get_buffer` differs."""
    return isinstance(value, Cumulative) and not isinstance(value, type | nn.Module)


class CumulativeMetric(WrapperMetric):
    """A cumulative metric whose batches are states of torchmetrics: they are reset, saved and synchronized as these.

    Args:
        metric: The cumulative metric; it is left empty.
    """

    def __init__(self, metric: Cumulative) -> None:
        super().__init__()
        self.metric = metric
        # not states of its own: a collection takes metrics for one whose states are equal in the first batch
        self.batches = Batches()

    def update(self, y_pred: Any, y: Any = None) -> None:
        """Collect a batch.

        Raises:
            MetricError: The metric collects more tensors than any of MONAI's.
        """
        self.batches.update(self._collected(y_pred, y))

    def forward(self, y_pred: Any, y: Any = None) -> Any:
        """Collect a batch, and return its value."""
        collected = self._collected(y_pred, y)
        self.batches.update(collected)
        return self._aggregated(collected)

    def compute(self) -> Any:
        """Compute the value of all batches."""
        return self._aggregated(self.batches.compute().tensors)

    def reset(self) -> None:
        """Forget all batches."""
        self.batches.reset()
        super().reset()

    def _collected(self, y_pred: Any, y: Any) -> list[Tensor]:
        try:
            collected = self.metric(y_pred, y)
        finally:
            self.metric.reset()
        tensors = collected if isinstance(collected, list | tuple) else [collected]
        if len(tensors) > len(_STATES):
            raise MetricError(
                f"{type(self.metric).__name__} collects {len(tensors)} tensors in a batch",
                expected=f"at most {len(_STATES)}",
                fix="write it as a subclass of `torchmetrics.Metric`",
            )
        return [plain(torch.as_tensor(tensor)) for tensor in tensors]

    def _aggregated(self, tensors: list[Tensor]) -> Any:
        copies = [tensor.clone() for tensor in tensors]  # MONAI changes them in place
        was_read = False

        def get_buffer() -> Any:
            nonlocal was_read
            was_read = True
            return copies[0] if len(copies) == 1 else copies or None

        # MONAI would synchronize what already is: each rank's batches would count several times
        self.metric.get_buffer = get_buffer  # type: ignore[method-assign]
        try:
            value = self.metric.aggregate()
        finally:
            del self.metric.get_buffer
        if not was_read:
            raise MetricError(
                f"{type(self.metric).__name__} does not compute its value from `get_buffer`",
                expected="a metric whose `aggregate` reads what its calls have returned from `get_buffer`",
                fix="write it as a subclass of `torchmetrics.Metric`",
            )
        return _as_tensors(value)


class Collected:
    """All batches of a metric; torchmetrics would change the shape of tensors in a list.

    Attributes:
        tensors: One tensor for each that a batch has, batch first.
    """

    def __init__(self, tensors: list[Tensor]) -> None:
        self.tensors = tensors


class Batches(Metric):
    """The tensors that each batch has, as states."""

    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        for name in _STATES:
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, tensors: list[Tensor]) -> None:
        """Add the tensors of a batch, batch first."""
        for name, tensor in zip(_STATES, tensors, strict=False):
            getattr(self, name).append(tensor)

    def compute(self) -> Collected:
        """Join the batches."""
        states = [getattr(self, name) for name in _STATES]
        # a state that no batch has filled is an empty tensor once it is synchronized
        return Collected([dim_zero_cat(state) for state in states if any(map(len, state))])


def _as_tensors(value: Any) -> Any:
    """Return a value with tensors for arrays, and scalars for what has one number: the mean of MONAI has shape (1,)."""
    if isinstance(value, np.ndarray | Tensor):
        tensor = torch.as_tensor(value)
        return tensor.reshape(()) if tensor.numel() == 1 else tensor
    if isinstance(value, Mapping):
        return {name: _as_tensors(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_tensors(item) for item in value]
    return value
