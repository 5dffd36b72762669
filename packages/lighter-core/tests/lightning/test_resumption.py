"""A fit of a module that is not Lighter's resumes as an uninterrupted one, with the callback that is attached."""

import random

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, LightningModule
from pytorch_lightning.callbacks import Checkpoint, LearningRateFinder, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics import CatMetric, MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassPrecision, MulticlassRecall

from lighter.errors import OptimizerError, StepOutputError
from lighter.lightning.restart import before_each_validation
from lighter.lightning.resumption import ResumesExactly, attach
from lighter.resumable import ResumableDataLoader

pytestmark = pytest.mark.filterwarnings(
    "ignore:Be aware that when using .ckpt_path., callbacks used to create",  # the resumed runs save nothing
    "ignore:You're resuming from a checkpoint that ended before the epoch ended",  # Lightning's own words
)


class Plain(LightningModule):
    """Draws from all generators; its schedule monitors validation, and every epoch is too bad for it.

    It logs an epoch's values in each way that Lightning has: of numbers, of metrics, and by hand.
    """

    def __init__(self, network):
        super().__init__()
        self.network, self.dropout = network, nn.Dropout(0.5)
        self.accuracy, self.val_accuracy = (MulticlassAccuracy(3, average="micro") for _ in range(2))
        self.shared = MetricCollection([MulticlassPrecision(3), MulticlassRecall(3)])
        self.by_hand, self.val_by_hand = CatMetric(), MeanMetric()
        self.drawn = []

    def loss(self, batch, *metrics):
        prediction = self.network(self.dropout(batch[0]))
        for metric in metrics:
            metric.update(prediction, batch[1])
        return nn.functional.cross_entropy(prediction, batch[1])

    def training_step(self, batch, batch_idx):
        self.drawn.append((random.random(), float(np.random.random())))
        loss = self.loss(batch, self.accuracy, self.shared)
        self.by_hand.update(loss)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        self.log("train_max", loss, on_step=False, on_epoch=True, reduce_fx=max)
        self.log("train_sum", loss.double(), on_step=False, on_epoch=True, reduce_fx=torch.sum)
        self.log("train_accuracy", self.accuracy, on_step=False, on_epoch=True)
        self.log_dict(self.shared, on_step=False, on_epoch=True)
        return loss

    def on_train_epoch_end(self):
        self.log("train_median", self.by_hand.compute().median())
        self.by_hand.reset()

    def on_train_batch_start(self, batch, batch_idx):
        self.log("batches", 1.0, on_step=False, on_epoch=True, reduce_fx="sum")

    def validation_step(self, batch, batch_idx):
        loss = self.loss(batch, self.val_accuracy) + torch.rand(())
        self.val_by_hand.update(loss)
        self.log("val_loss", loss, on_step=True, on_epoch=True)
        self.log("val_accuracy", self.val_accuracy)

    def on_validation_epoch_end(self):
        self.log("val_mean", self.val_by_hand.compute())
        self.val_by_hand.reset()

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=0.9)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "monitor": "val_loss_epoch"}}


class SavesEverywhere(Checkpoint):
    """Saves after batches, in validations and at the ends of epochs; notes how many rows were logged by then."""

    def __init__(self, folder):
        self.folder, self.num_rows = folder, {}

    def save(self, trainer, *args):
        if not trainer.sanity_checking:
            file = self.folder / f"{len(self.num_rows)}.ckpt"
            self.num_rows[file] = len(trainer.logger.rows)
            trainer.save_checkpoint(file)

    on_train_batch_end = on_validation_batch_end = on_validation_end = on_train_epoch_end = save


@pytest.fixture
def fit(make_network, make_data, make_trainer):
    def run(
        logger, *callbacks, loader=ResumableDataLoader, ckpt_path=None, is_attached=True, module_class=Plain, **options
    ):
        torch.manual_seed(0 if ckpt_path is None else 123)
        random.seed(0 if ckpt_path is None else 123)
        np.random.seed(0 if ckpt_path is None else 123)
        module = module_class(make_network())
        options |= {"logger": logger, "callbacks": list(callbacks), "enable_checkpointing": bool(callbacks)}
        trainer = make_trainer(**options)
        if is_attached:
            attach(trainer)
            attach(trainer)
            assert sum(isinstance(callback, ResumesExactly) for callback in trainer.callbacks) == 1
        train = loader(make_data(22), batch_size=4, shuffle=True)
        trainer.fit(module, train, DataLoader(make_data(9), batch_size=4), ckpt_path=ckpt_path, weights_only=True)
        return module

    return run


@pytest.mark.parametrize(
    "options",
    [{"max_epochs": 3}, {"max_epochs": 2, "val_check_interval": 3}, {"max_epochs": -1, "max_steps": 10}],
    ids=str,
)
def test_a_plain_module_resumes_from_any_checkpoint(fit, rows, tmp_path, options):
    saved = SavesEverywhere(tmp_path)
    whole = fit(rows, saved, **options)
    most = 0
    for file, num_rows in saved.num_rows.items():
        resumed_rows = type(rows)()
        resumed = fit(resumed_rows, ckpt_path=file, **options)
        rest = resumed_rows.rows
        assert rest == rows.rows[len(rows.rows) - len(rest) :], file.name
        # Lightning writes a batch's row after `on_train_batch_end`
        assert len(rest) >= len(rows.rows) - num_rows - 1, file.name
        assert resumed.drawn == whole.drawn[len(whole.drawn) - len(resumed.drawn) :], file.name
        torch.testing.assert_close(resumed.state_dict(), whole.state_dict(), rtol=0, atol=0, msg=file.name)
        most = max(most, len(rest))
    assert most > 0.7 * len(rows.rows)


def test_a_resumed_epoch_may_log_a_value_elsewhere(fit, rows, tmp_path):
    fit(rows, SavesEverywhere(tmp_path))
    shown = []

    class Shows(Plain):
        def log(self, name, value, **how):
            super().log(name, value, **how | {"prog_bar": True, "logger": name != "train_max"})

        def on_fit_end(self):
            shown.append(self.trainer.progress_bar_metrics)

    resumed = type(rows)()
    fit(resumed, ckpt_path=tmp_path / "1.ckpt", module_class=Shows)
    assert resumed.of("train_loss_epoch") == rows.of("train_loss_epoch")
    assert resumed.of("train_max") == []
    assert shown[0]["train_max"] == pytest.approx(rows.of("train_max")[-1][1], abs=1e-3)


def test_a_value_reduced_otherwise_after_a_resume_is_an_error(fit, rows, tmp_path):
    class Least(Plain):
        def log(self, name, value, **how):
            super().log(name, value, **how | ({"reduce_fx": "min"} if name == "train_max" else {}))

    fit(rows, SavesEverywhere(tmp_path))
    with pytest.raises(StepOutputError, match="`train_max` is logged in another way than in the part of the epoch"):
        fit(type(rows)(), ckpt_path=tmp_path / "1.ckpt", module_class=Least)
    fit(type(rows)(), ckpt_path=tmp_path / "10.ckpt", module_class=Least)  # its epoch was over


def test_an_epoch_continued_on_fewer_ranks_says_what_is_lost(fit, rows, tmp_path):
    fit(rows, SavesEverywhere(tmp_path))
    checkpoint = torch.load(tmp_path / "1.ckpt", weights_only=True)
    checkpoint["lighter"]["unfinished_epoch"]["logged"] *= 2
    torch.save(checkpoint, tmp_path / "of-two.ckpt")
    resumed = type(rows)()
    with pytest.warns(UserWarning, match=r"the epoch began on 2 rank\(s\) and continues on 1: what `self.log`"):
        fit(resumed, ckpt_path=tmp_path / "of-two.ckpt")
    assert resumed.of("batches")[0] == (5, 4.0)
    assert resumed.of("train_accuracy") == rows.of("train_accuracy")  # the states of metrics are of all ranks


def test_a_second_fit_calls_only_what_it_asked_for(make_network, make_data, make_trainer):
    class Counts(Callback):
        num = 0

        def on_fit_start(self, trainer, pl_module):
            before_each_validation(trainer, self.count)

        def count(self, trainer):
            self.num += not trainer.sanity_checking

    counts = Counts()
    trainer = make_trainer(callbacks=[counts], max_epochs=2)
    train, val = (DataLoader(make_data(8), batch_size=4) for _ in range(2))
    trainer.fit(Plain(make_network()), train, val)
    trainer.fit_loop.max_epochs = 5
    trainer.fit(Plain(make_network()), train, val)
    assert counts.num == 5


def test_a_plain_loader_resumes_at_an_epoch_end(fit, rows, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, save_top_k=-1, save_on_train_epoch_end=True, filename="{epoch}")
    whole = fit(rows, checkpoint, loader=DataLoader, max_epochs=3)
    resumed_rows = type(rows)()
    resumed = fit(resumed_rows, loader=DataLoader, ckpt_path=tmp_path / "epoch=0.ckpt", max_epochs=3)
    assert resumed.drawn == whole.drawn[6:]
    assert resumed_rows.rows == rows.rows[len(rows.rows) - len(resumed_rows.rows) :]
    torch.testing.assert_close(resumed.state_dict(), whole.state_dict(), rtol=0, atol=0)


def test_a_checkpoint_without_the_state_still_resumes(fit, rows, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, save_top_k=-1, filename="{epoch}")
    fit(rows, checkpoint, is_attached=False)
    assert "lighter" not in torch.load(tmp_path / "epoch=0.ckpt", weights_only=True)
    module = fit(type(rows)(), ckpt_path=tmp_path / "epoch=0.ckpt")
    assert len(module.drawn) == 6


def test_weights_alone_hold_no_state_of_the_fit(fit, rows, tmp_path):
    fit(rows, ModelCheckpoint(tmp_path, save_weights_only=True, filename="weights"))
    assert "lighter" not in torch.load(tmp_path / "weights.ckpt", weights_only=True)


def test_finder_in_a_resumed_fit_of_a_plain_module_is_an_error(fit, rows, tmp_path):
    class OwnFinder(LearningRateFinder): ...

    fit(rows, ModelCheckpoint(tmp_path, filename="{epoch}"))
    with pytest.raises(OptimizerError, match="OwnFinder cannot run in a resumed fit"):
        fit(type(rows)(), OwnFinder(), ckpt_path=tmp_path / "epoch=1.ckpt")
