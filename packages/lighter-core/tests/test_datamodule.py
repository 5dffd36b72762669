import pytest
import torch
from pytorch_lightning.utilities.warnings import PossibleUserWarning
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler

from lighter import DataError, LighterDataModule, LighterModule, System


class Module(LighterModule):
    def training_step(self, batch, batch_idx):
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    validation_step = training_step


@pytest.fixture
def loader(make_data):
    return DataLoader(make_data(10), batch_size=4, shuffle=True, drop_last=True)


def test_a_module_without_val_loader_just_trains(make_network, make_trainer, loader):
    network = make_network()
    module = Module(network, optimizer=torch.optim.SGD(network.parameters(), lr=0.1))
    trainer = make_trainer()
    with pytest.warns(PossibleUserWarning, match="no `val_dataloader`"):
        trainer.fit(module, datamodule=LighterDataModule(train_dataloader=loader))
    assert trainer.current_epoch == 2


def test_loaders_are_offered_as_hooks(loader):
    data = LighterDataModule(loader, [loader, loader], predict_dataloader=loader)
    assert data.train_dataloader() is data.predict_dataloader() is loader
    assert data.val_dataloader() == [loader, loader]


@pytest.mark.parametrize("given", ["train.csv", 3, nn.Linear(1, 1)])
def test_a_loader_must_be_iterable_at_construction(given):
    with pytest.raises(DataError, match="the val dataloader must be an iterable of batches"):
        LighterDataModule(val_dataloader=given)


def test_loaders_of_an_unknown_mode_name_the_nearest(loader):
    with pytest.raises(DataError) as raised:
        System(nn.Linear(1, 1), {"valid": loader})
    assert raised.value.nearest == ("val",)


def test_batch_size_makes_a_new_loader_that_keeps_the_rest(loader):
    data = LighterDataModule(loader)
    data.batch_size = 5
    rebuilt = data.train_dataloader()
    assert (data.batch_size, rebuilt.dataset, rebuilt.drop_last) == (5, loader.dataset, True)
    assert rebuilt.sampler is loader.sampler
    assert [len(y) for _, y in rebuilt] == [5, 5]
    data = LighterDataModule(DataLoader(loader.dataset, batch_size=4, num_workers=1, in_order=False))
    data.batch_size = 5
    assert not data.train_dataloader().in_order


def test_a_loader_that_cannot_be_made_again_is_an_error(loader):
    sampler = BatchSampler(SequentialSampler(loader.dataset), 2, drop_last=False)
    data = LighterDataModule(DataLoader(loader.dataset, batch_sampler=sampler))
    with pytest.raises(DataError, match="a custom batch sampler"):
        data.batch_size = 3
    with pytest.raises(DataError, match="which is missing"):
        _ = LighterDataModule().batch_size
