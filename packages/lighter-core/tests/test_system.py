import pytest
import torch
from pytorch_lightning import Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from lighter import AdapterError, CriterionError, System
from lighter.adapters import BatchAdapter, CriterionAdapter, LoggingAdapter, MetricsAdapter


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


def test_system_runs_all_stages_from_its_arguments_alone(loader, cpu_trainer):
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


@pytest.mark.parametrize(
    ("adapters", "message", "nearest"),
    [
        ({"training": {}}, "unknown mode 'training'", ("train",)),
        ({"train": {"bach": BatchAdapter(0)}}, "unknown role 'bach'", ("batch",)),
        ({"test": {"criterion": CriterionAdapter(pred_argument=0)}}, "unknown role 'criterion'", ()),
        ({"train": {"batch": 3}}, "must be a callable, got 3", ()),
        ({"train": BatchAdapter(0)}, "must be a mapping, got a BatchAdapter", ()),
    ],
)
def test_invalid_adapters_are_errors_at_construction(adapters, message, nearest):
    with pytest.raises(AdapterError, match=message) as raised:
        System(nn.Linear(4, 3), adapters=adapters)
    assert raised.value.nearest == nearest


def test_fit_without_a_criterion_is_an_error_that_says_so(loader, cpu_trainer):
    network = nn.Linear(4, 3)
    system = System(network, {"train": loader, "val": loader}, torch.optim.SGD(network.parameters(), lr=0.1))
    with pytest.raises(CriterionError, match="`criterion`, which is missing"):
        cpu_trainer.fit(system)


def test_adapters_split_batches_and_pass_arguments_by_name(cpu_trainer):
    samples = [{"image": torch.ones(4) * i, "label": torch.tensor(i % 3), "id": str(i)} for i in range(6)]
    loader = DataLoader(samples, batch_size=4)
    network = nn.Linear(4, 3)
    mode = {
        "batch": BatchAdapter("image", "label", "id"),
        "metrics": MetricsAdapter(pred_argument="preds", target_argument="target"),
        "logging": LoggingAdapter(pred_transforms=lambda pred: pred.argmax(1), target_transforms=str),
    }
    seen = []

    class Watched(System):
        def on_validation_batch_end(self, outputs, batch, batch_idx, dataloader_idx=0):
            seen.append(outputs)

    system = Watched(
        network,
        {"train": loader, "val": loader},
        torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(),
        metrics={"train": MulticlassAccuracy(num_classes=3), "val": MulticlassAccuracy(num_classes=3)},
        adapters={
            "train": {**mode, "criterion": CriterionAdapter(pred_argument="input", target_argument="target")},
            "val": mode,
        },
    )
    cpu_trainer.fit(system)
    assert seen[-1]["identifier"] == ["4", "5"]
    assert seen[-1]["target"] == str(torch.tensor([1, 2]))
    assert {"val/loss/epoch", "val/metrics/MulticlassAccuracy/epoch"} <= set(cpu_trainer.callback_metrics)


@pytest.mark.parametrize("transform", [lambda values: values[0], lambda values: values[:1], lambda _: None])
def test_the_epoch_loss_is_weighted_by_what_was_trained_on(loader, cpu_trainer, transform):
    network = nn.Linear(4, 3)
    system = System(
        network,
        {"val": loader},
        criterion=nn.CrossEntropyLoss(),
        adapters={"val": {"logging": LoggingAdapter(transform, transform, transform)}},
    )
    (validated,) = cpu_trainer.validate(system, verbose=False)
    inputs, targets = loader.dataset.tensors
    assert validated["val/loss/epoch"] == pytest.approx(nn.functional.cross_entropy(network(inputs), targets).item())
