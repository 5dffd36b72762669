"""Data and adapters for metrics that do not take `pred` and `target` alone."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset


class WithIndexes:
    """Give a retrieval metric the scores, the relevance and the query of each document."""

    def __call__(self, metrics: Callable[..., Any], input: Any, target: Mapping[str, Tensor], pred: Tensor) -> Any:  # noqa: A002  # the role's name
        """Update the metrics."""
        return metrics(pred, target["relevant"], indexes=target["query"])


def documents(count: int, *, seed: int) -> list[dict[str, Tensor]]:
    """Make documents, five for each query, of which some are relevant."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(count, 4, generator=generator)
    relevant = features.sum(1) + torch.randn(count, generator=generator) > 0
    query = torch.arange(count) // 5
    parts = zip(features, relevant, query, strict=True)
    return [{"document": document, "relevant": is_relevant, "query": number} for document, is_relevant, number in parts]


def sounds(count: int, *, seed: int, length: int = 4000, rate: int = 8000) -> TensorDataset:
    """Make pairs of a noisy tone and the clean one, each `(1, length)`: half a second at 8 kHz."""
    generator = torch.Generator().manual_seed(seed)
    seconds = torch.arange(length) / rate
    clean = torch.sin(2 * torch.pi * seconds * (300 + 40 * torch.arange(count)[:, None]))[:, None]
    return TensorDataset(clean + torch.randn(clean.shape, generator=generator) / 4, clean)


def pairs(count: int, *, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Make sequences of 6 tokens, and the same tokens as the target."""
    tokens = torch.randint(1, 10, (count, 6), generator=torch.Generator().manual_seed(seed))
    return [(sequence, sequence) for sequence in tokens]


def as_text(tokens: Tensor) -> list[str]:
    """Write sequences of token numbers as sentences."""
    return [" ".join(f"word{token}" for token in sequence) for sequence in tokens.tolist()]
