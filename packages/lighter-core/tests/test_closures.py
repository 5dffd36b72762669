"""Optimizers that call the step several times for one batch."""

import pytest
import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy

from lighter import System
from lighter.resumable import ResumableDataLoader

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


def make_optimizer(network):
    return torch.optim.LBFGS(network.parameters(), lr=0.1, max_iter=4, history_size=3, line_search_fn="strong_wolfe")


class Plain(LightningModule):
    """A module of Lightning alone, which notes the loss and the number of right answers of each call."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.calls = []

    def training_step(self, batch, batch_idx):
        pred = self.network(batch[0])
        loss = nn.functional.cross_entropy(pred, batch[1])
        right = int((pred.argmax(1) == batch[1]).sum())
        self.calls.append((self.current_epoch, batch_idx, loss.item(), right, len(batch[1])))
        return loss

    def configure_optimizers(self):
        return make_optimizer(self.network)

    def first_calls(self):
        """The first call of each batch."""
        firsts = {}
        for epoch, batch_idx, *call in self.calls:
            firsts.setdefault((epoch, batch_idx), call)
        return firsts


@pytest.fixture
def make_system(make_network, make_data):
    def make():
        network = make_network()
        accuracy = MulticlassAccuracy(num_classes=3, average="micro")
        return System(
            network,
            {"train": ResumableDataLoader(make_data(10), batch_size=4), "val": DataLoader(make_data(4), batch_size=4)},
            optimizer=make_optimizer(network),
            criterion=nn.CrossEntropyLoss(),
            metrics={"train": accuracy},
        )

    return make


@pytest.mark.parametrize("options", [{}, {"accumulate_grad_batches": 2}, {"gradient_clip_val": 0.1}])
def test_lbfgs_trains_as_in_lightning_and_logs_a_batch_once(
    make_system, make_network, make_data, make_trainer, epochs, rows, options
):
    plain, system = Plain(make_network()), make_system()
    make_trainer(max_epochs=3, **options).fit(plain, DataLoader(make_data(10), batch_size=4))
    make_trainer(max_epochs=3, callbacks=[epochs], logger=rows, **options).fit(system)
    assert len(plain.calls) > 9
    for ours, expected in zip(system.network.parameters(), plain.network.parameters(), strict=True):
        assert torch.equal(ours, expected)
    firsts = plain.first_calls()
    for epoch, logged in enumerate(epochs.train):
        batches = [call for (of_epoch, _), call in firsts.items() if of_epoch == epoch]
        assert logged["train/loss/epoch"] == pytest.approx(sum(loss * n for loss, _, n in batches) / 10, rel=1e-13)
        right = sum(right for _, right, _ in batches) / 10
        assert logged["train/metrics/MulticlassAccuracy/epoch"] == pytest.approx(right, rel=1e-6)
    written = rows.values("train/loss/step")
    if "accumulate_grad_batches" not in options:
        assert written == [loss for loss, _, _ in firsts.values()]
        assert [step for step, _ in rows.of("train/loss/step")] == list(range(9))
    else:  # the batches before an optimizer step
        assert written == [loss for (_, batch), (loss, _, _) in firsts.items() if batch in (1, 2)]


@pytest.mark.parametrize("step", [2, 3, 5])
def test_resumed_lbfgs_equals_an_uninterrupted_run(make_system, make_trainer, tmp_path, step):
    def fit(**options):
        system = make_system()
        callback = ModelCheckpoint(
            tmp_path, filename="{step}", save_top_k=-1, every_n_train_steps=1, enable_version_counter=False
        )
        trainer = make_trainer(max_epochs=3, callbacks=[callback], enable_checkpointing=True)
        trainer.fit(system, **options)
        return [*system.network.parameters()], trainer.callback_metrics

    weights, values = fit()
    resumed, resumed_values = fit(ckpt_path=str(tmp_path / f"step={step}.ckpt"), weights_only=True)
    assert all(map(torch.equal, resumed, weights))
    assert resumed_values == values
