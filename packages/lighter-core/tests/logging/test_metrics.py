import warnings

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, default_collate
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC, MulticlassF1Score
from torchmetrics.wrappers import MinMaxMetric

from lighter import LighterModule, MetricError, System
from lighter.logging.metrics import as_metrics, flatten, members_of


def accuracy(**arguments):
    return MulticlassAccuracy(num_classes=3, **arguments)


def test_a_metric_and_a_collection_stay_what_they_are():
    metric, collection = accuracy(), MetricCollection([accuracy()], prefix="my_")
    assert as_metrics(metric, "m") is metric
    assert as_metrics(collection, "m") is collection
    assert list(members_of(collection)) == ["my_MulticlassAccuracy"]
    assert as_metrics(None, "m") is None
    assert as_metrics([], "m") is None


def test_a_list_is_named_by_classes_made_unique():
    metrics = as_metrics([accuracy(), accuracy(average=None), MulticlassF1Score(num_classes=3)], "m")
    assert set(members_of(metrics)) == {"MulticlassAccuracy", "MulticlassAccuracy-1", "MulticlassF1Score"}


def test_a_mapping_is_named_by_its_keys():
    assert set(members_of(as_metrics({"top1": accuracy(), "f1": MulticlassF1Score(num_classes=3)}, "m"))) == {
        "top1",
        "f1",
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("accuracy", "`m` must be torchmetrics metrics, got a str"),
        (MulticlassAccuracy, "the class MulticlassAccuracy, not an object"),
        (nn.CrossEntropyLoss(), "`m` must be torchmetrics metrics, got a CrossEntropyLoss"),
        ([nn.Linear(1, 1)], r"`m\['Linear'\]` must be torchmetrics metrics, got a Linear"),
        ({"a.b": accuracy()}, "an invalid name"),
        ({"update": accuracy()}, "an invalid name"),
    ],
)
def test_what_is_not_a_metric_is_an_error_at_construction(given, message):
    with pytest.raises(MetricError, match=message):
        as_metrics(given, "m")


def test_one_metric_object_in_two_modes_is_an_error():
    shared = accuracy()
    with pytest.raises(MetricError, match="`train_metrics` and `val_metrics` share"):
        LighterModule(nn.Linear(1, 1), train_metrics=shared, val_metrics={"acc": shared})


def test_metrics_of_an_unknown_mode_name_the_nearest():
    with pytest.raises(MetricError) as raised:
        System(nn.Linear(1, 1), metrics={"training": accuracy()})
    assert raised.value.nearest == ("train",)


def test_a_metric_never_updated_is_a_warning_not_a_zero(make_network, make_data, make_trainer, epochs):
    class Forgets(LighterModule):
        def training_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

    network = make_network()
    module = Forgets(network, optimizer=torch.optim.SGD(network.parameters(), lr=0.1), train_metrics=[accuracy()])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_trainer(callbacks=[epochs], max_epochs=3).fit(module, DataLoader(make_data(10), batch_size=4))
    (said,) = [str(warning.message) for warning in caught if "never updated" in str(warning.message)]
    assert said.startswith("`train_metrics` were never updated, so no value is logged for MulticlassAccuracy.")
    assert not any("metrics" in name for name in epochs.train[0])


class Late(Metric):
    """Cannot be computed over fewer than eight samples, and has two values: as KID has."""

    full_state_update = False

    def __init__(self):
        super().__init__()
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, pred, target):
        self.count += len(pred)

    def compute(self):
        if self.count < 8:
            raise RuntimeError("too few samples")
        return self.count.float(), self.count.float() / 2


def test_a_metric_that_needs_several_batches_is_logged(make_network, make_data, make_trainer, rows):
    network = make_network()
    loader = DataLoader(make_data(10), batch_size=4)
    system = System(
        network,
        {"train": loader, "val": loader},
        torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(),
        metrics={"train": Late(), "val": Late()},
    )
    make_trainer(logger=rows, log_every_n_steps=50).fit(system)
    assert rows.values("train/metrics/Late/1/epoch") == rows.values("val/metrics/Late/1/epoch") == [5.0, 5.0]


def test_metrics_that_the_user_calls_log_step_and_epoch(make_network, make_data, make_trainer, rows):
    class Calls(LighterModule):
        def training_step(self, batch, batch_idx):
            pred = self(batch[0])
            self.train_metrics(pred, batch[1])
            return {"loss": nn.functional.cross_entropy(pred, batch[1]), "pred": pred}

    network = make_network()
    loader = DataLoader(make_data(10), batch_size=4)
    module = Calls(network, optimizer=torch.optim.SGD(network.parameters(), lr=0.0), train_metrics=[accuracy()])
    make_trainer(logger=rows).fit(module, loader)
    with torch.no_grad():
        expected = [float(accuracy()(network(x), y)) for x, y in loader]
    name = "train/metrics/MulticlassAccuracy"
    assert rows.values(f"{name}/step") == pytest.approx(expected * 2)
    metric = accuracy()
    for x, y in loader:
        metric.update(network(x), y)
    assert rows.values(f"{name}/epoch") == pytest.approx([float(metric.compute())] * 2)


def test_larger_shapes_are_an_error():
    with pytest.raises(MetricError, match=r"`cm` .* shape \(2, 2\)"):
        flatten("cm", torch.ones(2, 2))
    with pytest.raises(MetricError, match=r"`text` .* type str"):
        flatten("text", "a")


class Scan(torch.Tensor):
    """A Tensor subclass that its results keep, as MONAI's MetaTensor is."""


@pytest.mark.filterwarnings("ignore:No (positive|negative) samples")
@pytest.mark.parametrize("monitor", ["val/metrics/auroc/epoch", "val/metrics/extremes/max/epoch", "val/loss/epoch"])
def test_values_over_a_tensor_subclass_are_plain_tensors(make_network, make_data, make_trainer, tmp_path, monitor):
    def collate(samples):
        inputs, targets = default_collate(samples)
        return inputs.as_subclass(Scan), targets.as_subclass(Scan)

    network = make_network()
    loader = DataLoader(make_data(22), batch_size=4, collate_fn=collate)
    metrics = {"auroc": MulticlassAUROC(num_classes=3), "extremes": MinMaxMetric(accuracy()), "classes": accuracy()}
    system = System(
        network,
        {"train": loader, "val": loader},
        torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(),
        metrics={"train": metrics, "val": {name: metric.clone() for name, metric in metrics.items()}},
    )
    best = ModelCheckpoint(tmp_path / "best", monitor=monitor)
    each = ModelCheckpoint(tmp_path / "each", save_top_k=-1, every_n_train_steps=1)
    trainer = make_trainer(callbacks=[best, each], enable_checkpointing=True)
    trainer.fit(system)
    assert isinstance(network(next(iter(loader))[0]), Scan)
    assert {type(value) for value in trainer.callback_metrics.values()} == {torch.Tensor}
    for file in tmp_path.rglob("*.ckpt"):
        torch.load(file, weights_only=True)
    assert len(list(tmp_path.rglob("*.ckpt"))) == 13
    with torch.no_grad():
        metric = MulticlassAUROC(num_classes=3)
        for inputs, targets in DataLoader(make_data(22), batch_size=4):
            metric.update(network(inputs), targets)
    assert trainer.callback_metrics["val/metrics/auroc/epoch"].item() == pytest.approx(metric.compute().item())


class Collecting:
    """Collects as MONAI's metrics do; the values are tested with these."""

    def __init__(self, num_tensors=1):
        self.num_tensors = num_tensors

    def __call__(self, y_pred, y=None):
        return [y_pred] * self.num_tensors

    def get_buffer(self):
        raise AssertionError("holds no batch")

    def aggregate(self):
        return self.get_buffer().sum(0)

    def reset(self): ...


def test_a_cumulative_metric_becomes_a_metric():
    metrics = as_metrics(Collecting(), "val_metrics")
    assert metrics(torch.ones(2, 3))["Collecting"].tolist() == [2, 2, 2]
    metrics.update(torch.ones(1, 3))
    assert metrics.compute()["Collecting"].tolist() == [3, 3, 3]
    metrics.reset()
    metrics.update(torch.ones(4, 1))
    assert metrics.compute()["Collecting"] == 4


def test_what_collects_more_tensors_than_any_of_monai_is_an_error():
    with pytest.raises(MetricError, match="Collecting collects 5 tensors in a batch"):
        as_metrics([Collecting(5)], "val_metrics").update(torch.ones(1))


def test_the_class_of_a_cumulative_metric_is_an_error():
    with pytest.raises(MetricError, match="got the class Collecting, not an object"):
        as_metrics(Collecting, "val_metrics")


def test_a_value_beside_the_collected_is_an_error():
    class Counting(Collecting):
        """Its count would be that of one batch."""

        def aggregate(self):
            return torch.tensor(1.0)

    metrics = as_metrics(Counting(), "val_metrics")
    metrics.update(torch.ones(1))
    with pytest.raises(MetricError, match="Counting does not compute its value from `get_buffer`"):
        metrics.compute()


def test_a_module_is_no_cumulative_metric():
    class Module(torch.nn.Module):
        """Has `get_buffer` as all modules have."""

        def aggregate(self): ...
        def reset(self): ...

    with pytest.raises(MetricError, match="got a Module"):
        as_metrics({"a": Module()}, "val_metrics")
