"""A System or LighterModule of a checkpoint, in Python."""

from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from lighter import LighterModule, System
from lighter.errors import WeightsError


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    network = nn.Linear(4, 2)
    loader = DataLoader(TensorDataset(torch.randn(8, 4), torch.arange(8) % 2), batch_size=4)
    system = System(
        network,
        {"train": loader, "val": loader},
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0])),
        metrics={"train": [MulticlassAccuracy(num_classes=2)]},
    )
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_progress_bar=False, default_root_dir=tmp_path
    )
    trainer.fit(system)
    trainer.save_checkpoint(tmp_path / "trained.ckpt")
    return tmp_path / "trained.ckpt"


def test_system_of_a_checkpoint_has_its_weights_without_criterion_and_metrics(checkpoint):
    system = System.load_from_checkpoint(checkpoint, model=nn.Linear(4, 2))
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert "criterion.weight" in state
    assert torch.equal(system.network.weight, state["network.weight"])
    assert torch.equal(system.network.bias, state["network.bias"])


def test_system_of_a_checkpoint_has_the_weights_of_a_given_criterion(checkpoint):
    criterion = nn.CrossEntropyLoss(weight=torch.ones(2))
    System.load_from_checkpoint(checkpoint, model=nn.Linear(4, 2), criterion=criterion)
    assert criterion.weight.tolist() == [1.0, 2.0]


def test_missing_object_is_named_with_what_to_write(checkpoint):
    with pytest.raises(WeightsError) as caught:
        System.load_from_checkpoint(checkpoint)
    assert "needs: model" in caught.value.expected
    assert "`System.load_from_checkpoint(path, model=...)`" in caught.value.fix
    assert "lighter_cli.load_network(path)" in caught.value.fix


def test_weights_of_another_network_are_an_error(checkpoint):
    with pytest.raises(RuntimeError, match=r"network\.weight.*\[2, 4\].*\[3, 4\]"):
        System.load_from_checkpoint(checkpoint, model=nn.Linear(4, 3))


def test_error_inside_the_users_class_stays(checkpoint):
    class Broken(LighterModule):
        def __init__(self) -> None:
            super().__init__(nn.Linear(4, 2))
            MeanMetric(1, 2, 3, 4)

    with pytest.raises(TypeError):
        Broken.load_from_checkpoint(checkpoint)


def test_subclass_that_saves_its_arguments_needs_none(tmp_path):
    system = _Saved(width=3)
    trainer = Trainer(accelerator="cpu", logger=False, default_root_dir=tmp_path)
    trainer.strategy.connect(system)
    trainer.save_checkpoint(tmp_path / "saved.ckpt", weights_only=True)
    assert _Saved.load_from_checkpoint(tmp_path / "saved.ckpt").network.in_features == 3


class _Saved(LighterModule):
    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, 2))
        self.save_hyperparameters()
