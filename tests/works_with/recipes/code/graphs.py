"""Small random graphs."""

import torch
from torch_geometric.data import Data


def graphs(count: int, *, seed: int) -> list[Data]:
    """Make graphs of 5 to 9 nodes, whose class `y` moves the features of the nodes."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for index in range(count):
        nodes = 5 + index % 5
        edges = torch.randint(nodes, (2, 3 * nodes), generator=generator)
        made.append(Data(x=torch.randn(nodes, 4, generator=generator) + index % 2, edge_index=edges, y=index % 2))
    return made
