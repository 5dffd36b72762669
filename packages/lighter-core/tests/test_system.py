import pytest
import torch
from pytorch_lightning import Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from lighter import System


@pytest.fixture
def loader() -> DataLoader:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(10, 4, generator=generator)
    targets = torch.randint(3, (10,), generator=generator)
    return DataLoader(TensorDataset(inputs, targets), batch_size=4)


@pytest.fixture
def cpu_trainer() -> Trainer:
    return Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def test_system_fits_validates_tests_and_predicts_from_its_arguments_alone(loader, cpu_trainer):
    network = nn.Linear(4, 3)
    system = System(
        network,
        dataloaders={"train": loader, "val": loader, "test": loader, "predict": loader},
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(),
        metrics={
            "train": MulticlassAccuracy(num_classes=3),
            "val": [MulticlassAccuracy(num_classes=3), MulticlassF1Score(num_classes=3)],
            "test": {"acc": MulticlassAccuracy(num_classes=3)},
        },
    )
    cpu_trainer.fit(system)
    assert {"train/loss/epoch", "train/metrics/MulticlassAccuracy/epoch", "val/loss/epoch"} < set(
        cpu_trainer.callback_metrics
    )
    (validated,) = cpu_trainer.validate(system, verbose=False)
    assert set(validated) == {
        "val/loss/epoch",
        "val/metrics/MulticlassAccuracy/epoch",
        "val/metrics/MulticlassF1Score/epoch",
    }
    (tested,) = cpu_trainer.test(system, verbose=False)
    assert set(tested) == {"test/metrics/acc/epoch"}
    predicted = cpu_trainer.predict(system)
    assert [set(output) for output in predicted] == [
        {"identifier", "input", "target", "pred", "loss", "metrics", "step", "epoch"}
    ] * 3
    preds = torch.cat([output["pred"] for output in predicted])
    torch.testing.assert_close(preds, network(loader.dataset.tensors[0]).detach())
