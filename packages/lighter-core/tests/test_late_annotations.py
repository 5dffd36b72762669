"""Fits of objects whose annotations name what only type checkers import, which Python 3.14 allows."""

import sys
from functools import partial
from types import ModuleType

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from lighter import System
from lighter.optimizers import CombinedOptimizer

pytestmark = pytest.mark.skipif(sys.version_info < (3, 14), reason="older Pythons evaluate annotations at once")

TEXT = """
from typing import TYPE_CHECKING

import torch
from torch import nn
from torchmetrics import MeanMetric

if TYPE_CHECKING:
    from shapes import Batch, Rate, Values

class Network(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.epochs = []

    def forward(self, x: Batch, epoch: Values = None) -> Batch:
        self.epochs.append(epoch)
        return self.inner(x)

class Share(MeanMetric):
    def update(self, preds: torch.Tensor, target: torch.Tensor) -> None:  # torchmetrics 1.9 evaluates these
        super().update((preds.argmax(1) == target).float())

class Descent(torch.optim.SGD):
    def step(self, closure: Values = None) -> Values:
        return super().step(closure)

class Steps(torch.optim.lr_scheduler.StepLR):
    def __init__(self, optimizer: Descent, step_size: int, gamma: Rate = 0.5) -> None:
        super().__init__(optimizer, step_size, gamma)
"""


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("written")
    exec(TEXT, vars(module))
    monkeypatch.setitem(sys.modules, "written", module)
    return module


@pytest.mark.parametrize("is_compiled", [False, True])
@pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch.compile looks at preds between graphs
def test_a_fit_logs_and_resumes(written, is_compiled, make_network, make_data, make_trainer, epochs, tmp_path):
    def make():
        network = written.Network(make_network())
        descent = partial(written.Descent, lr=0.1)
        optimizer = CombinedOptimizer(
            network, {"biases": {"optimizer": descent, "types": ["biases"]}, "rest": {"optimizer": descent}}
        )
        system = System(
            network,
            {"train": DataLoader(data, batch_size=4)},
            optimizer=optimizer,
            scheduler=written.Steps(optimizer, step_size=1),
            criterion=nn.CrossEntropyLoss(),
            metrics={"train": written.Share()},
        )
        return network, torch.compile(system, backend="eager") if is_compiled else system

    data = make_data(10)
    network, system = make()

    def train(system, max_epochs, **options):
        callbacks = [epochs, ModelCheckpoint(tmp_path / str(max_epochs), filename="last")]
        make_trainer(callbacks=callbacks, enable_checkpointing=True, max_epochs=max_epochs).fit(system, **options)

    train(system, 2)
    assert network.epochs == [0, 0, 0, 1, 1, 1]

    inputs, targets = data.tensors
    by_hand = make_network()
    for epoch in range(2):
        correct = 0
        for start in range(0, 10, 4):
            pred, target = by_hand(inputs[start : start + 4]), targets[start : start + 4]
            correct += int((pred.argmax(1) == target).sum())
            by_hand.zero_grad()
            nn.functional.cross_entropy(pred, target).backward()
            with torch.no_grad():
                for parameter in by_hand.parameters():
                    parameter -= 0.1 * 0.5**epoch * parameter.grad
        assert epochs.train[epoch]["train/metrics/Share/epoch"] == pytest.approx(correct / 10)

    network, system = make()
    with pytest.warns(UserWarning, match="The dirpath has changed"):
        train(system, 3, ckpt_path=tmp_path / "2" / "last.ckpt", weights_only=True)
    assert network.epochs == [2, 2, 2]
