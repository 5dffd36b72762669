"""Loaders that give nothing, or less than they say, are errors: otherwise a run would skip what was asked for."""

import pytest
import torch
from pytorch_lightning.utilities import CombinedLoader
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from lighter import LighterModule, System
from lighter.errors import DataError

pytestmark = pytest.mark.filterwarnings(
    "ignore:You defined a `(validation|test)_step` but have no",  # a System has every step
    "ignore:Your `IterableDataset` has `__len__` defined",  # Lightning says so to everybody
)


class Stream(IterableDataset):
    def __init__(self, size):
        self.size = size

    def __iter__(self):
        for index in range(self.size):
            yield torch.ones(4), index % 3


class Promising(Stream):
    """Has fewer samples than its length says."""

    def __len__(self):
        return 12


@pytest.fixture
def run(make_trainer, make_data):
    def start(stage="fit", options=None, **loaders):
        network = nn.Linear(4, 3)
        given = {"train": DataLoader(Stream(8), batch_size=4), **loaders}
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        system = System(network, given, optimizer=optimizer, criterion=nn.CrossEntropyLoss())
        trainer = make_trainer(**(options or {}))
        getattr(trainer, stage)(system)
        return trainer

    return start


@pytest.mark.parametrize(
    ("stage", "mode"), [("fit", "train"), ("fit", "val"), ("validate", "val"), ("test", "test"), ("predict", "predict")]
)
def test_a_loader_without_a_batch_is_an_error_that_says_why(run, stage, mode):
    with pytest.raises(DataError, match="gives no batch") as caught:
        run(stage, **{mode: DataLoader([(torch.ones(4), 0)] * 5, batch_size=8, drop_last=True)})
    assert (
        caught.value.what == f"the {mode} loader gives no batch: its list has 5 samples, in batches of 8 with drop_last"
    )


def test_one_of_several_loaders_without_a_batch_is_an_error(run):
    with pytest.raises(DataError, match="the val loader gives no batch"):
        run(val={"a": DataLoader(Stream(4), batch_size=4), "b": DataLoader([], batch_size=4)})


@pytest.mark.parametrize(("stage", "mode"), [("fit", "train"), ("fit", "val"), ("test", "test")])
def test_an_empty_stream_is_an_error_once_it_is_known(run, stage, mode):
    with pytest.raises(DataError, match=f"the {mode} loader gave no batch"):
        run(stage, {"num_sanity_val_steps": 0}, **{mode: DataLoader(Stream(0), batch_size=4)})


def test_loaders_that_are_not_asked_for_may_be_empty(run):
    run(options={"limit_val_batches": 0}, val=DataLoader([], batch_size=4))


def test_training_data_that_end_early_are_an_error(run):
    with pytest.raises(DataError) as caught:
        run(train=DataLoader(Promising(7), batch_size=4), val=DataLoader(Stream(4), batch_size=4))
    assert caught.value.what == "the train loader stopped after 2 batches in epoch 0, but its length is 3"
    assert "remove `__len__`" in caught.value.fix


def test_validation_data_that_ends_early_is_a_warning(run):
    with pytest.warns(UserWarning, match="the val loader stopped after 2 batches, but its length is 3"):
        run("validate", val=DataLoader(Promising(7), batch_size=4))


@pytest.mark.parametrize("mode", ["min_size", "max_size", "max_size_cycle"])
def test_loaders_that_validate_side_by_side_are_complete(make_trainer, mode, recwarn):
    class Pairs(LighterModule):
        def training_step(self, batch, batch_idx): ...

        def validation_step(self, batch, batch_idx):
            return {"loss": self.network(torch.ones(1, 1)).mean(), "batch_size": 1}

    loaders = [DataLoader(torch.ones(8, 1), batch_size=4), DataLoader(torch.ones(12, 1), batch_size=4)]
    make_trainer().validate(Pairs(nn.Linear(1, 1)), CombinedLoader(loaders, mode))
    assert not [warning for warning in recwarn if "stopped after" in str(warning.message)]


@pytest.mark.parametrize(
    "options", [{"max_steps": 2}, {"limit_train_batches": 2}, {"max_time": "00:00:00:00"}, {"fast_dev_run": 2}], ids=str
)
def test_an_epoch_that_was_stopped_did_not_end_early(run, options):
    trainer = run(options={"max_epochs": 1, **options}, train=DataLoader(Promising(12), batch_size=4))
    assert trainer.state.finished


@pytest.mark.filterwarnings("ignore:The dataloader, train_dataloader")
def test_two_optimizers_may_step_beyond_max_steps(make_trainer, make_network, make_data):
    class Two(LighterModule):
        def __init__(self):
            super().__init__(make_network(), nn.CrossEntropyLoss())
            self.automatic_optimization = False

        def training_step(self, batch, batch_idx):
            for optimizer in self.optimizers():
                loss = self.criterion(self(batch[0]), batch[1])
                optimizer.zero_grad()
                self.manual_backward(loss)
                optimizer.step()

        def configure_optimizers(self):
            return [torch.optim.SGD(self.parameters(), lr=0.1) for _ in range(2)]

    trainer = make_trainer(max_epochs=-1, max_steps=5)
    trainer.fit(Two(), DataLoader(make_data(40), batch_size=4))
    assert trainer.global_step == 6  # Lightning looks between batches, each of which takes two
