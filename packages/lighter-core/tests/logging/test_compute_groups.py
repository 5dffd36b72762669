import copy

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanSquaredError, Metric, MetricCollection
from torchmetrics.classification import (
    BinaryAUROC,
    BinaryF1Score,
    BinaryPrecision,
    BinaryPrecisionRecallCurve,
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassF1Score,
    MulticlassPrecision,
)
from torchmetrics.regression import PearsonCorrCoef
from torchmetrics.wrappers import MultitaskWrapper

from lighter import LighterModule, System
from lighter.logging.batch_values import batches_of_groups
from lighter.logging.compute_groups import Groups, compute_groups
from lighter.logging.metrics import as_metrics, members_of


def accuracy(**arguments):
    return MulticlassAccuracy(num_classes=3, average="micro", **arguments)


class Sum(Metric):
    """Sums what passes a helper method."""

    def __init__(self, factor=1.0, note=""):
        super().__init__()
        self.factor = factor
        self.note = note  # no update reads it
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, pred, target):
        self.total += self.scaled(pred).sum()

    def scaled(self, pred):
        return pred * self.factor

    def compute(self):
        return self.total


class SumOfDynamic(Sum):
    def scaled(self, pred):
        return pred * getattr(self, "fac" + "tor")


class SumThatCounts(Sum):
    num_batches = 0

    def update(self, pred, target):
        super().update(pred, target)
        self.num_batches = self.num_batches + 1


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        (BinaryF1Score(), BinaryPrecision(), True),
        (BinaryF1Score(threshold=0.4), BinaryPrecision(), False),
        (accuracy(), MulticlassF1Score(num_classes=3, average="micro"), True),
        (accuracy(), accuracy(ignore_index=2), False),
        (accuracy(), accuracy(top_k=2), False),
        (MulticlassAUROC(3), MulticlassAUROC(3), True),
        (MulticlassAUROC(3, thresholds=10), MulticlassAUROC(3, thresholds=10), True),
        (MulticlassAUROC(3, thresholds=10), MulticlassAUROC(3, thresholds=[0.0, 0.4, 1.0]), False),
        (MulticlassAUROC(3, thresholds=10), MulticlassAUROC(3), False),
        (BinaryAUROC(), BinaryF1Score(), False),
        (MeanSquaredError(), MeanSquaredError(squared=False), True),
        (MeanSquaredError(), MeanSquaredError(num_outputs=2), False),
        (PearsonCorrCoef(), MeanSquaredError(), False),
        (Sum(), Sum(note="other"), True),
        (Sum(), Sum(factor=2.0), False),
        (SumOfDynamic(), SumOfDynamic(), False),
        (SumThatCounts(), SumThatCounts(), False),
    ],
)
def test_metrics_share_states_if_their_updates_are_the_same(first, second, share):
    assert compute_groups({"first": first, "second": second}) == ([["first", "second"]] if share else [])


@pytest.mark.parametrize("given", [lambda metrics: metrics, list, MetricCollection])
def test_metrics_alike_in_the_first_batch_keep_their_own_values(given, tmp_path):
    # no target of the first batch, and of the sanity check, is ignored; torchmetrics would group the two
    torch.manual_seed(0)
    x, y = torch.randn(48, 3), torch.randint(0, 3, (48,))
    y[:16] %= 2
    metrics = {"all": accuracy(), "rest": accuracy(ignore_index=2)}
    metrics = given(metrics) if given is not list else list(metrics.values())
    names = ["MulticlassAccuracy", "MulticlassAccuracy-1"] if given is list else ["all", "rest"]
    system = System(
        nn.Identity(),
        criterion=lambda pred, target: nn.functional.cross_entropy(pred, target) + system.unused.sum() * 0,
        dataloaders={mode: DataLoader(TensorDataset(x, y), batch_size=16) for mode in ("train", "val")},
        metrics={"val": metrics},
    )
    system.unused = nn.Parameter(torch.zeros(1))
    system.optimizer = torch.optim.SGD([system.unused], lr=0.1)
    trainer = Trainer(max_epochs=2, default_root_dir=tmp_path, logger=False, enable_checkpointing=False)
    trainer.fit(system)
    hits, kept = (x.argmax(1) == y).double(), y != 2
    assert trainer.callback_metrics[f"val/metrics/{names[0]}/epoch"] == pytest.approx(float(hits.mean()))
    assert trainer.callback_metrics[f"val/metrics/{names[1]}/epoch"] == pytest.approx(float(hits[kept].mean()))


def grouped(given):
    metrics = as_metrics(given, "m")
    Groups(metrics).share()
    return metrics


def test_groups_that_the_user_chose_are_kept():
    chosen = MetricCollection({"a": accuracy(), "b": accuracy()}, compute_groups=[["a", "b"]])
    without = MetricCollection({"a": accuracy(), "b": accuracy()}, compute_groups=False)
    assert grouped(chosen).compute_groups == {0: ["a", "b"]}
    assert grouped(without).compute_groups == {}


def test_a_collection_with_a_prefix_is_grouped_by_its_own_names():
    collection = grouped(MetricCollection({"a": accuracy(), "b": accuracy()}, prefix="my_"))
    assert collection.compute_groups == {0: ["a", "b"]}
    assert list(members_of(collection)) == ["my_a", "my_b"]


def test_collections_inside_of_a_wrapper_are_grouped_too():
    heads = MultitaskWrapper({"head": MetricCollection({"a": accuracy(), "b": accuracy(), "c": accuracy(top_k=2)})})
    assert grouped(heads).task_metrics["head"].compute_groups == {0: ["a", "b"], 1: ["c"]}


def test_metrics_share_states_when_all_are_updated_and_not_before():
    collection = as_metrics({"a": accuracy(), "b": accuracy()}, "m")
    groups = Groups(collection)
    assert collection.compute_groups == {}
    collection["a"].update(torch.eye(3), torch.arange(3))
    groups.share()
    assert collection.compute_groups == {}  # one has an update that the other has not


class OneByOne(LighterModule):
    """Updates all metrics, and one of them again with the classes in another order."""

    def __init__(self, network, **parts):
        super().__init__(network, **parts)
        self.counted = {"both": [], "again": []}

    def validation_step(self, batch, batch_idx):
        pred, target = batch
        self.update_metrics(pred, target)
        self.val_metrics["again"].update(pred, 2 - target)
        hits, others = pred.argmax(1) == target, pred.argmax(1) == 2 - target
        self.counted["both"].append(hits)
        self.counted["again"] += [hits, others]


@pytest.mark.parametrize("every_n", [1, 2, 50])
def test_a_metric_that_is_also_updated_alone_has_its_own_value(every_n, tmp_path):
    torch.manual_seed(0)
    data = DataLoader(TensorDataset(torch.randn(48, 3), torch.randint(0, 3, (48,))), batch_size=8)
    module = OneByOne(nn.Identity(), val_metrics={"both": accuracy(), "again": accuracy()})
    logger = CSVLogger(tmp_path)
    trainer = Trainer(logger=logger, log_every_n_steps=every_n, enable_progress_bar=False, default_root_dir=tmp_path)
    (values,) = trainer.validate(module, data, verbose=False)
    assert len(module.counted["again"]) == 12
    for name, counted in module.counted.items():
        assert values[f"val/metrics/{name}/epoch"] == pytest.approx(float(torch.cat(counted).double().mean()))


def members():
    return {
        "f1": MulticlassF1Score(num_classes=3),
        "precision": MulticlassPrecision(num_classes=3),
        "auroc": MulticlassAUROC(3),  # its states are lists
        "auroc_too": MulticlassAUROC(3),
        "alone": accuracy(),
        "counted": SumThatCounts(),
    }


@pytest.mark.parametrize("written", [{0, 1, 2, 3}, {0}, {1, 3}, {3}])
def test_a_called_group_gives_the_values_of_metrics_alone(written):
    torch.manual_seed(0)
    batches = [(torch.randn(9, 3).softmax(-1), torch.arange(9) % 3) for _ in range(4)]
    collection, alone = grouped(members()), members()
    assert [len(names) for names in collection.compute_groups.values()] == [2, 2, 1, 1]
    for index, batch in enumerate(batches):
        by_hand = {name: metric(*batch) for name, metric in alone.items()}
        if index in written:
            with batches_of_groups(collection, batch, {}):
                values = collection(*batch)
            assert values.keys() == by_hand.keys()
            assert all(torch.equal(values[name], by_hand[name]) for name in values)
        else:
            collection.update(*batch)
    for name, value in collection.compute().items():
        assert torch.equal(value, alone[name].compute())
    assert {metric.update_count for metric in collection.values(copy_state=False)} == {4}
    collection.reset()
    assert {metric.update_count for metric in collection.values(copy_state=False)} == {0}
    assert collection["auroc"].preds == []


def test_what_a_group_accumulates_does_not_depend_on_written_steps():
    torch.manual_seed(0)
    batches = [torch.rand(2, 1000) for _ in range(20)]
    make = {"first": PearsonCorrCoef(), "second": PearsonCorrCoef()}
    never, always = (grouped(copy.deepcopy(make)) for _ in range(2))
    for pred, target in batches:
        never.update(pred, target)
        with batches_of_groups(always, (pred, target), {}):
            always(pred, target)
    for name in make:
        states, others = never[name].metric_state, always[name].metric_state
        assert all(torch.equal(states[state], others[state]) for state in states)


def test_groups_that_need_more_than_a_plain_call_get_one():
    pred, target = torch.tensor([0.2, 0.8, 0.6]), torch.tensor([0, 1, 0])
    on_step = [BinaryF1Score(dist_sync_on_step=True), BinaryPrecision(dist_sync_on_step=True)]
    on_cpu = [BinaryPrecisionRecallCurve(compute_on_cpu=True), BinaryPrecisionRecallCurve(compute_on_cpu=True)]
    for group in (on_step, on_cpu):
        collection = grouped(group)
        assert [len(names) for names in collection.compute_groups.values()] == [2]
        with batches_of_groups(collection, (pred, target), {}):
            assert all("forward" not in vars(metric) for metric in collection.values(copy_state=False))
            collection(pred, target)
        assert {metric.update_count for metric in collection.values(copy_state=False)} == {1}


def test_an_error_in_a_called_group_leaves_the_metrics_as_they_were():
    collection = grouped({"first": accuracy(), "second": accuracy()})
    with (
        pytest.raises(RuntimeError, match="by hand"),
        batches_of_groups(collection, (torch.eye(3), torch.arange(3)), {}),
    ):
        raise RuntimeError("by hand")
    assert all("forward" not in vars(metric) for metric in collection.values(copy_state=False))
