"""Losses with several terms."""

from typing import Any

from torch import Tensor, nn


class SumOfLosses(nn.Module):
    """Return each loss under its name, and their sum as the `total` that is trained."""

    def __init__(self, **losses: nn.Module) -> None:
        super().__init__()
        self.losses = nn.ModuleDict(losses)

    def forward(self, *arguments: Any) -> dict[str, Tensor]:
        """Give the arguments to each loss."""
        terms = {name: loss(*arguments) for name, loss in self.losses.items()}
        return {"total": sum(terms.values()), **terms}


class LossOfViews(nn.Module):
    """Give the views of a batch, `(B, 2, D)`, to a loss that takes two embeddings."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, views: Tensor) -> Tensor:
        """Return the loss of the first and the second view."""
        loss: Tensor = self.loss(*views.unbind(1))
        return loss


class MinedLoss(nn.Module):
    """Give a loss the pairs or triplets that a miner finds in the batch."""

    def __init__(self, miner: nn.Module, loss: nn.Module) -> None:
        super().__init__()
        self.miner = miner
        self.loss = loss

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of what the miner found."""
        loss: Tensor = self.loss(embeddings, labels, self.miner(embeddings, labels))
        return loss
