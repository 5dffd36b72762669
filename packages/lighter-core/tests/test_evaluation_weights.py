"""What an evaluation loads of a checkpoint that was written in fit."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy

from lighter import System


@pytest.fixture
def make_system(make_network, make_data):
    def make(*, criterion=None, metrics=None, optimizer=False, **options):
        network = options.pop("network", None) or make_network()
        loaders = {mode: DataLoader(make_data(8), batch_size=4) for mode in ("train", "val", "test")}
        return System(
            network,
            loaders,
            optimizer=torch.optim.SGD(network.parameters(), lr=0.1) if optimizer else None,
            criterion=criterion,
            metrics=metrics,
        )

    return make


@pytest.fixture
def weights(make_system, make_trainer, tmp_path):
    """A checkpoint with a class-weighted loss and a metric whose state is saved."""
    metric = MulticlassAccuracy(num_classes=3)
    metric.persistent(True)
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    trainer = make_trainer()
    trainer.fit(make_system(criterion=criterion, metrics={"train": metric}, optimizer=True))
    trainer.save_checkpoint(tmp_path / "weights.ckpt")
    names = torch.load(tmp_path / "weights.ckpt", weights_only=True)["state_dict"]
    assert "criterion.weight" in names
    assert any(name.startswith("train_metrics.") for name in names)
    return tmp_path / "weights.ckpt"


def test_evaluation_ignores_weights_of_parts_it_lacks(make_system, make_trainer, weights):
    system = make_system(metrics={"test": MulticlassAccuracy(num_classes=3)})
    make_trainer().test(system, ckpt_path=weights, weights_only=True, verbose=False)
    saved = torch.load(weights, weights_only=True)["state_dict"]
    for name, value in system.network.state_dict().items():
        assert torch.equal(value, saved[f"network.{name}"])


def test_evaluation_is_strict_about_everything_else(make_system, make_trainer, weights):
    system = make_system(network=nn.Sequential(nn.Linear(2, 3, dtype=torch.float64)))
    with pytest.raises(RuntimeError, match="state_dict"):
        make_trainer().test(system, ckpt_path=weights, weights_only=True, verbose=False)


@pytest.mark.filterwarnings("ignore:Be aware that when using .ckpt_path., callbacks used to create")
def test_resume_is_strict(make_system, make_trainer, weights):
    system = make_system(criterion=nn.CrossEntropyLoss(), optimizer=True)
    with pytest.raises(RuntimeError, match=r"criterion\.weight"):
        make_trainer(max_epochs=4).fit(system, ckpt_path=weights, weights_only=True)
