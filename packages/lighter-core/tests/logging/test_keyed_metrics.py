"""Metrics of models with several heads: each metric gets its parts of pred and target."""

import warnings
from typing import Any, NamedTuple

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score, MulticlassRecall
from torchmetrics.regression import MeanAbsoluteError
from torchmetrics.wrappers import MinMaxMetric

from lighter import LighterModule, MetricError, System
from lighter.adapters import BatchAdapter, MetricsAdapter
from lighter.logging.metrics import as_metrics, describe_call
from lighter.resumable import ResumableDataLoader


class Boxes(NamedTuple):
    size: torch.Tensor
    corners: Any


class Scenes(Dataset):
    """Samples with targets in a nested dict; float64, so that values by hand agree to the last digits."""

    def __init__(self, count, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.inputs = torch.randn(count, 4, generator=generator, dtype=torch.float64)
        self.classes = torch.randint(3, (count,), generator=generator)
        self.sizes = torch.rand(count, generator=generator, dtype=torch.float64)

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        target = {"y": {"cls": self.classes[index]}, "boxes": Boxes(self.sizes[index], [self.sizes[index], 0])}
        return {"image": self.inputs[index], "target": target}


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.cls = nn.Linear(4, 3, dtype=torch.float64)
        self.size = nn.Linear(4, 1, dtype=torch.float64)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))

    def forward(self, x):
        return {"logits": {"cls": self.cls(x)}, "boxes": Boxes(self.size(x).squeeze(1), None)}


def loss(pred, target):
    return nn.functional.cross_entropy(pred["logits"]["cls"], target["y"]["cls"])


def metrics():
    """Keyed metrics of all kinds beside one that gets both dicts whole."""
    on_classes = {"pred": "logits.cls", "target": "y.cls"}
    return {
        "cls": {"metric": MulticlassAccuracy(3, average="micro"), **on_classes},
        "both": {
            "metric": [MulticlassAccuracy(3, average="micro"), MulticlassF1Score(3, average="micro")],
            **on_classes,
        },
        "recall": {"metric": MulticlassRecall(3, average=None), **on_classes},
        "extremes": {"metric": MinMaxMetric(MulticlassAccuracy(3, average="micro")), **on_classes},
        "size": {"metric": MeanAbsoluteError(), "pred": "boxes.size", "target": "boxes.corners.0"},
        "largest": {"metric": MeanMetric(), "pred": lambda pred: pred["logits"]["cls"].amax(1), "target": None},
        "whole": Gap(),
    }


class Gap(MeanMetric):
    """Takes whole dicts."""

    def update(self, pred, target):
        super().update(pred["boxes"].size - target["boxes"].size)


def by_hand(network, data):
    """Return the values of all metrics over some samples."""
    with torch.no_grad():
        pred = network(data["image"])
    logits, classes, sizes = pred["logits"]["cls"], data["target"]["y"]["cls"], data["target"]["boxes"].size
    hits = (logits.argmax(1) == classes).double()
    accuracy = hits.mean().item()
    recall = [hits[classes == label].mean().item() if (classes == label).any() else 0.0 for label in range(3)]
    return {
        "cls": accuracy,
        "both/MulticlassAccuracy": accuracy,
        "both/MulticlassF1Score": accuracy,
        **{f"recall/{label}": value for label, value in enumerate(recall)},
        "extremes/raw": accuracy,
        "size": (pred["boxes"].size - sizes).abs().mean().item(),
        "largest": logits.amax(1).mean().item(),
        "whole": (pred["boxes"].size - sizes).mean().item(),
    }


TRAIN, VAL = Scenes(10), [Scenes(7, seed=1), Scenes(5, seed=2)]


def batches(data):
    return list(DataLoader(data, batch_size=4))


def whole(data):
    return next(iter(DataLoader(data, batch_size=len(data))))


@pytest.fixture
def fit(rows, make_trainer):
    """Train with a rate of 0, so that all epochs see the same predictions."""

    def run(made=metrics, rows=rows, adapters=None, ckpt_path=None, **options):
        network = TwoHeads()
        system = System(
            network,
            {
                "train": ResumableDataLoader(TRAIN, batch_size=4),
                "val": [DataLoader(data, batch_size=4) for data in VAL],
            },
            torch.optim.SGD(network.parameters(), lr=0.0),
            criterion=loss,
            metrics={"train": made(), "val": made()},
            adapters={
                mode: {"batch": BatchAdapter("image", "target"), **(adapters or {})} for mode in ("train", "val")
            },
        )
        trainer = make_trainer(logger=rows, **options)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            trainer.fit(system, ckpt_path=ckpt_path)
        assert not [str(one.message) for one in caught if "target" in str(one.message)]
        return rows, trainer

    return run


LOADERS = [("train", "", TRAIN), *(("val", f"/dataloader_idx_{index}", data) for index, data in enumerate(VAL))]


def test_each_metric_gets_its_parts_and_is_named_by_its_key(fit):
    rows, trainer = fit()
    network = TwoHeads()
    for mode, suffix, data in LOADERS:
        for name, value in by_hand(network, whole(data)).items():
            epoch = f"{mode}/metrics/{name}/epoch{suffix}"
            assert rows.values(epoch) == pytest.approx([value] * 2, rel=1e-6), epoch
            assert float(trainer.callback_metrics[epoch]) == pytest.approx(value, rel=1e-6)
            steps = [by_hand(network, batch)[name] for _ in range(2) for batch in batches(data)]
            assert rows.values(f"{mode}/metrics/{name}/step{suffix}") == pytest.approx(steps, rel=1e-6), name
    expected = {f"{name}/epoch" for name in by_hand(network, whole(TRAIN))} | {
        "extremes/min/epoch",
        "extremes/max/epoch",
    }
    assert {
        n.removeprefix("train/metrics/") for n in trainer.callback_metrics if n.startswith("train/metrics/")
    } == expected


@pytest.mark.parametrize("step", [1, 4])
def test_a_fit_resumed_inside_an_epoch_has_its_values(fit, rows, tmp_path, step):
    checkpoints = ModelCheckpoint(tmp_path, "{step}", save_top_k=-1, every_n_train_steps=1)
    uninterrupted, _ = fit(callbacks=[checkpoints], enable_checkpointing=True)
    resumed, _ = fit(rows=type(rows)(), ckpt_path=tmp_path / f"step={step}.ckpt")
    for name in by_hand(TwoHeads(), whole(TRAIN)):
        values = resumed.values(f"train/metrics/{name}/epoch")
        assert len(values) == (2 if step == 1 else 1)
        assert values == uninterrupted.values(f"train/metrics/{name}/epoch")[-len(values) :]
    assert torch.load(tmp_path / f"step={step}.ckpt", weights_only=True)["epoch"] == step // 4


@pytest.mark.parametrize(
    "adapter",
    [
        MetricsAdapter(pred_argument="preds", target_argument="target"),
        lambda metrics, image, target, pred: metrics(pred, target=target, unknown=image),
    ],
)
def test_arguments_by_keyword_are_read_too(fit, adapter):
    def made():
        keyed = metrics()
        del keyed["whole"]  # its update has other names
        return keyed

    rows, _ = fit(made, adapters={"metrics": adapter})
    for name, value in by_hand(TwoHeads(), whole(TRAIN)).items():
        if name != "whole":
            assert rows.values(f"train/metrics/{name}/epoch") == pytest.approx([value] * 2, rel=1e-6)


def test_a_missing_key_is_an_error_with_what_there_is(fit):
    def made():
        return {"cls": {"metric": MulticlassAccuracy(3), "pred": "logits.clss", "target": "y.cls"}}

    with pytest.raises(MetricError) as raised:
        fit(made)
    assert raised.value.what == "'logits.clss' does not exist in the pred, a dict"
    assert raised.value.expected == "one of logits.cls float64 (4, 3), boxes.size float64 (4,), boxes.corners None"
    assert raised.value.nearest == ("logits.cls", "logits")
    assert "metrics::val::cls::pred" in raised.value.fix


def test_a_key_of_a_target_that_is_a_tensor_is_an_error_alone():
    metric = as_metrics({"a": {"metric": MulticlassAccuracy(3), "target": "y.cls"}, "b": MulticlassAccuracy(3)}, "m")
    with pytest.raises(MetricError, match=r"'y.cls' does not exist in the target, int64"):
        metric.update(torch.rand(4, 3), torch.zeros(4, dtype=torch.int64))
    assert describe_call(metric, [], {}) == "while a, b were updated with "


def test_a_metric_that_fails_is_named_with_what_it_got(fit):
    def made():
        return {"cls": {"metric": MulticlassAccuracy(3), "pred": "logits.cls", "target": "boxes"}}

    with pytest.raises(AttributeError) as raised:
        fit(made)
    assert "while val_metrics['cls'] got float64 (4, 3), (float64 (4,), (float64 (4,), int64 (4,)))" in (
        raised.value.__notes__
    )


def test_a_role_that_an_update_lacks_is_an_error(fit):
    def made():
        return {"cls": {"metric": MeanMetric(), "pred": "logits.cls", "target": "y.cls"}}

    with pytest.raises(MetricError, match="has a `target`, but its update got none"):
        fit(made, adapters={"metrics": MetricsAdapter(pred_argument=0)})


def test_preds_in_objects_keep_no_graph():
    class Output:
        def __init__(self, scores):
            self.scores = scores

    module = LighterModule(
        nn.Linear(2, 2), train_metrics={"mean": {"metric": MeanMetric(), "pred": "scores", "target": None}}
    )
    metric = module.train_metrics["mean"]
    metric.update(Output(torch.ones(3, requires_grad=True) * 2), "target")
    assert not metric.metric.mean_value.requires_grad
    assert metric.compute() == 2


@pytest.mark.parametrize(
    ("given", "message", "nearest"),
    [
        ({"a": {"metric": MeanMetric(), "preds": 0}}, "unknown key 'preds' in `val_metrics['a']`", ("pred",)),
        ({"a": {"pred": 0}}, "`val_metrics['a']` has no `metric`", ()),
        ({"a": {"metric": [], "pred": 0}}, "`val_metrics['a']['metric']` must be torchmetrics metrics, got a list", ()),
        ({"a": {"metric": nn.ReLU()}}, "`val_metrics['a']['metric']` must be torchmetrics metrics, got a ReLU", ()),
        (
            {"a": {"metric": MeanMetric(), "pred": 0.5}},
            "`val_metrics['a']['pred']` must be an index, a key, a path",
            (),
        ),
        ({"metric": MeanMetric(), "pred": "a"}, "`val_metrics['pred']` must be torchmetrics metrics, got a str", ()),
        ([{"metric": MeanMetric(), "pred": "a"}], "`val_metrics['dict']` must be torchmetrics metrics, got a dict", ()),
    ],
)
def test_a_wrong_form_is_an_error_at_construction(given, message, nearest):
    with pytest.raises(MetricError) as raised:
        System(nn.Linear(1, 1), metrics={"val": given})
    assert raised.value.what.startswith(message)
    assert raised.value.nearest == nearest
    if "pred'" in message or "dict'" in message:
        assert raised.value.fix.startswith("give it a name") == ("str" in message or "dict" in message)


def test_collections_under_a_key_keep_their_own_names():
    made = MetricCollection([MulticlassAccuracy(3)], prefix="my_")
    module = LighterModule(nn.Linear(2, 2), val_metrics={"cls": {"metric": made, "pred": "a", "target": "b"}})
    module.val_metrics.update({"a": torch.eye(3)}, {"b": torch.arange(3)})
    assert module.val_metrics["cls"].compute() == {"my_MulticlassAccuracy": 1.0}
