"""Networks that give a network of a library its batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class KeywordNetwork(nn.Module):
    """Call a network with the items of a mapping as keywords, and return one item of what it returns."""

    def __init__(self, network: nn.Module, output: str) -> None:
        super().__init__()
        self.network = network
        self.output = output

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the item `output`."""
        output: Tensor = self.network(**batch)[self.output]
        return output


class Views(nn.Module):
    """Give each view of a batch to one network; return `(B, number of views, D)`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Return what the network returns for each view, stacked."""
        return torch.stack([self.network(view) for view in views], dim=1)


class GraphClassifier(nn.Module):
    """Two graph convolutions, the mean over the nodes of each graph, and a linear layer."""

    def __init__(self, in_channels: int, hidden_channels: int, num_classes: int) -> None:
        super().__init__()
        from torch_geometric.nn import GCN

        self.convolutions = GCN(in_channels, hidden_channels, num_layers=2, out_channels=num_classes)

    def forward(self, graphs: Any) -> Tensor:
        """Return the logits `(number of graphs, classes)`."""
        from torch_geometric.nn import global_mean_pool

        nodes = self.convolutions(graphs.x, graphs.edge_index)
        pooled: Tensor = global_mean_pool(nodes, graphs.batch)
        return pooled
