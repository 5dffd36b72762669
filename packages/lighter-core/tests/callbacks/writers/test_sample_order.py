import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, IterableDataset, SequentialSampler

from lighter.callbacks.writers.sample_order import (
    DistributedOrder,
    RecordedOrder,
    SampleOrder,
    SequentialOrder,
    sample_order,
)

DATASET = list(range(100, 111))  # sample i holds 100 + i


def numbered(loader, *, world_size=1):
    """The index of every sample that a loader gives, beside the sample."""
    order = sample_order(loader, world_size=world_size)
    pairs = []
    for batch_idx, batch in enumerate(loader):
        assert order.num_samples(batch_idx) in ([len(batch)] if order.is_known else [None])
        pairs += zip(order.indices(batch_idx, len(batch)), batch.tolist(), strict=True)
    return order, pairs


def test_a_sequential_loader_gives_dataset_indices():
    order, pairs = numbered(DataLoader(DATASET, batch_size=4))
    assert type(order) is SequentialOrder
    assert pairs == [(i, 100 + i) for i in range(11)]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_ranks_of_a_sampler_number_every_sample_once(shuffle, drop_last, world_size):
    seen = []
    for rank in range(world_size):
        sampler = DistributedSampler(DATASET, world_size, rank, shuffle=shuffle, drop_last=drop_last, seed=3)
        sampler.set_epoch(5)
        order, pairs = numbered(DataLoader(DATASET, batch_size=2, sampler=sampler), world_size=world_size)
        assert type(order) is DistributedOrder
        seen += [pair for pair in pairs if pair[0] is not None]
    assert all(sample == 100 + index for index, sample in seen)
    expected = len(DATASET) // world_size * world_size if drop_last else len(DATASET)
    assert len({index for index, _ in seen}) == len(seen) == expected


class Stream(IterableDataset):
    def __iter__(self):
        yield from DATASET


class Backwards(DistributedSampler):
    """Orders its samples in a way of its own."""


@pytest.mark.parametrize(
    ("loader", "world_size"),
    [
        (DataLoader(Stream(), batch_size=4), 1),
        (DataLoader(DATASET, batch_size=4, shuffle=True), 1),
        (DataLoader(DATASET, batch_size=4), 2),  # use_distributed_sampler=False: what this rank has is unknown
        (DataLoader(DATASET, batch_size=4, sampler=Backwards(DATASET, 2, 0)), 2),
        (DataLoader(DATASET, batch_sampler=[[0, 1], [5]]), 1),
    ],
)
def test_indices_are_not_claimed_where_they_are_not_certain(loader, world_size):
    order, pairs = numbered(loader, world_size=world_size)
    assert type(order) is SampleOrder
    assert not order.is_known
    assert [index for index, _ in pairs] == list(range(len(pairs)))


class Recorder(pl.LightningModule):
    """Predicts, and numbers the samples of every batch by what Lightning recorded: a contract with its inner state."""

    def on_predict_start(self):
        self.order = sample_order(self.trainer.predict_dataloaders, world_size=1)
        self.pairs = []

    def predict_step(self, batch, batch_idx):
        assert self.order.num_samples(batch_idx) == len(batch)
        self.pairs += zip(self.order.indices(batch_idx, len(batch)), batch.tolist(), strict=True)


def recorded(loader):
    module = Recorder()
    pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).predict(module, loader, return_predictions=False)
    assert type(module.order) is RecordedOrder
    return module


pytestmark = pytest.mark.filterwarnings(
    "ignore:predict returned None",
    "ignore:.*sampler has shuffling enabled",
    "ignore:You are using a custom batch sampler",
)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 4},
        {"batch_size": 4, "shuffle": True},
        {"batch_size": 4, "shuffle": True, "num_workers": 2, "prefetch_factor": 4},
        {"batch_sampler": BatchSampler(SequentialSampler(DATASET), 3, drop_last=False)},
    ],
)
def test_predict_reads_what_lightning_recorded(options):
    torch.manual_seed(0)
    module = recorded(DataLoader(DATASET, **options))
    assert sorted(module.pairs) == [(i, 100 + i) for i in range(11)]
    assert module.order.is_known


def test_records_do_not_grow_with_the_dataset():
    loader = DataLoader(list(range(1000)), batch_size=10)
    records = recorded(loader).order._batch_sampler.seen_batch_indices
    assert sum(map(len, records)) == 10


def test_padding_of_a_sampler_is_dropped_in_predict_too():
    sampler = DistributedSampler(DATASET, 2, 1, shuffle=False)  # rank 1 of 2: 1, 3, 5, 7, 9, and 0 once more
    module = recorded(DataLoader(DATASET, batch_size=4, sampler=sampler))
    assert module.pairs == [(1, 101), (3, 103), (5, 105), (7, 107), (9, 109), (None, 100)]


def test_keys_instead_of_indices_leave_running_numbers():
    dataset = {"a": 7, "b": 8, "c": 9}
    module = recorded(DataLoader(dataset, batch_size=2, sampler=list(dataset)))
    assert module.pairs == [(0, 7), (1, 8), (2, 9)]
    assert not module.order.is_known
