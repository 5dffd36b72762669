"""Metrics that wrap others have the values of a plain loop, however often a step is written."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.wrappers import BootStrapper, MinMaxMetric

from lighter import LighterModule


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

    def run(metrics, **options):
        network = make_network()
        module = Classifier(network, nn.CrossEntropyLoss(), torch.optim.SGD(network.parameters(), lr=0.0))
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
