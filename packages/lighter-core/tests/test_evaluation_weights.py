"""What an evaluation loads of a checkpoint that was written in fit."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics import Metric
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


class DistanceOfFeatures(Metric):
    """A metric with a network, as those that compare features of images have."""

    def __init__(self, weight):
        super().__init__()
        self.features = nn.Linear(3, 1, bias=False)
        nn.init.constant_(self.features.weight, weight)
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, pred, target):
        self.total = self.total + self.features(pred.float()).sum().detach()

    def compute(self):
        return self.total


@pytest.mark.parametrize("parts", [("val", "test"), ("val", "val"), ("train", "val"), (None, "test")])
def test_metrics_with_weights_are_those_of_the_evaluation(make_system, make_trainer, tmp_path, parts):
    trained, evaluated = parts
    trainer = make_trainer()
    metrics = {trained: {"old": DistanceOfFeatures(1.0)}} if trained else {}
    trainer.fit(make_system(criterion=nn.CrossEntropyLoss(), metrics=metrics, optimizer=True))
    trainer.save_checkpoint(tmp_path / "weights.ckpt")
    system = make_system(metrics={evaluated: {"new": DistanceOfFeatures(2.0)}})
    run = {"val": make_trainer().validate, "test": make_trainer().test}[evaluated]
    run(system, ckpt_path=tmp_path / "weights.ckpt", weights_only=True, verbose=False)
    metric = getattr(system, f"{evaluated}_metrics")["new"]
    assert torch.equal(metric.features.weight, torch.full((1, 3), 2.0))


def test_metrics_with_trained_weights_load_them(make_system, make_trainer, tmp_path):
    trainer = make_trainer()
    metrics = {"val": {"features": DistanceOfFeatures(1.0)}}
    trainer.fit(make_system(criterion=nn.CrossEntropyLoss(), metrics=metrics, optimizer=True))
    trainer.save_checkpoint(tmp_path / "weights.ckpt")
    system = make_system(metrics={"val": {"features": DistanceOfFeatures(2.0)}})
    make_trainer().validate(system, ckpt_path=tmp_path / "weights.ckpt", weights_only=True, verbose=False)
    assert torch.equal(system.val_metrics["features"].features.weight, torch.ones(1, 3))


def test_evaluation_is_strict_about_everything_else(make_system, make_trainer, weights):
    system = make_system(network=nn.Sequential(nn.Linear(2, 3, dtype=torch.float64)))
    with pytest.raises(RuntimeError, match="state_dict"):
        make_trainer().test(system, ckpt_path=weights, weights_only=True, verbose=False)


@pytest.mark.filterwarnings("ignore:Be aware that when using .ckpt_path., callbacks used to create")
def test_resume_is_strict(make_system, make_trainer, weights):
    system = make_system(criterion=nn.CrossEntropyLoss(), optimizer=True)
    with pytest.raises(RuntimeError, match=r"criterion\.weight"):
        make_trainer(max_epochs=4).fit(system, ckpt_path=weights, weights_only=True)
