"""Held against Lightning: what lighter copies of its inner state. Another Lightning that differs fails here."""

import pytest
import torch
from pytorch_lightning import Callback, LightningModule
from torch import nn
from torch.utils.data import DataLoader

from lighter import LighterModule


class Plain(LightningModule):
    """Logs a step value as Lightning itself does."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def training_step(self, batch, batch_idx):
        loss = nn.functional.cross_entropy(self.network(batch[0]), batch[1])
        self.log("train/loss/step", loss, on_step=True, on_epoch=False)
        return loss

    def validation_step(self, batch, batch_idx):
        loss = nn.functional.cross_entropy(self.network(batch[0]), batch[1])
        self.log("val/loss", loss, on_step=True, on_epoch=True)

    def configure_optimizers(self):
        return torch.optim.SGD(self.network.parameters(), lr=0.1)


class Ours(LighterModule):
    def training_step(self, batch, batch_idx):
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    validation_step = training_step


class PlainManual(Plain):
    def __init__(self, network):
        super().__init__(network)
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        self.optimizers().zero_grad()
        self.manual_backward(loss)
        self.optimizers().step()


class OursManual(Ours):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        self.optimizers().zero_grad()
        self.manual_backward(loss)
        self.optimizers().step()
        return loss


class StopEarly(Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if batch_idx == 3:
            trainer.should_stop = True


@pytest.mark.parametrize("is_manual", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"log_every_n_steps": 1},
        {"log_every_n_steps": 2},
        {"log_every_n_steps": 3, "accumulate_grad_batches": 2},
        {"log_every_n_steps": 1, "accumulate_grad_batches": 4},
        {"log_every_n_steps": 0},
        {"log_every_n_steps": 4, "val_check_interval": 2},
        {"log_every_n_steps": 50},
        {"log_every_n_steps": 5, "callbacks": [StopEarly()], "min_epochs": 2},
        {"log_every_n_steps": 5, "callbacks": [StopEarly()]},
        {"log_every_n_steps": 2, "limit_train_batches": 3},
        {"log_every_n_steps": 0, "callbacks": [StopEarly()], "min_epochs": 2},
    ],
)
def test_step_rows_are_those_that_lightning_writes(make_network, make_data, make_trainer, rows, options, is_manual):
    if is_manual and "accumulate_grad_batches" in options:
        pytest.skip("Lightning accumulates in automatic optimization only")
    loader = DataLoader(make_data(22), batch_size=4)
    plain_rows = type(rows)()
    make_trainer(logger=plain_rows, **options).fit(
        (PlainManual if is_manual else Plain)(make_network()), loader, loader
    )
    network = make_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    make_trainer(logger=rows, **options).fit(
        (OursManual if is_manual else Ours)(network, optimizer=optimizer), loader, loader
    )
    assert rows.of("train/loss/step") == [
        (step, pytest.approx(value, rel=1e-6)) for step, value in plain_rows.of("train/loss/step")
    ]
    # in evaluation Lightning writes every batch; ours are those of them that are due
    n = options["log_every_n_steps"]
    due = [(step, value) for step, value in plain_rows.of("val/loss_step") if n and (step + 1) % n == 0]
    assert rows.of("val/loss/step") == [(step, pytest.approx(value, rel=1e-6)) for step, value in due]


def test_epoch_rows_have_the_x_axis_of_lightning(make_network, make_data, make_trainer, rows):
    loader = DataLoader(make_data(22), batch_size=4)
    plain_rows = type(rows)()
    make_trainer(logger=plain_rows, val_check_interval=2).fit(Plain(make_network()), loader, loader)
    network = make_network()
    module = Ours(network, optimizer=torch.optim.SGD(network.parameters(), lr=0.1))
    make_trainer(logger=rows, val_check_interval=2).fit(module, loader, loader)
    assert rows.of("val/loss/epoch") == [
        (step, pytest.approx(value, rel=1e-6)) for step, value in plain_rows.of("val/loss_epoch")
    ]
    assert {row["epoch"] for _, row in rows.rows} == {0, 1}
