"""Metrics that wrap others have the values of a plain loop, however often a step is written."""

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanMetric, Metric, MetricCollection, SumMetric
from torchmetrics.aggregation import RunningMean, RunningSum
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC, MulticlassF1Score
from torchmetrics.regression import MeanSquaredError
from torchmetrics.wrappers import (
    BootStrapper,
    ClasswiseWrapper,
    MetricTracker,
    MinMaxMetric,
    MultitaskWrapper,
    Running,
)

from lighter import LighterModule, MetricError, System
from lighter.logging.metrics import flatten
from lighter.resumable import ResumableDataLoader


def accuracy():
    return MulticlassAccuracy(num_classes=3, average="micro")


class Complement(Metric):
    """A metric of a user's own that asks another."""

    full_state_update = True

    def __init__(self):
        super().__init__()
        self.inner = accuracy()

    def update(self, pred, target):
        self.inner.update(pred, target)

    def compute(self):
        return 1 - self.inner.compute()

    def reset(self):
        super().reset()
        self.inner.reset()


class Classifier(LighterModule):
    def training_step(self, batch, batch_idx):
        inputs, target = batch
        pred = self(inputs)
        self.update_metrics(pred, target)
        return self.criterion(pred, target)


@pytest.fixture
def fit(make_network, make_data, make_trainer, epochs):
    """Train with a rate of 0, so that every epoch sees the same predictions."""

    def run(metrics, module_class=Classifier, **options):
        network = make_network()
        module = module_class(network, nn.CrossEntropyLoss(), torch.optim.SGD(network.parameters(), lr=0.0))
        module.train_metrics = metrics
        make_trainer(callbacks=[epochs], **options).fit(module, DataLoader(make_data(22), batch_size=4))
        return epochs.train

    return run


@pytest.fixture
def batches(make_network, make_data):
    """Return what the network predicts for each batch, and its targets."""
    network = make_network()
    return [(network(inputs).detach(), targets) for inputs, targets in DataLoader(make_data(22), batch_size=4)]


def value(metric, batches):
    for pred, target in batches:
        metric.update(pred, target)
    return metric.compute()


@pytest.mark.parametrize("every_n", [1, 2, 50])
@pytest.mark.parametrize("is_collected", [True, False])
def test_a_wrapper_has_the_epoch_values_of_updates_alone(fit, batches, rows, every_n, is_collected):
    wrapped = MinMaxMetric(accuracy())
    metrics = MetricCollection({"MinMaxMetric": wrapped, "plain": accuracy()}) if is_collected else wrapped
    for epoch in fit(metrics, logger=rows, log_every_n_steps=every_n):
        for part, expected in value(MinMaxMetric(accuracy()), batches).items():
            assert epoch[f"train/metrics/MinMaxMetric/{part}/epoch"] == pytest.approx(expected.item())
        if is_collected:
            assert epoch["train/metrics/plain/epoch"] == pytest.approx(value(accuracy(), batches).item())


def test_a_wrapper_has_the_step_values_of_each_batch(fit, batches, rows):
    fit(MinMaxMetric(accuracy()), logger=rows)
    expected = [value(accuracy(), [batch]).item() for batch in batches]
    assert rows.values("train/metrics/MinMaxMetric/raw/step") == pytest.approx(expected * 2)


def test_a_users_wrapper_metric_is_right_per_step_and_epoch(fit, batches, rows):
    logged = fit(Complement(), logger=rows)
    whole = value(Complement(), batches).item()
    assert [epoch["train/metrics/Complement/epoch"] for epoch in logged] == pytest.approx([whole, whole])
    each = [value(Complement(), [batch]).item() for batch in batches]
    assert rows.values("train/metrics/Complement/step") == pytest.approx(each * 2)


def test_a_bootstrap_draws_the_same_logged_or_not(fit, rows):
    def run(**options):
        torch.manual_seed(3)
        logged = [dict(epoch) for epoch in fit(BootStrapper(accuracy(), num_bootstraps=5), **options)]
        return logged[-2:], torch.rand(1)

    assert run(logger=rows) == run(logger=False)
    assert len(rows.values("train/metrics/BootStrapper/mean/step")) == 12


def test_a_metric_is_called_in_its_own_way_after_the_step(fit, rows):
    metric = MinMaxMetric(accuracy())
    fit(metric, logger=rows)
    assert "forward" not in vars(metric)


# R3: values that are no states, and states that a call resets


class Reports(Metric):
    """Returns the numbers that it was given, one in each epoch."""

    full_state_update = False

    def __init__(self):
        super().__init__()
        self.add_state("sum", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, value):
        self.sum += value.sum()

    def compute(self):
        return self.sum


TRAIN = [[5.0, 1.0], [2.0, 1.0], [7.0, 4.0]]
"""What the batches of each training epoch report; the sums are 6, 3, 11."""
VAL = [[[4.0], [1.0]], [[6.0], [9.0]], [[5.0], [3.0]]]
"""What the batch of each epoch and loader reports."""


class Reporting(LighterModule):
    """Reports numbers that do not depend on the data."""

    def training_step(self, batch, batch_idx):
        self.update_metrics(torch.tensor([TRAIN[self.trainer.current_epoch][batch_idx]]))
        return self(batch[0]).sum()

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        value = VAL[self.trainer.current_epoch][dataloader_idx][batch_idx]
        self.update_metrics(torch.tensor([100.0 if self.trainer.sanity_checking else value]))
        return self(batch[0]).sum()


@pytest.fixture
def report(make_network, make_data, make_trainer, epochs):
    def run(make_metric, callbacks=(), *, ckpt_path=None, **options):
        network = make_network()
        module = Reporting(
            network,
            optimizer=torch.optim.SGD(network.parameters(), lr=0.0),
            train_metrics=make_metric(),
            val_metrics=make_metric(),
        )
        callbacks = [*callbacks, epochs]
        trainer = make_trainer(max_epochs=3, callbacks=callbacks, enable_checkpointing=len(callbacks) > 1, **options)
        val = [DataLoader(make_data(4), batch_size=4), DataLoader(make_data(4), batch_size=4)]
        trainer.fit(module, ResumableDataLoader(make_data(8), batch_size=4), val, ckpt_path=ckpt_path)
        return epochs

    return run


def extremes(epochs, name, suffix=""):
    return [[epoch[f"{name}/{part}/epoch{suffix}"] for part in ("raw", "min", "max")] for epoch in epochs]


def test_a_minimum_and_a_maximum_are_those_of_a_loaders_epochs(report, rows):
    seen = report(lambda: {"m": MinMaxMetric(Reports())}, logger=rows)
    assert extremes(seen.train, "train/metrics/m") == [[6, 6, 6], [3, 3, 6], [11, 3, 11]]
    assert extremes(seen.val, "val/metrics/m", "/dataloader_idx_0") == [[4, 4, 4], [6, 4, 6], [5, 4, 6]]
    assert extremes(seen.val, "val/metrics/m", "/dataloader_idx_1") == [[1, 1, 1], [9, 1, 9], [3, 1, 9]]
    for part in ("raw", "min", "max"):
        assert rows.values(f"train/metrics/m/{part}/step") == [5, 1, 2, 1, 7, 4]
        assert rows.values(f"val/metrics/m/{part}/step/dataloader_idx_1") == [1, 9, 3]


@pytest.mark.filterwarnings(
    "ignore:Be aware that when using .ckpt_path., callbacks used to create",
    "ignore:You're resuming from a checkpoint that ended before the epoch ended",
)
@pytest.mark.parametrize(
    "make",
    [
        lambda: MinMaxMetric(Reports()),
        lambda: BootStrapper(SumMetric(), num_bootstraps=4),
        lambda: Running(SumMetric(), window=3),
    ],
)
def test_a_resumed_wrapper_ends_as_an_uninterrupted_one(report, rows, tmp_path, make):
    torch.manual_seed(0)
    checkpoint = ModelCheckpoint(tmp_path, save_top_k=-1, every_n_train_steps=1, filename="{step}")
    report(make, [checkpoint], logger=rows)
    for step in range(1, 6):
        torch.manual_seed(100)
        resumed = type(rows)()
        report(make, ckpt_path=tmp_path / f"step={step}.ckpt", logger=resumed)
        assert str(resumed.rows) == str(rows.rows[-len(resumed.rows) :])  # a bootstrap of nothing is nan
        assert len([row for _, row in resumed.rows if "train/loss/epoch" in row]) == 3 - (step - 1) // 2


def test_another_run_of_the_trainer_starts_from_nothing(make_network, make_data, make_trainer, rows):
    network = make_network()
    metric = MinMaxMetric(accuracy())
    module = Validating(network, val_metrics=metric)
    loaders = [DataLoader(make_data(20, seed=seed), batch_size=4) for seed in (3, 5)]
    for loader in loaders:
        (logged,) = make_trainer(logger=rows).validate(module, loader, verbose=False)
        expected = value(accuracy(), [(network(x).detach(), y) for x, y in loader])
        for part in ("raw", "min", "max"):
            assert logged[f"val/metrics/MinMaxMetric/{part}/epoch"] == pytest.approx(expected.item())


class Validating(LighterModule):
    def validation_step(self, batch, batch_idx):
        self.update_metrics(self(batch[0]), batch[1])


class Vector(Complement):
    def compute(self):
        return torch.stack([self.inner.compute(), 1 - self.inner.compute()])


class Calls(Classifier):
    def training_step(self, batch, batch_idx):
        pred = self(batch[0])
        self.train_metrics(pred, batch[1])
        return self.criterion(pred, batch[1])


@pytest.mark.parametrize("module_class", [Classifier, Calls])
@pytest.mark.parametrize(
    "make",
    [
        lambda: Complement() + Complement(),
        lambda: ClasswiseWrapper(Vector(), labels=["a", "b"]),
        lambda: MinMaxMetric(Complement()),
    ],
    ids=["composition", "labels", "extremes"],
)
def test_a_wrapper_inside_another_forgets_no_batch(fit, batches, rows, make, module_class):
    logged = fit(make(), module_class, logger=rows, log_every_n_steps=2)
    name = f"train/metrics/{type(make()).__name__}"
    for key, expected in flatten(name, value(make(), batches)).items():
        assert [epoch[f"{key}/epoch"] for epoch in logged] == pytest.approx([expected.item()] * 2)
    each = [flatten(name, value(make(), [batch])) for batch in batches[1::2]]
    for key in each[0]:
        assert rows.values(f"{key}/step") == pytest.approx([values[key].item() for values in each] * 2)


# T3: wrappers that do not count their updates


@pytest.mark.parametrize("make", [lambda: Running(SumMetric(), window=3), lambda: RunningSum(window=3)])
def test_a_running_window_is_logged(report, rows, make):
    seen = report(lambda: {"m": make(), "mean": RunningMean(window=1)}, logger=rows)
    assert [epoch["train/metrics/m/epoch"] for epoch in seen.train] == [6, 3, 11]
    assert [epoch["train/metrics/mean/epoch"] for epoch in seen.train] == [1, 1, 4]
    assert [epoch["val/metrics/m/epoch/dataloader_idx_1"] for epoch in seen.val] == [1, 9, 3]
    assert rows.values("train/metrics/m/step") == [5, 1, 2, 1, 7, 4]


def test_windows_that_share_their_states_are_logged(fit, batches):
    # a collection updates the first of them only
    metrics = {
        "accuracy": Running(accuracy(), window=2),
        "f1": Running(MulticlassF1Score(3, average="micro"), window=2),
    }
    expected = value(accuracy(), batches[-2:]).item()
    for epoch in fit(MetricCollection(metrics)):
        assert epoch == {**epoch, "train/metrics/accuracy/epoch": pytest.approx(expected)}
        assert epoch == {**epoch, "train/metrics/f1/epoch": pytest.approx(expected)}


class Forgets(Classifier):
    def training_step(self, batch, batch_idx):
        return self.criterion(self(batch[0]), batch[1])


@pytest.mark.parametrize(
    "make", [lambda: Running(accuracy()), lambda: ClasswiseWrapper(MulticlassAccuracy(3, average=None))]
)
def test_a_wrapper_that_is_never_updated_logs_no_value(fit, make):
    with pytest.warns(UserWarning, match="never updated"):
        logged = fit(make(), Forgets)
    assert not any("metrics" in name for name in logged[0])


# What cannot be logged is refused


def test_a_window_over_lists_of_samples_is_refused():
    message = r"`train_metrics\['auroc'\]` cannot have Running\(MulticlassAUROC\): it forgets each batch"
    with pytest.raises(MetricError, match=message):
        LighterModule(nn.Linear(1, 1), train_metrics={"auroc": Running(MulticlassAUROC(3))})
    LighterModule(nn.Linear(1, 1), train_metrics=Running(MulticlassAUROC(3, thresholds=5)))


def test_a_tracker_is_refused_with_what_to_give():
    with pytest.raises(MetricError, match="cannot be a MetricTracker") as raised:
        LighterModule(nn.Linear(1, 1), val_metrics=[MetricTracker(accuracy())])
    assert "MinMaxMetric" in raised.value.fix


# T4: preds and targets in dicts


class Heads(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, inputs):
        logits = self.network(inputs)
        return {"cls": logits, "parts": [logits[:, 0], (logits[:, 1],)]}


class Keeps(Metric):
    """Keeps what it was given."""

    def __init__(self):
        super().__init__()
        self.given = []
        self.add_state("count", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, preds, target):
        self.given.append(preds)
        self.count += 1

    def compute(self):
        return self.count


def test_preds_in_dicts_and_lists_bring_no_graph(make_network, make_data, make_trainer):
    class Step(LighterModule):
        def training_step(self, batch, batch_idx):
            pred = self(batch[0])
            self.update_metrics(pred, target=batch[1])
            assert pred["cls"].requires_grad
            return pred["cls"].sum()

    metric = Keeps()
    network = Heads(make_network())
    module = Step(network, optimizer=torch.optim.SGD(network.parameters(), lr=0.1), train_metrics=metric)
    make_trainer().fit(module, DataLoader(make_data(8), batch_size=4))
    given = metric.given[0]
    assert [type(given["parts"]), type(given["parts"][1])] == [list, tuple]
    assert not any(tensor.requires_grad for tensor in (given["cls"], given["parts"][0], given["parts"][1][0]))


class Tasks(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        inputs, target = self.data[index]
        return inputs, {"cls": target, "reg": inputs.sum()}


class TwoHeads(Heads):
    def forward(self, inputs):
        logits = self.network(inputs)
        return {"cls": logits, "reg": logits[:, 0]}


def test_tasks_in_dicts_have_their_own_values(make_network, make_data, make_trainer, epochs, rows):
    def tasks():
        return MultitaskWrapper({"cls": MinMaxMetric(accuracy()), "reg": MetricCollection([MeanSquaredError()])})

    network = TwoHeads(make_network())
    loader = DataLoader(Tasks(make_data(22)), batch_size=4)
    system = System(
        network,
        {"train": loader, "val": [loader, loader]},
        torch.optim.SGD(network.parameters(), lr=0.0),
        criterion=lambda pred, target: nn.functional.cross_entropy(pred["cls"], target["cls"]),
        metrics={"train": tasks(), "val": [tasks()]},
    )
    make_trainer(callbacks=[epochs], logger=rows, log_every_n_steps=2).fit(system)
    with torch.no_grad():
        batches = [(network(inputs), target) for inputs, target in loader]
    for mode, seen, suffix in (("train", epochs.train, ""), ("val", epochs.val, "/dataloader_idx_1")):
        name = f"{mode}/metrics/MultitaskWrapper"
        for key, expected in flatten(name, value(tasks(), batches)).items():
            assert [epoch[f"{key}/epoch{suffix}"] for epoch in seen] == pytest.approx([expected.item()] * 2)
        each = [flatten(name, value(tasks(), [batch])) for batch in batches[1::2]]
        for key in each[0]:
            assert rows.values(f"{key}/step{suffix}") == pytest.approx([values[key].item() for values in each] * 2)


# T23: what is passed beside the pred is not always a target


@pytest.mark.parametrize("make", [MeanMetric, lambda: RunningMean(window=2)])
def test_a_mean_beside_others_warns_that_it_takes_the_target_as_weight(fit, make):
    class Step(Classifier):
        def training_step(self, batch, batch_idx):
            pred = self(batch[0])
            self.update_metrics(pred.argmax(1), batch[1])
            return self.criterion(pred, batch[1])

    with pytest.warns(UserWarning, match="`mean` of `train_metrics` takes .* the target, as its `weight`") as warned:
        fit(MetricCollection({"mean": make(), "accuracy": accuracy()}), Step)
    assert sum("as its `weight`" in str(warning.message) for warning in warned) == 1


def test_a_mean_gets_its_own_arguments_by_name(fit, batches):
    class Step(Classifier):
        def training_step(self, batch, batch_idx):
            pred = self(batch[0])
            loss = self.criterion(pred, batch[1])
            self.update_metrics(preds=pred, target=batch[1], value=loss, weight=len(pred))
            return loss

    logged = fit(MetricCollection({"mean": MeanMetric(), "accuracy": accuracy()}), Step)
    loss = sum(nn.functional.cross_entropy(p, y, reduction="sum") for p, y in batches) / 22
    assert [epoch["train/metrics/mean/epoch"] for epoch in logged] == pytest.approx([loss.item()] * 2)
    assert [epoch["train/metrics/accuracy/epoch"] for epoch in logged] == pytest.approx(
        [value(accuracy(), batches).item()] * 2
    )


def test_a_mean_alone_takes_the_weight_that_a_step_passes(fit, batches):
    class Step(Classifier):
        def training_step(self, batch, batch_idx):
            loss = self.criterion(self(batch[0]), batch[1])
            self.update_metrics(loss, len(batch[1]))
            return loss

    fit(MeanMetric(), Step)  # warnings are errors


def test_a_mean_alone_in_a_system_warns(make_network, make_trainer):
    data = TensorDataset(torch.ones(4, 4, dtype=torch.float64), torch.ones(4, 3))
    system = System(make_network(), {"test": DataLoader(data, batch_size=4)}, metrics={"test": MeanMetric()})
    with pytest.warns(UserWarning, match="`MeanMetric` of `test_metrics` takes the second argument"):
        make_trainer().test(system, verbose=False)
