from functools import partial
from typing import NamedTuple

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

from lighter.collate import collate_keeping_none, collate_replacing_corrupt
from lighter.errors import CorruptBatchError


class Corrupt(Dataset):
    """Sample ``i`` is ``i``, and every ``every``-th fails to load."""

    def __init__(self, size=20, every=3):
        self.size = size
        self.every = every

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return None if index % self.every == 0 else torch.tensor(float(index))


def batches(seed, **options):
    dataset = Corrupt()
    collate_fn = partial(collate_replacing_corrupt, dataset=dataset)
    torch.manual_seed(seed)
    return [batch.tolist() for batch in DataLoader(dataset, batch_size=4, collate_fn=collate_fn, **options)]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_corrupt_samples_are_replaced_as_the_seed_says(num_workers):
    first = batches(0, num_workers=num_workers)
    assert [len(batch) for batch in first] == [4] * 5
    assert all(value % 3 for batch in first for value in batch)
    assert [first[0][i] for i in (1, 2)] == [1, 2]  # the good ones stay where they are
    assert batches(0, num_workers=num_workers) == first
    assert batches(1, num_workers=num_workers) != first


def test_the_inner_collate_is_kept_for_replaced_batches():
    """A recursion went on with the default collate."""
    samples = [None, torch.ones(2), torch.ones(3)]
    batch = collate_replacing_corrupt(samples, [torch.zeros(1)], collate_fn=nn.utils.rnn.pad_sequence)
    assert batch.shape == (3, 3)


@pytest.mark.parametrize("max_draws", [0, 7])
def test_draws_are_bounded(max_draws):
    """A dataset that always failed recursed without end."""
    with pytest.raises(CorruptBatchError, match=f"2 of 2 samples are corrupt after {max_draws} draws"):
        collate_replacing_corrupt([None, None], Corrupt(every=1), max_draws=max_draws)


def test_a_stream_cannot_give_replacements():
    class Stream(IterableDataset):
        def __iter__(self):
            yield None

    with pytest.raises(CorruptBatchError, match="a Stream has no replacement"):
        collate_replacing_corrupt([None], Stream())


def test_a_model_trains_two_epochs_on_a_corrupt_dataset(tmp_path):
    class Model(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1)
            self.sizes = []

        def training_step(self, batch, batch_idx):
            self.sizes.append(len(batch))
            return self.layer(batch[:, None]).mean()

        def validation_step(self, batch, batch_idx):
            assert len(batch) == 4

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.01)

    dataset, model = Corrupt(), Model()
    loader = DataLoader(dataset, batch_size=4, collate_fn=partial(collate_replacing_corrupt, dataset=dataset))
    pl.Trainer(
        default_root_dir=tmp_path,
        accelerator="cpu",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(model, loader, loader)
    assert model.sizes == [4] * 10


def test_none_in_all_samples_is_none_and_else_stays():
    batch = collate_keeping_none(
        [
            {"x": torch.zeros(2), "target": None, "name": "a", "pair": (1, None), "boxes": None},
            {"x": torch.ones(2), "target": None, "name": "b", "pair": (2, 3.0), "boxes": torch.ones(1, 4)},
        ]
    )
    assert torch.equal(batch["x"], torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    assert batch["target"] is None
    assert batch["name"] == ["a", "b"]
    assert torch.equal(batch["pair"][0], torch.tensor([1, 2]))
    assert batch["pair"][1] == [None, 3.0]
    assert batch["boxes"][0] is None
    assert batch["boxes"][1].shape == (1, 4)


def test_samples_that_are_none_keep_their_place():
    assert collate_keeping_none([None, 3]) == [None, 3]
    assert collate_keeping_none([None, None]) is None


def test_without_none_it_is_the_default_collate():
    class Pair(NamedTuple):
        x: int
        y: float

    batch = collate_keeping_none([Pair(1, 2.0), Pair(3, 4.0)])
    assert torch.equal(batch.x, torch.tensor([1, 3]))
    assert batch.y.dtype == torch.float64


@pytest.mark.parametrize("samples", [[{"a": 1}, {"b": 1}], [(1, 2), (1,)]])
def test_samples_of_different_shape_are_an_error(samples):
    with pytest.raises(CorruptBatchError, match="sample 1 of the batch has"):
        collate_keeping_none(samples)
