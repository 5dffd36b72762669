"""Augment whole batches, where the network is."""

from collections.abc import Callable
from typing import Any

from torch import Tensor


class AugmentedBatch:
    """Give the input and the target of a batch to a callable that changes both."""

    def __init__(self, augment: Callable[..., tuple[Tensor, Tensor]]) -> None:
        self.augment = augment

    def __call__(self, batch: Any) -> tuple[Tensor, Tensor, None]:
        """Return the augmented input and target, and no identifier."""
        input, target = self.augment(*batch)  # noqa: A001  # the role's name
        return input, target, None
