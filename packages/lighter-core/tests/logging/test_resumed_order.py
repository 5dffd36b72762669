"""A resumed run trains on the batches that an uninterrupted run trains on."""

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import LearningRateFinder, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torch.utils.data.distributed import DistributedSampler

from lighter import DataError, LighterModule
from lighter.resumable import ResumableDataLoader

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:Be aware that when using .ckpt_path., callbacks used to create",
        "ignore:You're resuming from a checkpoint that ended before the epoch ended",
        "ignore:The .train_dataloader. does not have many workers",
    ),
]
NUM_BATCHES = 4


class Indices(Dataset):
    def __len__(self):
        return 4 * NUM_BATCHES

    def __getitem__(self, index):
        return torch.tensor([float(index)])


class Module(LighterModule):
    def __init__(self, loader, *, asks_for_steps=False):
        network = nn.Linear(1, 1)
        super().__init__(network, nn.MSELoss(), torch.optim.SGD(network.parameters(), lr=1e-4))
        self.loader, self.asks_for_steps = loader, asks_for_steps
        self.batches = []

    def train_dataloader(self):
        return self.loader

    def configure_optimizers(self):
        if self.asks_for_steps:
            assert self.trainer.estimated_stepping_batches > 0
        return super().configure_optimizers()

    def training_step(self, batch, batch_idx):
        self.batches.append([int(index) for index in batch[:, 0]])
        return self.criterion(self.network(batch), batch)


class SaveAfter(Callback):
    """Saves after a number of batches, or at the end of the epoch that they complete."""

    def __init__(self, path, num_batches, *, at_epoch_end):
        self.path, self.num_batches, self.at_epoch_end = path, num_batches, at_epoch_end

    def on_train_batch_end(self, trainer, module, *args):
        if not self.at_epoch_end and len(module.batches) == self.num_batches:
            trainer.save_checkpoint(self.path)

    def on_train_epoch_end(self, trainer, module):
        if self.at_epoch_end and len(module.batches) == self.num_batches:
            trainer.save_checkpoint(self.path)


def plain(**options):
    return DataLoader(Indices(), batch_size=4, shuffle=True, **options)


def resumable(**options):
    return ResumableDataLoader(Indices(), batch_size=4, shuffle=True, **options)


def with_epochs(loader_class=ResumableDataLoader, **options):
    sampler = DistributedSampler(Indices(), num_replicas=1, rank=0, seed=5)
    return loader_class(Indices(), batch_size=4, sampler=sampler, **options)


def with_generator(**options):
    return resumable(generator=torch.Generator().manual_seed(3), **options)


def with_generator_of_the_sampler(**options):
    sampler = RandomSampler(Indices(), generator=torch.Generator().manual_seed(3))
    return ResumableDataLoader(Indices(), batch_size=4, sampler=sampler, **options)


def plain_with_epochs(**options):
    return with_epochs(DataLoader, **options)


class Positions:
    """A loader of the user that keeps its position, read when it starts."""

    def __init__(self, **options):
        self.num_given = 0

    def __len__(self):
        return NUM_BATCHES

    def __iter__(self):
        first, self.num_given = self.num_given, 0
        return self._batches(first)

    def _batches(self, first):
        for index in range(first, NUM_BATCHES):
            self.num_given = (index + 1) % NUM_BATCHES
            yield torch.full((4, 1), float(index))

    def state_dict(self):
        return {"num_given": self.num_given}

    def load_state_dict(self, state):
        self.num_given = state["num_given"]


def trained(loader, make_trainer, *callbacks, ckpt_path=None, asks_for_steps=False, **options):
    torch.manual_seed(1 if ckpt_path is None else 99)
    module = Module(loader, asks_for_steps=asks_for_steps)
    trainer = make_trainer(max_epochs=3, callbacks=list(callbacks), **options)
    trainer.fit(module, ckpt_path=ckpt_path, weights_only=True)
    return module.batches


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("asks_for_steps", [False, True], ids=["", "steps known early"])
@pytest.mark.parametrize(
    ("make", "num_batches"),
    [
        *[(make, NUM_BATCHES) for make in (plain, plain_with_epochs)],
        *[
            (make, num)
            for make in (resumable, with_epochs, with_generator, with_generator_of_the_sampler, Positions)
            for num in (1, NUM_BATCHES, NUM_BATCHES + 3)
        ],
    ],
)
def test_resumed_run_sees_the_remaining_batches(make, num_batches, asks_for_steps, num_workers, make_trainer, tmp_path):
    path, options = tmp_path / "saved.ckpt", {"num_workers": num_workers}
    save = SaveAfter(path, num_batches, at_epoch_end=num_batches % NUM_BATCHES == 0)
    whole = trained(make(**options), make_trainer, save, asks_for_steps=asks_for_steps)
    assert len(whole) == 3 * NUM_BATCHES
    resumed = trained(make(**options), make_trainer, ckpt_path=path, asks_for_steps=asks_for_steps)
    assert resumed == whole[num_batches:]


@pytest.mark.parametrize("num_batches", [NUM_BATCHES, NUM_BATCHES + 1])
@pytest.mark.parametrize(("before", "after"), [(with_epochs, plain_with_epochs), (plain_with_epochs, with_epochs)])
def test_loader_that_keeps_its_place_may_come_and_go(before, after, num_batches, make_trainer, tmp_path, recwarn):
    path = tmp_path / "saved.ckpt"
    save = SaveAfter(path, num_batches, at_epoch_end=num_batches == NUM_BATCHES)
    whole = trained(before(), make_trainer, save)
    recwarn.clear()
    resumed = trained(after(), make_trainer, ckpt_path=path)
    warned = [str(warning.message) for warning in recwarn if "samples repeat" in str(warning.message)]
    if num_batches == NUM_BATCHES:  # nothing is lost between epochs
        assert (resumed, warned) == (whole[NUM_BATCHES:], [])
    else:
        assert resumed[: NUM_BATCHES - 1] == whole[NUM_BATCHES : 2 * NUM_BATCHES - 1]
        assert resumed[NUM_BATCHES - 1 :] == whole[2 * NUM_BATCHES :]
        assert len(warned) == 1


def test_generator_of_a_plain_loader_is_a_warning(make_trainer, tmp_path):
    def make():
        return plain(generator=torch.Generator().manual_seed(3))

    path = tmp_path / "saved.ckpt"
    whole = trained(make(), make_trainer, SaveAfter(path, NUM_BATCHES, at_epoch_end=True))
    with pytest.warns(UserWarning, match="the order of the samples begins again; .*ResumableDataLoader` keeps it"):
        resumed = trained(make(), make_trainer, ckpt_path=path)
    assert resumed[:NUM_BATCHES] == whole[:NUM_BATCHES]


def test_generator_that_draws_no_order_is_no_warning(make_trainer, tmp_path, recwarn):
    def make():
        return DataLoader(Indices(), batch_size=4, generator=torch.Generator().manual_seed(3))

    path = tmp_path / "saved.ckpt"
    whole = trained(make(), make_trainer, SaveAfter(path, NUM_BATCHES, at_epoch_end=True))
    assert trained(make(), make_trainer, ckpt_path=path) == whole[NUM_BATCHES:]
    assert not [warning for warning in recwarn if "begins again" in str(warning.message)]


def test_finder_of_a_rate_is_no_resume(make_trainer, tmp_path, recwarn):
    loader = plain(generator=torch.Generator().manual_seed(3))
    finder = LearningRateFinder(num_training_steps=3, update_attr=False)
    trained(loader, make_trainer, finder, default_root_dir=tmp_path, accumulate_grad_batches=3)
    resumes = ("begins again", "training resumes", "of the checkpoint")
    warned = [str(warning.message) for warning in recwarn]
    assert [text for text in warned if any(part in text for part in resumes)] == []


@pytest.mark.parametrize("make", [resumable, with_generator, plain])
def test_max_steps_inside_an_epoch_leaves_batches_out_with_a_warning(make, make_trainer, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, filename="saved", save_on_train_epoch_end=True)
    first = trained(make(), make_trainer, checkpoint, max_steps=NUM_BATCHES + 1, enable_checkpointing=True)
    assert len(first) == NUM_BATCHES + 1
    with pytest.warns(UserWarning, match=f"so {NUM_BATCHES - 1} batches of that epoch are left out"):
        resumed = trained(make(), make_trainer, ckpt_path=tmp_path / "saved.ckpt")
    assert sorted(index for batch in resumed for index in batch) == list(range(4 * NUM_BATCHES))


def test_resume_inside_an_accumulation_is_one_warning(make_trainer, tmp_path, recwarn):
    path = tmp_path / "saved.ckpt"
    save = SaveAfter(path, 3, at_epoch_end=False)
    whole = trained(resumable(), make_trainer, save, accumulate_grad_batches=4)
    resumed = trained(resumable(), make_trainer, ckpt_path=path, accumulate_grad_batches=4)
    assert resumed == whole[3:]
    warned = [str(warning.message) for warning in recwarn if "accumulation" in str(warning.message)]
    assert len(warned) == 1
    assert "the gradients of 3 of 4 batches are lost" in warned[0]


@pytest.mark.parametrize("num_batches", [2, 4])
def test_resume_after_an_accumulation_says_nothing(make_trainer, tmp_path, recwarn, num_batches):
    path = tmp_path / "saved.ckpt"
    trained(resumable(), make_trainer, SaveAfter(path, num_batches, at_epoch_end=False), accumulate_grad_batches=2)
    trained(resumable(), make_trainer, ckpt_path=path, accumulate_grad_batches=2)
    assert not [warning for warning in recwarn if "accumulation" in str(warning.message)]


def test_state_of_another_number_of_generators_is_an_error():
    loader = with_generator()
    next(iter(loader))
    with pytest.raises(DataError, match="has the states of 1 generators of the ResumableDataLoader, which has 0"):
        resumable().load_state_dict(loader.state_dict())
