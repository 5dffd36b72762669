import pytest
import torch
from torch.utils.data import IterableDataset

from lighter import DataError
from lighter.resumable import ResumableDataLoader


def make(**options):
    return ResumableDataLoader(list(range(20)), batch_size=3, shuffle=True, **options)


def as_lists(batches):
    return [batch.tolist() for batch in batches]


@pytest.mark.parametrize("num_epochs_before", [0, 1])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_workers": 2},
        {"num_workers": 2, "persistent_workers": True},
        {"generator": 4},
        {"num_workers": 2, "persistent_workers": True, "generator": 4},
    ],
)
def test_a_resumed_loader_ends_its_epoch_as_uninterrupted(options, num_epochs_before):
    def fresh(seed):
        torch.manual_seed(seed)
        own = {"generator": torch.Generator().manual_seed(seed)} if "generator" in options else {}
        return make(**options | own)

    loader = fresh(1)
    for _ in range(num_epochs_before):
        list(loader)
    batches = iter(loader)
    for _ in range(3):
        next(batches)
    state, random_state = loader.state_dict(), torch.get_rng_state()
    rest, following = as_lists(batches), as_lists(loader)
    resumed = fresh(99)
    resumed.load_state_dict(state)
    torch.set_rng_state(random_state)
    assert as_lists(resumed) == rest
    assert as_lists(resumed) == following


def test_a_finished_epoch_begins_anew():
    loader = make()
    list(loader)
    resumed = make()
    resumed.load_state_dict(loader.state_dict())
    assert len(list(resumed)) == 7


def test_an_iterable_dataset_is_an_error():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(range(3))

    with pytest.raises(DataError, match="cannot resume a Stream"):
        ResumableDataLoader(Stream())
