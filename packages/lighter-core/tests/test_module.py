import copy
import pickle

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy

from lighter import BatchSizeError, LighterModule, Mode, StepOutputError, System


@pytest.fixture
def loader(make_data):
    return DataLoader(make_data(10), batch_size=4)


class Plain(LighterModule):
    def training_step(self, batch, batch_idx):
        pred = self(batch[0])
        self.update_metrics(pred, batch[1])
        return {"loss": nn.functional.cross_entropy(pred, batch[1]), "target": batch[1]}

    def validation_step(self, batch, batch_idx):
        return self.training_step(batch, batch_idx)


@pytest.fixture
def make(make_network):
    def of(cls, **arguments):
        network = arguments.pop("network", None) or make_network()
        return cls(network, optimizer=torch.optim.SGD(network.parameters(), lr=0.1), **arguments)

    return of


def test_hooks_of_the_user_without_super_leave_logging_on(make, make_trainer, loader, epochs, rows):
    class Mine(Plain):
        def on_train_batch_end(self, outputs, batch, batch_idx): ...
        def on_train_epoch_end(self): ...
        def on_validation_epoch_end(self): ...
        def on_train_start(self): ...
        def setup(self, stage): ...

    metrics = {"train_metrics": MulticlassAccuracy(num_classes=3), "val_metrics": MulticlassAccuracy(num_classes=3)}
    make_trainer(callbacks=[epochs], logger=rows).fit(make(Mine, **metrics), loader, loader)
    other, other_rows = type(epochs)(), type(rows)()
    metrics = {"train_metrics": MulticlassAccuracy(num_classes=3), "val_metrics": MulticlassAccuracy(num_classes=3)}
    make_trainer(callbacks=[other], logger=other_rows).fit(make(Plain, **metrics), loader, loader)
    assert epochs.train == other.train
    assert epochs.val == other.val
    assert rows.rows == other_rows.rows


def test_a_step_that_calls_another_step_is_counted_once(make, make_trainer, loader, rows):
    class Child(Plain):
        def training_step(self, batch, batch_idx):
            return super().training_step(batch, batch_idx)

    make_trainer(logger=rows).fit(make(Child), loader, loader)
    assert len(rows.of("train/loss/step")) == len(rows.of("val/loss/step")) == 6


def test_a_step_of_a_mixin_is_counted(make, make_trainer, loader, rows):
    class Steps:
        def training_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

    class Mixed(Steps, LighterModule): ...

    make_trainer(logger=rows).fit(make(Mixed), loader)
    assert len(rows.of("train/loss/epoch")) == 2


def test_a_step_assigned_later_is_an_error(make, make_trainer, loader):
    module = make(Plain)
    module.training_step = lambda batch, batch_idx: module(batch[0]).mean()
    with pytest.raises(StepOutputError, match=r"Plain.training_step was assigned after"):
        make_trainer().fit(module, loader, loader)


def test_log_outputs_may_be_overridden(make, make_trainer, loader, epochs):
    class Renamed(Plain):
        def _log_outputs(self, outputs, batch_idx):
            super()._log_outputs(
                {**outputs, "loss": {"total": outputs["loss"], "twice": outputs["loss"] * 2}}, batch_idx
            )

    make_trainer(callbacks=[epochs]).fit(make(Renamed), loader, loader)
    assert epochs.train[0]["train/loss/twice/epoch"] == pytest.approx(2 * epochs.train[0]["train/loss/epoch"])


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([1, 2], "must return a loss or a dict, got a list"),
        ({"pred": 1}, "must return a `loss` to train on"),
        ({"loss": None}, "must return a `loss` to train on"),
        ({"loss": {"ce": torch.ones(())}}, "losses must have a `total`"),
        ({"loss": torch.ones(3), "batch_size": 3}, r"a tensor of shape \(3,\)"),
        ({"loss": {"total": torch.ones(()), "name": "ce"}, "batch_size": 3}, "must be a scalar, got a str"),
    ],
)
def test_an_invalid_step_result_is_an_error_with_examples(make, make_trainer, loader, returned, message):
    class Wrong(LighterModule):
        def training_step(self, batch, batch_idx):
            return returned

    with pytest.raises(StepOutputError, match=message) as raised:
        make_trainer().fit(make(Wrong), loader)
    assert raised.value.expected
    assert raised.value.fix


def test_an_unknown_number_of_samples_is_asked_for(make, make_trainer, loader):
    class Images(LighterModule):
        def training_step(self, batch, batch_idx):
            return self(torch.stack(batch[0])).mean()

    images = DataLoader(loader.dataset, batch_size=4, collate_fn=lambda samples: ([x for x, _ in samples], None))
    with pytest.raises(BatchSizeError, match="batch_size"):
        make_trainer().fit(make(Images), images)


def test_a_nan_loss_is_one_warning_that_names_the_batch(make, make_trainer, loader, rows):
    class Diverging(LighterModule):
        def training_step(self, batch, batch_idx):
            return self(batch[0]).mean() * (float("nan") if batch_idx == 1 else 1.0)

    with pytest.warns(UserWarning, match="the train loss is nan in batch 1 of epoch 0") as warned:
        make_trainer(logger=rows).fit(make(Diverging), loader)
    assert sum("is nan" in str(warning.message) for warning in warned) == 1


class NanInTheSecondBatch(LighterModule):
    def training_step(self, batch, batch_idx):
        return self(batch[0]).mean() * (float("nan") if self.trainer.global_step == 1 else 1.0)

    def validation_step(self, batch, batch_idx):
        return {"loss": self(batch[0]).mean()}


def test_a_nan_between_written_steps_is_seen_in_the_sum(make, make_trainer, loader, rows):
    class Between(LighterModule):
        def training_step(self, batch, batch_idx):
            return self(batch[0]).mean() * 0 + (float("nan") if batch_idx == 1 else 1.0)

    with pytest.warns(UserWarning, match="the train loss is nan before batch 2 of epoch 0; the run continues"):
        make_trainer(logger=rows, log_every_n_steps=3).fit(make(Between), loader)


@pytest.mark.parametrize("has_logger", [True, False])
def test_on_nan_stop_ends_the_fit(make, make_trainer, loader, rows, has_logger):
    module = make(NanInTheSecondBatch, on_nan="stop")
    trainer = make_trainer(logger=rows if has_logger else False, max_epochs=50)
    with pytest.warns(UserWarning, match="is nan .*; the run stops"):
        trainer.fit(module, loader, loader)
    assert trainer.global_step == (2 if has_logger else 3)  # without a row, the epoch's mean shows it
    assert module.nan_losses["train"] == ("in batch 1 of epoch 0" if has_logger else "in the mean of epoch 0")


@pytest.mark.parametrize("has_logger", [True, False])
def test_on_nan_raise_ends_before_a_checkpoint_is_saved(make, make_trainer, loader, rows, tmp_path, has_logger):
    saving = ModelCheckpoint(tmp_path / "checkpoints", save_top_k=-1)
    logger = rows if has_logger else False
    trainer = make_trainer(logger=logger, callbacks=[saving], enable_checkpointing=True)
    with pytest.raises(StepOutputError, match=r"the (train|val) loss is nan in"):
        trainer.fit(make(NanInTheSecondBatch, on_nan="raise"), loader, loader)
    assert not (tmp_path / "checkpoints").exists()


def test_on_nan_raise_ends_an_evaluation(make, make_trainer, loader):
    class Broken(LighterModule):
        def test_step(self, batch, batch_idx):
            return {"loss": self(batch[0]).mean() * float("nan")}

    with pytest.raises(StepOutputError, match="the test loss is nan in the mean of epoch 0"):
        make_trainer().test(make(Broken, on_nan="raise"), loader, verbose=False)


def test_an_unknown_on_nan_is_an_error(make):
    with pytest.raises(StepOutputError, match="unknown `on_nan` 'rais'") as raised:
        make(Plain, on_nan="rais")
    assert raised.value.nearest == ("raise",)


def test_a_nan_loss_of_one_of_several_loaders_is_named(make, make_trainer, loader):
    class Diverging(LighterModule):
        def validation_step(self, batch, batch_idx, dataloader_idx=0):
            return {"loss": self(batch[0]).mean() * (float("nan") if dataloader_idx == 1 else 1.0)}

    with pytest.warns(UserWarning, match="the val loss is nan in the mean of epoch 0 of dataloader_idx 1"):
        make_trainer().validate(make(Diverging), [loader, loader], verbose=False)


def test_mode_is_that_of_the_loop_after_a_validation_too(make, make_trainer, loader):
    seen = []

    class Watched(Plain):
        def training_step(self, batch, batch_idx):
            seen.append(self.mode)
            return super().training_step(batch, batch_idx)

        def validation_step(self, batch, batch_idx):
            seen.append(self.mode)

    module = make(Watched)
    with pytest.raises(RuntimeError):
        _ = module.mode
    make_trainer(num_sanity_val_steps=0).fit(module, loader, loader)
    assert seen == ([Mode.TRAIN] * 3 + [Mode.VAL] * 3) * 2
    with pytest.raises(RuntimeError, match="no loop"):
        _ = module.mode


def test_forward_gives_epoch_and_step_if_the_network_asks(make, make_trainer, loader, make_network):
    class Clocked(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = make_network()
            self.seen = []

        def forward(self, x, epoch=None, step=None):
            self.seen.append((epoch, step))
            return self.inner(x)

    network = Clocked()
    make_trainer(limit_val_batches=0).fit(make(Plain, network=network), loader, loader)
    assert network.seen == [(i // 3, i) for i in range(6)]
    make(Plain, network=network)(torch.ones(1, 4, dtype=torch.float64))
    assert network.seen[-1] == (None, None)


def test_a_module_can_be_copied_and_pickled_while_it_trains(make, make_trainer, loader):
    class Copies(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            logging = pl_module._logging
            assert copy.deepcopy(logging).train_log is None
            assert pickle.loads(pickle.dumps(logging)).train_log is None

    make_trainer(callbacks=[Copies()]).fit(make(Plain), loader, loader)


def test_steps_can_be_called_without_a_trainer(make, loader):
    metric = MulticlassAccuracy(num_classes=3)
    outputs = make(Plain, train_metrics=metric).training_step(next(iter(loader)), 0)
    assert set(outputs) == {"loss", "target"}
    assert metric.update_count == 0  # of which mode should it be?


def test_a_checkpoint_loads_into_a_network_that_is_given(make, make_trainer, make_network, loader, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, filename="last")
    module = make(Plain)
    make_trainer(callbacks=[checkpoint], enable_checkpointing=True).fit(module, loader, loader)
    loaded = Plain.load_from_checkpoint(tmp_path / "last.ckpt", network=make_network(), weights_only=True)
    torch.testing.assert_close(loaded.network.state_dict(), module.network.state_dict())


def test_inferer_replaces_the_forward_in_evaluation_only(make_network, make_trainer, loader):
    calls = []

    def inferer(images, network):
        calls.append(len(images))
        return network(images)

    network = make_network()
    system = System(
        network,
        {"train": loader, "val": loader},
        torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(),
        inferer=inferer,
    )
    make_trainer(num_sanity_val_steps=0).fit(system)
    assert calls == [4, 4, 2] * 2


@pytest.mark.parametrize("is_compiled", [True, False], ids=["compiled", "plain"])
def test_checkpoint_fits_a_compiled_and_a_plain_network(make_network, make_data, make_trainer, tmp_path, is_compiled):
    def make(*, is_compiled):
        network = make_network()
        return System(
            torch.compile(network, backend="eager") if is_compiled else network,
            {mode: DataLoader(make_data(8), batch_size=4) for mode in ("train", "val")},
            optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
            criterion=nn.CrossEntropyLoss(),
        )

    first, path = make(is_compiled=is_compiled), tmp_path / "saved.ckpt"
    trainer = make_trainer()
    trainer.fit(first)
    trainer.save_checkpoint(path)
    (expected,) = trainer.validate(first, verbose=False)
    second = make(is_compiled=not is_compiled)
    assert make_trainer().validate(second, ckpt_path=path, weights_only=True, verbose=False) == [expected]
    third = make(is_compiled=not is_compiled)
    make_trainer(max_epochs=3).fit(third, ckpt_path=path, weights_only=True)
    make_trainer(max_epochs=1).fit(first)
    for one, other in zip(first.parameters(), third.parameters(), strict=True):
        torch.testing.assert_close(one, other)
