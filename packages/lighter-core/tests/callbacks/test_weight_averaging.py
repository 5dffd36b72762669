"""Lightning's callbacks that average weights copy a System, but not its loaders."""

import threading

import pytest
import torch
from pytorch_lightning.callbacks import EMAWeightAveraging, StochasticWeightAveraging
from torch import nn
from torch.utils.data import DataLoader, Dataset

from lighter import System

pytestmark = pytest.mark.filterwarnings("ignore:Swapping scheduler")


class Locked(Dataset):
    """A dataset that cannot be copied."""

    def __init__(self, data):
        self.data = data
        self.lock = threading.Lock()

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        with self.lock:
            return self.data[index]


@pytest.fixture
def system(make_network, make_data):
    network = make_network()
    return System(
        network,
        {
            "train": DataLoader(Locked(make_data(22)), batch_size=4),
            "val": DataLoader(Locked(make_data(9, seed=3)), batch_size=4),
        },
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(),
    )


def steps_by_hand(by_hand, loader):
    """The weights after each step of two epochs."""
    for _ in range(2):
        for inputs, targets in loader:
            by_hand.optimizer.zero_grad()
            by_hand.criterion(by_hand.network(inputs), targets).backward()
            by_hand.optimizer.step()
            yield by_hand.network.weight.detach().clone()


def test_moving_average_equals_one_by_hand(system, by_hand, make_data, make_trainer, epochs):
    make_trainer(callbacks=[EMAWeightAveraging(decay=0.8), epochs]).fit(system)
    average = None
    for weight in steps_by_hand(by_hand, DataLoader(make_data(22), batch_size=4)):
        average = weight if average is None else 0.8 * average + 0.2 * weight
    torch.testing.assert_close(system.network.weight, average)
    assert [set(values) for values in epochs.val] == [{"val/loss/epoch"}] * 2


def test_average_of_epochs_equals_one_by_hand(system, by_hand, make_data, make_trainer):
    first = by_hand.network.weight.detach().clone()
    make_trainer(callbacks=[StochasticWeightAveraging(swa_lrs=0.1, swa_epoch_start=1)]).fit(system)
    steps = list(steps_by_hand(by_hand, DataLoader(make_data(22), batch_size=4)))
    # Lightning takes the weights at the start of each epoch
    torch.testing.assert_close(system.network.weight, (first + steps[len(steps) // 2 - 1]) / 2)
