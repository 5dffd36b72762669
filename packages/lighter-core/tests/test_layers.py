import pytest
import torch
from torch import nn

from lighter.errors import LayerError
from lighter.layers import remove_last_layers, replace_layer, replace_layer_with_identity


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.encoder(x))


def test_a_layer_is_replaced_by_its_path_in_the_network():
    network = Network()
    assert replace_layer(network, "encoder.1", nn.Tanh()) is network
    x = torch.rand(5, 4)
    assert torch.equal(network(x), network.head(torch.tanh(network.encoder[0](x))))


def test_identity_in_the_place_of_the_head_gives_features():
    network = replace_layer_with_identity(Network(), "head")
    x = torch.rand(5, 4)
    assert torch.equal(network(x), network.encoder(x))
    assert set(network.state_dict()) == {"encoder.0.weight", "encoder.0.bias"}


@pytest.mark.parametrize(("name", "nearest"), [("haed", "head"), ("encoder.2", "encoder.0"), ("", None)])
def test_a_missing_layer_is_an_error_with_the_nearest(name, nearest):
    with pytest.raises(LayerError, match="does not exist in Network") as raised:
        replace_layer(Network(), name, nn.Tanh())
    assert nearest is None or nearest in raised.value.nearest


@pytest.mark.parametrize("num_layers", [1, 2])
def test_last_layers_are_cut_off_and_names_stay(num_layers):
    network = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    features = remove_last_layers(network, num_layers)
    x = torch.rand(5, 4)
    assert torch.equal(features(x), network[: 3 - num_layers](x))
    assert len(network) == 3
    assert set(remove_last_layers(Network()).state_dict()) == {"encoder.0.weight", "encoder.0.bias"}


@pytest.mark.parametrize(("network", "num_layers"), [(Network(), 2), (Network(), 0), (nn.Linear(1, 1), 1)])
def test_removing_all_layers_or_none_is_an_error(network, num_layers):
    with pytest.raises(LayerError, match="cannot be removed"):
        remove_last_layers(network, num_layers)
