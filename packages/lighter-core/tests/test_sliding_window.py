"""MONAI's sliding window as a System's inferer, on volumes larger than its window; run by the session `medical`."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanSquaredError

from lighter import System

inferers = pytest.importorskip("monai.inferers")


@pytest.fixture
def volumes():
    """Three volumes ``(1, 20, 24, 28)`` and what a smoothing of them should give."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(3, 1, 20, 24, 28, generator=generator)
    return TensorDataset(inputs, nn.functional.avg_pool3d(inputs, 3, stride=1, padding=1))


@pytest.fixture
def system(volumes):
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, 1, 3, padding=1))
    crops = TensorDataset(*(tensor[:, :, :16, :16, :16] for tensor in volumes.tensors))
    loader = DataLoader(volumes, batch_size=2)
    return System(
        network,
        {"train": DataLoader(crops, batch_size=2), "val": loader, "test": loader, "predict": loader},
        optimizer=torch.optim.Adam(network.parameters(), lr=0.01),
        criterion=nn.MSELoss(),
        metrics={"val": MeanSquaredError(), "test": MeanSquaredError()},
        inferer=inferers.SlidingWindowInferer(roi_size=(16, 16, 16), sw_batch_size=2, overlap=0.25, mode="gaussian"),
    )


@pytest.fixture
def by_hand(system, volumes):
    """Apply the inferer to each batch of volumes without Lightning."""

    def apply():
        with torch.no_grad():
            return [system.inferer(batch, system.network) for batch in volumes.tensors[0].split(2)]

    return apply


def test_a_fit_validates_whole_volumes_through_the_window(system, make_trainer, epochs, volumes, by_hand):
    make_trainer(callbacks=[epochs]).fit(system)
    assert len(epochs.val) == 2
    squares = [(pred - target).square() for pred, target in zip(by_hand(), volumes.tensors[1].split(2), strict=True)]
    expected = torch.cat(squares).double().mean().item()
    assert epochs.val[-1]["val/metrics/MeanSquaredError/epoch"] == pytest.approx(expected, rel=1e-5)
    assert epochs.val[-1]["val/loss/epoch"] == pytest.approx(expected, rel=1e-5)
    assert epochs.val[1]["val/loss/epoch"] < epochs.val[0]["val/loss/epoch"]


def test_test_and_predict_go_through_the_window(system, make_trainer, volumes, by_hand):
    trainer = make_trainer()
    trainer.fit(system)
    (tested,) = trainer.test(system, verbose=False)
    predicted = trainer.predict(system)
    for output, expected in zip(predicted, by_hand(), strict=True):
        torch.testing.assert_close(output["pred"], expected)
    errors = (torch.cat([output["pred"] for output in predicted]) - volumes.tensors[1]).square()
    assert tested["test/metrics/MeanSquaredError/epoch"] == pytest.approx(errors.double().mean().item(), rel=1e-5)
    with torch.no_grad():
        direct = system.network(volumes.tensors[0][:2])
    assert not torch.equal(predicted[0]["pred"], direct)  # the borders of windows differ: it was not a plain forward
