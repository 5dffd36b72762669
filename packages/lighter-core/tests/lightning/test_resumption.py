"""A fit of a module that is not Lighter's resumes as an uninterrupted one, with the callback that is attached."""

import random

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, LightningModule
from pytorch_lightning.callbacks import LearningRateFinder, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from lighter.errors import OptimizerError
from lighter.lightning.resumption import ResumesExactly, attach
from lighter.resumable import ResumableDataLoader

pytestmark = pytest.mark.filterwarnings(
    "ignore:Be aware that when using .ckpt_path., callbacks used to create",  # the resumed runs save nothing
    "ignore:You're resuming from a checkpoint that ended before the epoch ended",  # Lightning's own words
)


class Plain(LightningModule):
    """Draws from all generators; its schedule monitors validation, and every epoch is too bad for it."""

    def __init__(self, network):
        super().__init__()
        self.network, self.dropout = network, nn.Dropout(0.5)
        self.drawn = []

    def loss(self, batch):
        return nn.functional.cross_entropy(self.network(self.dropout(batch[0])), batch[1])

    def training_step(self, batch, batch_idx):
        self.drawn.append((random.random(), float(np.random.random())))
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=False)
        return loss

    def validation_step(self, batch, batch_idx):
        loss = self.loss(batch) + torch.rand(())
        self.log("val_loss", loss, on_step=True, on_epoch=True)

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=0.9)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "monitor": "val_loss_epoch"}}


class SavesEverywhere(Callback):
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
    def run(logger, *callbacks, loader=ResumableDataLoader, ckpt_path=None, is_attached=True, **options):
        torch.manual_seed(0 if ckpt_path is None else 123)
        random.seed(0 if ckpt_path is None else 123)
        np.random.seed(0 if ckpt_path is None else 123)
        module = Plain(make_network())
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
