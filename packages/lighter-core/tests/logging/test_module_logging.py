"""Every logged number equals one computed by hand on the same data."""

from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint, Timer
from pytorch_lightning.tuner import Tuner
from torch import nn
from torch.utils.data import DataLoader, IterableDataset
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
)
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_auroc, multiclass_f1_score
from torchmetrics.wrappers import ClasswiseWrapper

from lighter import LighterModule, MetricError, System

approx = partial(pytest.approx, rel=1e-12, abs=1e-14)
approx_f32 = partial(pytest.approx, rel=1e-6)


def make_system(network, loaders, lr=0.1, **arguments):
    return System(
        network,
        dataloaders=loaders,
        optimizer=torch.optim.SGD(network.parameters(), lr=lr),
        criterion=nn.CrossEntropyLoss(),
        **arguments,
    )


@pytest.fixture
def train_loader(make_data):
    return DataLoader(make_data(10), batch_size=4)  # 4, 4, 2


@pytest.fixture
def val_loader(make_data):
    return DataLoader(make_data(7, seed=5), batch_size=3)  # 3, 3, 1


@pytest.fixture
def system(make_network, train_loader, val_loader):
    return make_system(make_network(), {"train": train_loader, "val": val_loader})


@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_rates_of_a_warm_up_are_logged_by_step(make_network, train_loader, val_loader, make_trainer, rows, interval):
    network = make_network()
    groups = [{"params": [network.weight], "name": "weights"}, {"params": [network.bias], "lr": 0.2, "name": "biases"}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3)
    scheduler = {"scheduler": warm_up, "interval": interval}
    system = System(
        network,
        {"train": train_loader, "val": val_loader},
        optimizer=optimizer,
        scheduler=scheduler,
        criterion=nn.CrossEntropyLoss(),
    )
    make_trainer(logger=rows).fit(system)
    factors = [0.25, 0.5, 0.75, 1, 1, 1] if interval == "step" else []
    assert rows.of("train/optimizer/SGD/lr/weights/step") == [(i, approx(0.1 * f)) for i, f in enumerate(factors)]
    assert rows.values("train/optimizer/SGD/lr/biases/step") == approx([0.2 * f for f in factors])
    assert rows.values("train/optimizer/SGD/lr/weights") == approx([0.025, 0.1 if interval == "step" else 0.05])


def test_uneven_last_batch_counts_by_its_samples(
    system, by_hand, train_loader, val_loader, make_trainer, epochs, rows, weighted_mean
):
    make_trainer(callbacks=[epochs], logger=rows).fit(system)
    for epoch in range(2):
        losses = by_hand.train_epoch(train_loader)
        val_losses = by_hand.evaluate(val_loader)
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(losses))
        assert epochs.val[epoch]["val/loss/epoch"] == approx(weighted_mean(val_losses))
        steps = [(epoch * 3 + i, approx(loss)) for i, (loss, _) in enumerate(losses)]
        assert rows.of("train/loss/step")[epoch * 3 : epoch * 3 + 3] == steps
        val_steps = [(epoch * 3 + i, approx(loss)) for i, (loss, _) in enumerate(val_losses)]
        assert rows.of("val/loss/step")[epoch * 3 : epoch * 3 + 3] == val_steps
        assert rows.of("train/loss/epoch")[epoch] == (epoch * 3 + 2, approx(weighted_mean(losses)))


def test_accumulation_leaves_the_logged_loss_undivided(
    system, by_hand, train_loader, make_trainer, epochs, rows, weighted_mean
):
    make_trainer(callbacks=[epochs], logger=rows, accumulate_grad_batches=2).fit(system)
    for epoch in range(2):
        losses = by_hand.train_epoch(train_loader, accumulate=2)
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(losses))
        # a row when the optimizer steps: after the second and the last batch
        assert rows.of("train/loss/step")[epoch * 2 : epoch * 2 + 2] == [
            (epoch * 2, approx(losses[1][0])),
            (epoch * 2 + 1, approx(losses[2][0])),
        ]


def test_accumulation_over_four_batches_and_the_rest(
    make_network, make_data, by_hand, make_trainer, epochs, weighted_mean
):
    loader = DataLoader(make_data(22), batch_size=4)  # 6 batches: steps after the fourth and the sixth
    system = make_system(make_network(), {"train": loader, "val": loader})
    make_trainer(callbacks=[epochs], accumulate_grad_batches=4).fit(system)
    for epoch in range(2):
        assert epochs.train[epoch]["train/loss/epoch"] == approx(
            weighted_mean(by_hand.train_epoch(loader, accumulate=4))
        )
        assert epochs.val[epoch]["val/loss/epoch"] == approx(weighted_mean(by_hand.evaluate(loader)))


class DictCriterion(nn.Module):
    def forward(self, pred, target):
        ce = nn.functional.cross_entropy(pred, target)
        penalty = pred.square().mean()
        return {"total": ce + 0.1 * penalty, "ce": ce, "penalty": penalty, "weight": 0.1}


def test_dict_losses_train_on_the_total_and_log_every_term(
    make_network, train_loader, val_loader, make_trainer, epochs, rows
):
    network = make_network()
    reference = make_network()
    system = System(
        network,
        {"train": train_loader, "val": val_loader},
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=DictCriterion(),
    )
    make_trainer(callbacks=[epochs], logger=rows, accumulate_grad_batches=2).fit(system)
    optimizer = torch.optim.SGD(reference.parameters(), lr=0.1)
    for epoch in range(2):
        sums = {}
        for i, (x, y) in enumerate(train_loader):
            losses = DictCriterion()(reference(x), y)
            (losses["total"] / 2).backward()
            if i in (1, 2):
                optimizer.step()
                optimizer.zero_grad()
            for term, value in losses.items():
                sums[term] = sums.get(term, 0) + float(torch.as_tensor(value, dtype=torch.float64).detach()) * len(y)
        logged = epochs.train[epoch]
        assert {name: logged[f"train/loss/{name}/epoch"] for name in sums} == {
            term: approx(total / 10) for term, total in sums.items()
        }
        assert logged["train/loss/epoch"] == logged["train/loss/total/epoch"]
        val_sums = {}
        with torch.no_grad():
            for x, y in val_loader:
                for term, value in DictCriterion()(reference(x), y).items():
                    val_sums[term] = val_sums.get(term, 0) + float(value) * len(y)
        assert {name: epochs.val[epoch][f"val/loss/{name}/epoch"] for name in val_sums} == {
            term: approx(total / 7) for term, total in val_sums.items()
        }
    assert len(rows.of("train/loss/ce/step")) == len(rows.of("train/loss/total/step")) == 4
    assert rows.values("train/loss/total/step") == rows.values("train/loss/step")


@pytest.mark.filterwarnings("ignore:No (positive|negative) samples")
@pytest.mark.parametrize("log_every_n_steps", [1, 2, 50])
def test_f1_and_auroc_are_those_of_the_whole_epoch(
    make_network, make_data, by_hand, make_trainer, epochs, rows, log_every_n_steps
):  # neither is a mean over batches
    loader = DataLoader(make_data(30), batch_size=8)
    metrics = [
        {"f1": MulticlassF1Score(num_classes=3), "auroc": MulticlassAUROC(num_classes=3)},
        MetricCollection({"f1": MulticlassF1Score(num_classes=3), "auroc": MulticlassAUROC(num_classes=3)}),
    ]
    system = make_system(
        make_network(), {"train": loader, "val": loader}, metrics={"train": metrics[0], "val": metrics[1]}, lr=0
    )
    make_trainer(callbacks=[epochs], logger=rows, log_every_n_steps=log_every_n_steps).fit(system)
    pred, target = by_hand.predict(loader)
    f1 = float(multiclass_f1_score(pred, target, num_classes=3))
    auroc = float(multiclass_auroc(pred, target, num_classes=3))
    for epoch in range(2):
        for mode, logged in [("train", epochs.train[epoch]), ("val", epochs.val[epoch])]:
            assert logged[f"{mode}/metrics/f1/epoch"] == approx_f32(f1)
            assert logged[f"{mode}/metrics/auroc/epoch"] == approx_f32(auroc)
    with torch.no_grad():
        by_batch = [float(multiclass_f1_score(by_hand.network(x), y, num_classes=3)) for x, y in loader]
    due = [i for i in range(8) if (i + 1) % log_every_n_steps == 0]
    assert rows.of("train/metrics/f1/step") == [(i, approx_f32(by_batch[i % 4])) for i in due]
    assert rows.of("val/metrics/f1/step") == [(i, approx_f32(by_batch[i % 4])) for i in due]


def test_two_val_loaders_have_their_own_values_and_states(
    make_network, make_data, by_hand, make_trainer, epochs, rows, weighted_mean
):
    loaders = [DataLoader(make_data(10), batch_size=4), DataLoader(make_data(7, seed=3), batch_size=2)]
    system = make_system(
        make_network(),
        {"train": loaders[0], "val": loaders, "test": {"a": loaders[0], "b": loaders[1]}},
        metrics={"val": MulticlassAccuracy(num_classes=3), "test": MulticlassAccuracy(num_classes=3)},
        lr=0,
    )
    trainer = make_trainer(callbacks=[epochs], logger=rows)
    trainer.fit(system)
    tested = trainer.test(system, verbose=False)
    for index, loader in enumerate(loaders):
        suffix = f"/dataloader_idx_{index}"
        accuracy = float(multiclass_accuracy(*by_hand.predict(loader), num_classes=3))
        losses = by_hand.evaluate(loader)
        for epoch in range(2):
            assert epochs.val[epoch][f"val/loss/epoch{suffix}"] == approx(weighted_mean(losses))
            assert epochs.val[epoch][f"val/metrics/MulticlassAccuracy/epoch{suffix}"] == approx_f32(accuracy)
        assert tested[index] == {f"test/metrics/MulticlassAccuracy/epoch{suffix}": approx_f32(accuracy)}
        seen = [(i, approx(losses[i % len(losses)][0])) for i in range(2 * len(losses))]
        assert rows.of(f"val/loss/step{suffix}") == seen


def test_without_a_logger_monitors_and_metric_resets_work(
    make_network, train_loader, val_loader, make_trainer, tmp_path
):
    system = make_system(
        make_network(),
        {"train": train_loader, "val": val_loader},
        metrics={"train": MulticlassAccuracy(num_classes=3), "val": MulticlassAccuracy(num_classes=3)},
    )
    checkpoint = ModelCheckpoint(tmp_path, monitor="val/loss/epoch", mode="max")
    stopping = EarlyStopping("val/loss/epoch", mode="max", patience=1)  # the loss falls, so it stops
    trainer = make_trainer(callbacks=[stopping, checkpoint], max_epochs=9, enable_checkpointing=True)
    trainer.fit(system)
    assert trainer.current_epoch == 2
    assert checkpoint.best_model_path
    assert float(checkpoint.best_model_score) == float(stopping.best_score)
    assert system.train_metrics.update_count == system.val_metrics.update_count == 0


def test_validation_inside_an_epoch_keeps_training_values(
    make_network, make_data, by_hand, make_trainer, epochs, weighted_mean
):
    loader = DataLoader(make_data(22), batch_size=4)  # 6 batches, validation after each second
    val_loader = DataLoader(make_data(7, seed=5), batch_size=3)
    system = make_system(
        make_network(), {"train": loader, "val": val_loader}, metrics={"train": MulticlassAccuracy(num_classes=3)}
    )
    make_trainer(callbacks=[epochs], val_check_interval=2).fit(system)
    assert len(epochs.val) == 6
    for epoch in range(2):
        losses, val_losses, hits = [], [], []
        for i, (x, y) in enumerate(loader):
            hits.append((by_hand.network(x).argmax(1), y))
            losses += by_hand.train_epoch([(x, y)])
            if i % 2:
                val_losses.append(weighted_mean(by_hand.evaluate(val_loader)))
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(losses))
        assert [values["val/loss/epoch"] for values in epochs.val[3 * epoch : 3 * epoch + 3]] == [
            approx(loss) for loss in val_losses
        ]
        accuracy = multiclass_accuracy(*map(torch.cat, zip(*hits, strict=True)), num_classes=3)
        assert epochs.train[epoch]["train/metrics/MulticlassAccuracy/epoch"] == approx_f32(float(accuracy))


def test_validation_every_second_epoch_counts_itself_only(
    system, by_hand, train_loader, val_loader, make_trainer, epochs, weighted_mean
):
    make_trainer(callbacks=[epochs], max_epochs=4, check_val_every_n_epoch=2).fit(system)
    expected = []
    for epoch in range(4):
        losses = by_hand.train_epoch(train_loader)
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(losses))
        if epoch % 2:
            expected.append(approx(weighted_mean(by_hand.evaluate(val_loader))))
    assert [values["val/loss/epoch"] for values in epochs.val] == expected


@pytest.mark.parametrize("num_sanity_val_steps", [0, 1, -1])
def test_the_sanity_check_does_not_count_in_validation(
    system, by_hand, train_loader, val_loader, make_trainer, epochs, rows, weighted_mean, num_sanity_val_steps
):
    make_trainer(callbacks=[epochs], logger=rows, num_sanity_val_steps=num_sanity_val_steps).fit(system)
    by_hand.train_epoch(train_loader)
    losses = by_hand.evaluate(val_loader)
    assert epochs.val[0]["val/loss/epoch"] == approx(weighted_mean(losses))
    assert rows.of("val/loss/step")[:3] == [(i, approx(loss)) for i, (loss, _) in enumerate(losses)]


def test_bf16_losses_are_summed_without_rounding(make_network, make_data, make_trainer, epochs):
    loader = DataLoader([(x.float(), y) for x, y in make_data(40)], batch_size=3)
    seen = []

    class Module(LighterModule):
        def training_step(self, batch, batch_idx):
            loss = nn.functional.cross_entropy(self(batch[0]), batch[1]).bfloat16()
            seen.append((loss.item(), len(batch[1])))
            return loss

        def validation_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0]), batch[1]).bfloat16()

    network = make_network().float()
    module = Module(network, optimizer=torch.optim.SGD(network.parameters(), lr=0.1))
    make_trainer(callbacks=[epochs], precision="bf16-mixed").fit(module, loader, loader)
    for epoch in range(2):
        batches = seen[epoch * 14 : epoch * 14 + 14]
        assert epochs.train[epoch]["train/loss/epoch"] == approx(sum(loss * n for loss, n in batches) / 40)


class Gan(LighterModule):
    def __init__(self, returned, **arguments):
        super().__init__(nn.ModuleDict({"g": nn.Linear(4, 4), "d": nn.Linear(4, 1)}).double(), **arguments)
        self.automatic_optimization = False
        self.returned = returned
        self.seen = []

    def configure_optimizers(self):
        return [torch.optim.Adam(self.network[name].parameters(), lr=0.01) for name in ("g", "d")]

    def training_step(self, batch, batch_idx):
        real, _ = batch
        losses = {}
        for name, optimizer in zip(("g", "d"), self.optimizers(), strict=True):
            score = self.network["d"](self.network["g"](real))
            losses[name] = score.square().mean() if name == "g" else (score - self.network["d"](real)).square().mean()
            optimizer.zero_grad()
            self.manual_backward(losses[name])
            optimizer.step()
        self.seen.append(({name: loss.item() for name, loss in losses.items()}, len(real)))
        if self.returned == "nothing":
            return None
        return {
            "loss": losses if self.returned == "terms" else {"total": sum(losses.values()), **losses},
            "input": real,
        }

    def validation_step(self, batch, batch_idx):
        return {"loss": {"d": self.network["d"](batch[0]).mean()}, "input": batch[0]}


@pytest.mark.parametrize("returned", ["terms", "total", "nothing"])
def test_manual_optimization_logs_the_returned_terms(train_loader, make_trainer, epochs, rows, returned):
    gan = Gan(returned)
    make_trainer(callbacks=[epochs], logger=rows).fit(gan, train_loader, train_loader)
    stats = {f"train/optimizer/{name}/lr": 0.01 for name in ("Adam", "Adam-1")}
    for epoch in range(2):
        batches = gan.seen[epoch * 3 : epoch * 3 + 3]
        logged = epochs.train[epoch]
        assert {name: logged[name] for name in stats} == stats
        if returned == "nothing":
            assert not any("loss" in name for name in logged)
            continue
        for name in ("g", "d"):
            assert logged[f"train/loss/{name}/epoch"] == approx(sum(losses[name] * n for losses, n in batches) / 10)
        assert ("train/loss/epoch" in logged) == (returned == "total")
    if returned != "nothing":  # one row a batch, though two optimizers step in it
        assert rows.of("train/loss/g/step") == [(i, approx(losses["g"])) for i, (losses, _) in enumerate(gan.seen)]


def test_lbfgs_closures_count_a_batch_once(make_network, make_data, make_trainer, epochs):
    loader = DataLoader(make_data(10), batch_size=4)

    class Module(LighterModule):
        calls = 0

        def training_step(self, batch, batch_idx):
            pred = self(batch[0])
            self.update_metrics(pred, batch[1])
            loss = nn.functional.cross_entropy(pred, batch[1])
            Module.calls += 1
            return {"loss": loss, "pred": pred, "target": batch[1]}

    network, reference = make_network(), make_network()
    accuracy = MulticlassAccuracy(num_classes=3)
    module = Module(
        network, optimizer=torch.optim.LBFGS(network.parameters(), max_iter=3, lr=0.01), train_metrics=accuracy
    )
    make_trainer(callbacks=[epochs]).fit(module, loader)
    assert Module.calls > 6
    optimizer = torch.optim.LBFGS(reference.parameters(), max_iter=3, lr=0.01)
    for epoch in range(2):
        losses, preds = [], []
        for x, y in loader:
            firsts = []

            def closure(x=x, y=y, firsts=firsts):
                optimizer.zero_grad()
                pred = reference(x)
                loss = nn.functional.cross_entropy(pred, y)
                firsts.append((loss.item(), pred.detach()))
                loss.backward()
                return loss

            optimizer.step(closure)
            losses.append(firsts[0][0] * len(y))
            preds.append((firsts[0][1], y))
        expected = multiclass_accuracy(*map(torch.cat, zip(*preds, strict=True)), num_classes=3)
        assert epochs.train[epoch]["train/loss/epoch"] == approx(sum(losses) / 10)
        assert epochs.train[epoch]["train/metrics/MulticlassAccuracy/epoch"] == approx_f32(float(expected))


class Sam(torch.optim.SGD):
    """Sharpness-aware minimization: the gradient is taken where the loss is worst nearby, so the step runs twice."""

    def step(self, closure):
        closure()
        parameters = [p for group in self.param_groups for p in group["params"]]
        with torch.no_grad():
            norm = torch.stack([p.grad.norm() for p in parameters]).norm()
            moves = [0.05 * p.grad / norm for p in parameters]
            for parameter, move in zip(parameters, moves, strict=True):
                parameter.add_(move)
        loss = closure()
        with torch.no_grad():
            for parameter, move in zip(parameters, moves, strict=True):
                parameter.sub_(move)
        super().step()
        return loss


def test_sam_logs_the_loss_before_its_first_move(make_network, train_loader, make_trainer, epochs, weighted_mean):
    network, reference = make_network(), make_network()
    system = System(
        network, {"train": train_loader}, optimizer=Sam(network.parameters(), lr=0.1), criterion=nn.CrossEntropyLoss()
    )
    with pytest.warns(UserWarning, match="no `val_dataloader`"):
        make_trainer(callbacks=[epochs]).fit(system)
    optimizer = Sam(reference.parameters(), lr=0.1)
    for epoch in range(2):
        losses = []
        for x, y in train_loader:
            firsts = []

            def closure(x=x, y=y, firsts=firsts):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(reference(x), y)
                loss.backward()
                firsts.append(loss.item())
                return loss

            optimizer.step(closure)
            assert len(firsts) == 2
            losses.append((firsts[0], len(y)))
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(losses))
    assert torch.allclose(network.weight, reference.weight)


def test_a_step_that_returns_none_is_not_counted(make_network, train_loader, make_trainer, epochs, rows):
    class Module(LighterModule):
        def training_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0]), batch[1]) if batch_idx != 1 else None

        validation_step = training_step

    network, reference = make_network(), make_network()
    module = Module(network, optimizer=torch.optim.SGD(network.parameters(), lr=0.1))
    with pytest.warns(UserWarning, match="`training_step` returned `None`"):
        make_trainer(callbacks=[epochs], logger=rows).fit(module, train_loader, train_loader)
    optimizer = torch.optim.SGD(reference.parameters(), lr=0.1)
    batches = [batch for i, batch in enumerate(train_loader) if i != 1]
    for epoch in range(2):
        total = 0.0
        for x, y in batches:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(reference(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        assert epochs.train[epoch]["train/loss/epoch"] == approx(total / 6)
        val_total = sum(nn.functional.cross_entropy(reference(x), y).item() * len(y) for x, y in batches)
        assert epochs.val[epoch]["val/loss/epoch"] == approx(val_total / 6)
    assert [step for step, _ in rows.of("train/loss/step")] == [0, 2, 3, 5]


def test_validation_that_only_logs_by_itself_is_legal(make_network, train_loader, make_trainer, epochs):
    class Module(LighterModule):
        def training_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch, batch_idx):
            self.log("val/mine", float(batch_idx))

    network = make_network()
    module = Module(network, optimizer=torch.optim.SGD(network.parameters(), lr=0.1))
    make_trainer(callbacks=[epochs]).fit(module, train_loader, train_loader)
    assert [set(values) for values in epochs.val] == [{"val/mine"}] * 2


class StopAt(Callback):
    def __init__(self, batch_idx):
        self.batch_idx = batch_idx

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if batch_idx == self.batch_idx:
            trainer.should_stop = True


def test_should_stop_before_min_epochs_counts_every_batch(
    system, by_hand, train_loader, make_trainer, epochs, rows, weighted_mean
):
    make_trainer(callbacks=[epochs, StopAt(0)], logger=rows, log_every_n_steps=3, min_epochs=2, max_epochs=4).fit(
        system
    )
    for epoch in range(2):
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(by_hand.train_epoch(train_loader)))
    assert [step for step, _ in rows.of("train/loss/step")] == [1, 2, 3, 4, 5]  # all once it was to stop


def test_stopping_in_the_middle_of_an_epoch_gives_its_part(
    system, by_hand, train_loader, val_loader, make_trainer, epochs, rows, weighted_mean
):
    make_trainer(callbacks=[epochs, StopAt(1)], logger=rows, log_every_n_steps=3).fit(system)
    losses = by_hand.train_epoch(list(train_loader)[:2])
    assert [values["train/loss/epoch"] for values in epochs.train] == [approx(weighted_mean(losses))]
    assert [values["val/loss/epoch"] for values in epochs.val] == [approx(weighted_mean(by_hand.evaluate(val_loader)))]
    assert rows.of("train/loss/step") == []  # no step was written, and no old value is repeated


@pytest.mark.parametrize("limit", [{"max_time": timedelta(seconds=0)}, {"callbacks": [Timer(timedelta(seconds=0))]}])
def test_a_time_limit_leaves_right_numbers(system, by_hand, train_loader, make_trainer, epochs, weighted_mean, limit):
    options = {**limit, "callbacks": [*limit.get("callbacks", []), epochs]}
    make_trainer(min_epochs=2, max_epochs=3, **options).fit(system)
    for epoch in range(2):
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(by_hand.train_epoch(train_loader)))


def test_limited_batches_are_those_that_count(
    system, by_hand, train_loader, val_loader, make_trainer, epochs, weighted_mean
):
    make_trainer(callbacks=[epochs], limit_train_batches=2, limit_val_batches=1).fit(system)
    for epoch in range(2):
        losses = by_hand.train_epoch(list(train_loader)[:2])
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(losses))
        val_losses = by_hand.evaluate(list(val_loader)[:1])
        assert epochs.val[epoch]["val/loss/epoch"] == approx(weighted_mean(val_losses))


def test_overfitting_on_two_batches(system, by_hand, train_loader, make_trainer, epochs, weighted_mean):
    make_trainer(callbacks=[epochs], overfit_batches=2).fit(system)
    for epoch in range(2):
        losses = by_hand.train_epoch(list(train_loader)[:2])
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(losses))


def test_fast_dev_run_counts_its_batch(system, by_hand, train_loader, val_loader, make_trainer, epochs, weighted_mean):
    make_trainer(callbacks=[epochs], fast_dev_run=2).fit(system)
    losses = by_hand.train_epoch(list(train_loader)[:2])
    assert epochs.train[0]["train/loss/epoch"] == approx(weighted_mean(losses))
    assert epochs.val[0]["val/loss/epoch"] == approx(weighted_mean(by_hand.evaluate(list(val_loader)[:2])))


class Stream(IterableDataset):
    def __init__(self, data):
        self.data = data

    def __iter__(self):
        return iter(self.data)


def test_iterable_datasets_without_length(
    make_network, make_data, by_hand, train_loader, val_loader, make_trainer, epochs, weighted_mean
):
    loaders = {
        "train": DataLoader(Stream(train_loader.dataset), batch_size=4),
        "val": DataLoader(Stream(val_loader.dataset), batch_size=3),
    }
    make_trainer(callbacks=[epochs]).fit(make_system(make_network(), loaders))
    for epoch in range(2):
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(by_hand.train_epoch(train_loader)))
        assert epochs.val[epoch]["val/loss/epoch"] == approx(weighted_mean(by_hand.evaluate(val_loader)))


class Graphs(SimpleNamespace):
    """As a batch of graphs looks: more nodes than graphs."""


def _graphs(samples):
    return Graphs(
        x=torch.stack([x for x, _ in samples]), y=torch.stack([y for _, y in samples]), num_graphs=len(samples)
    )


def _texts(samples):
    return [str(i) for i, _ in enumerate(samples)], [(x, y) for x, y in samples]


def _images(samples):
    return [x for x, _ in samples], [y for _, y in samples]


@pytest.mark.parametrize("collate", [_graphs, _texts, _images])
def test_unusual_batches_are_weighted_by_their_samples(
    make_network, train_loader, by_hand, make_trainer, epochs, weighted_mean, collate
):
    class Module(LighterModule):
        def training_step(self, batch, batch_idx):
            if collate is _graphs:
                return self.criterion(self(batch.x), batch.y)
            if collate is _texts:
                return self.criterion(
                    self(torch.stack([x for x, _ in batch[1]])), torch.stack([y for _, y in batch[1]])
                )
            images, labels = batch
            loss = self.criterion(self(torch.stack(images)), torch.stack(labels))
            return {"loss": loss, "input": images, "target": labels}

        validation_step = training_step

    network = make_network()
    module = Module(network, nn.CrossEntropyLoss(), torch.optim.SGD(network.parameters(), lr=0.1))
    loader = DataLoader(train_loader.dataset, batch_size=4, collate_fn=collate)
    make_trainer(callbacks=[epochs]).fit(module, loader, loader)
    for epoch in range(2):
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(by_hand.train_epoch(train_loader)))
        assert epochs.val[epoch]["val/loss/epoch"] == approx(weighted_mean(by_hand.evaluate(train_loader)))


def test_vector_and_mapping_metrics_are_logged_by_item(make_network, train_loader, by_hand, make_trainer, epochs, rows):
    def metrics():
        return {
            "vector": MulticlassAccuracy(num_classes=3, average=None),
            "classes": ClasswiseWrapper(MulticlassAccuracy(num_classes=3, average=None), labels=["a", "b", "c"]),
            "macro": MulticlassAccuracy(num_classes=3),
        }

    system = make_system(
        make_network(),
        {"train": train_loader, "val": [train_loader, train_loader]},
        metrics={"train": metrics(), "val": metrics()},
        lr=0,
    )
    make_trainer(callbacks=[epochs], logger=rows, log_every_n_steps=3).fit(system)
    pred, target = by_hand.predict(train_loader)
    by_class = [float(value) for value in multiclass_accuracy(pred, target, num_classes=3, average=None)]
    for epoch in range(2):
        for logged, suffix in [(epochs.train[epoch], ""), (epochs.val[epoch], "/dataloader_idx_1")]:
            mode = "val" if suffix else "train"
            for i, label in enumerate("abc"):
                assert logged[f"{mode}/metrics/vector/{i}/epoch{suffix}"] == approx_f32(by_class[i])
                name = f"{mode}/metrics/classes/multiclassaccuracy_{label}/epoch{suffix}"
                assert logged[name] == approx_f32(by_class[i])
    x, y = list(train_loader)[2]
    last = multiclass_accuracy(by_hand.network(x), y, num_classes=3, average=None)
    assert rows.values("train/metrics/vector/0/step") == [approx_f32(float(last[0]))] * 2
    assert rows.values("train/metrics/classes/multiclassaccuracy_b/step") == [approx_f32(float(last[1]))] * 2


def test_a_metric_whose_value_is_a_matrix_is_named(make_network, train_loader, make_trainer):
    system = make_system(
        make_network(), {"train": train_loader}, metrics={"train": {"cm": MulticlassConfusionMatrix(num_classes=3)}}
    )
    with (
        pytest.warns(UserWarning, match="no `val_dataloader`"),
        pytest.raises(MetricError, match=r"`cm` .* shape \(3, 3\)"),
    ):
        make_trainer().fit(system)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch.compile looks at preds between graphs
@pytest.mark.parametrize("compiled", ["network", "module"])
def test_compiled_network_and_module_log_the_same(
    make_network, train_loader, val_loader, by_hand, make_trainer, epochs, rows, weighted_mean, compiled
):
    network = make_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    model = System(
        torch.compile(network, backend="eager") if compiled == "network" else network,
        {"train": train_loader, "val": val_loader},
        optimizer=optimizer,
        criterion=nn.CrossEntropyLoss(),
        metrics={"train": MulticlassAccuracy(num_classes=3)},
    )
    if compiled == "module":
        model = torch.compile(model, backend="eager")
    make_trainer(callbacks=[epochs], logger=rows, log_every_n_steps=2).fit(model)
    for epoch in range(2):
        losses = by_hand.train_epoch(train_loader)
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(losses))
        assert epochs.val[epoch]["val/loss/epoch"] == approx(weighted_mean(by_hand.evaluate(val_loader)))
    assert [step for step, _ in rows.of("train/metrics/MulticlassAccuracy/step")] == [1, 3, 5]


def test_a_second_fit_goes_on_and_counts_from_nothing(
    system, by_hand, train_loader, make_trainer, epochs, weighted_mean
):
    make_trainer().fit(system)
    make_trainer(callbacks=[epochs]).fit(system)
    by_hand.train_epoch(train_loader)
    by_hand.train_epoch(train_loader)
    for epoch in range(2):
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(by_hand.train_epoch(train_loader)))


def test_fit_after_the_learning_rate_finder(system, by_hand, train_loader, make_trainer, epochs, weighted_mean):
    trainer = make_trainer(callbacks=[epochs])
    Tuner(trainer).lr_find(system, num_training=5, update_attr=False)
    epochs.train.clear()
    trainer.fit(system)
    for epoch in range(2):
        assert epochs.train[epoch]["train/loss/epoch"] == approx(weighted_mean(by_hand.train_epoch(train_loader)))


def test_validation_after_a_failed_one_counts_from_zero(
    make_network, val_loader, train_loader, by_hand, make_trainer, weighted_mean
):
    class Fragile(System):
        broken = True

        def validation_step(self, batch, batch_idx):
            if self.broken and batch_idx == 1:
                raise OSError("disk")
            return super().validation_step(batch, batch_idx)

    network = make_network()
    system = Fragile(
        network,
        {"train": train_loader, "val": val_loader},
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(),
        metrics={"val": MulticlassAccuracy(num_classes=3)},
    )
    trainer = make_trainer(num_sanity_val_steps=0)
    with pytest.raises(OSError, match="disk"):
        trainer.fit(system)
    system.broken = False
    (values,) = trainer.validate(system, verbose=False)
    by_hand.train_epoch(train_loader)
    accuracy = float(multiclass_accuracy(*by_hand.predict(val_loader), num_classes=3))
    assert values["val/loss/epoch"] == approx(weighted_mean(by_hand.evaluate(val_loader)))
    assert values["val/metrics/MulticlassAccuracy/epoch"] == approx_f32(accuracy)


def test_a_barebones_trainer_trains_and_logs_nothing(make_network, train_loader, by_hand):
    from pytorch_lightning import Trainer

    system = make_system(make_network(), {"train": train_loader}, metrics={"train": MulticlassAccuracy(num_classes=3)})
    trainer = Trainer(barebones=True, max_epochs=2, accelerator="cpu", devices=1)
    with pytest.warns(UserWarning, match="no `val_dataloader`"):
        trainer.fit(system)
    assert trainer.callback_metrics == {}
    by_hand.train_epoch(train_loader)
    by_hand.train_epoch(train_loader)
    torch.testing.assert_close(system.network.weight, by_hand.network.weight)


def test_predict_logs_nothing(make_network, train_loader, make_trainer, rows):
    trainer = make_trainer(logger=rows)
    trainer.predict(make_system(make_network(), {"predict": train_loader}))
    assert trainer.callback_metrics == {}
    assert rows.rows == []
