"""An exception says which batch and which sample it is about."""

import importlib
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset
from torchmetrics.classification import MulticlassAUROC, MultilabelAccuracy

from lighter import LighterDataModule, System
from lighter.collate import collate_replacing_corrupt

pytestmark = pytest.mark.filterwarnings(
    "ignore:You defined a `(validation|test)_step` but have no",  # a System has every step
    "ignore:Consider setting `persistent_workers=True`",
    "ignore:Your `IterableDataset` has `__len__` defined",  # Lightning says so to everybody
)


class Numbers(Dataset):
    """Twelve samples, of which one cannot be read."""

    def __init__(self, bad=None):
        self.bad = bad

    def __len__(self):
        return 12

    def __getitem__(self, index):
        if index == self.bad:
            raise OSError("the scan is damaged")
        return torch.ones(4), index % 3


class Stream(IterableDataset):
    def __iter__(self):
        yield from (Numbers()[index] for index in range(6))
        raise OSError("the stream broke off")


class RaggedNumbers(Numbers):
    def __getitem__(self, index):
        return (torch.ones(5) if index == 9 else torch.ones(4)), index % 3


def loader(dataset, **options):
    return DataLoader(dataset, batch_size=4, **options)


@pytest.fixture
def fail(make_trainer):
    """Run a stage that fails; return the exception."""

    def run(stage="fit", *, metrics=None, options=None, **loaders):
        network = nn.Linear(4, 3)
        given = {"train": loader(Numbers()), **loaders}
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        system = System(network, given, optimizer=optimizer, criterion=nn.CrossEntropyLoss(), metrics=metrics)
        with pytest.raises(Exception) as caught:  # noqa: PT011  # what it is is the test's matter
            getattr(make_trainer(**(options or {})), stage)(system)
        return caught.value

    return run


def notes(error):
    return getattr(error, "__notes__", [])


def test_an_unreadable_sample_is_named_with_its_batch(fail):
    error = fail(train=loader(Numbers(bad=6)))
    assert isinstance(error, OSError)
    assert notes(error) == ["sample 6 of Numbers", "while the train loader gave batch 1 of epoch 0"]


NUMBERS = """
import torch

class Numbers(torch.utils.data.Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, index):
        if index == 6:
            raise OSError("the scan is damaged")
        return torch.ones(4), index % 3
"""


@pytest.mark.parametrize("context", ["fork", "spawn"])
@pytest.mark.slow
def test_a_worker_names_the_sample_and_shows_its_traceback(fail, monkeypatch, context):
    Path("numbers_of_a_user.py").write_text(NUMBERS)  # a spawned worker imports the dataset's module
    monkeypatch.syspath_prepend(Path.cwd())
    dataset = importlib.import_module("numbers_of_a_user").Numbers()
    error = fail(train=loader(dataset, num_workers=1, multiprocessing_context=context))
    del sys.modules["numbers_of_a_user"]
    assert isinstance(error, OSError)
    text = str(error)
    assert "in __getitem__\n    raise OSError" in text
    assert text.rstrip().endswith("OSError: the scan is damaged\nsample 6 of Numbers")
    assert notes(error) == ["while the train loader gave batch 1 of epoch 0"]


def test_a_worker_keeps_its_function_and_lightnings_seeds(fail, monkeypatch):
    monkeypatch.setenv("PL_SEED_WORKERS", "1")
    seeded = loader(Numbers(), num_workers=1)
    own = loader(Numbers(), num_workers=1, worker_init_fn=_stop)
    data = LighterDataModule(seeded, own)
    for given in (data.train_dataloader(), data.train_dataloader()):
        assert given is seeded
        assert given.worker_init_fn.own.func.__name__ == "pl_worker_init_function"
    assert "no disk here" in str(fail(val=own))


def _stop(worker_id):
    raise OSError("no disk here")


def test_one_of_several_validation_loaders_is_named(fail):
    error = fail(val=[loader(Numbers()), loader(Numbers(bad=9))])
    assert notes(error)[1] == "while the val loader gave batch 2 of dataloader_idx 1 of epoch 0"


@pytest.mark.parametrize(("stage", "mode"), [("validate", "val"), ("test", "test"), ("predict", "predict")])
def test_each_stage_names_its_batch(fail, stage, mode):
    assert notes(fail(stage, **{mode: loader(Numbers(bad=5))}))[1] == f"while the {mode} loader gave batch 1"


def test_samples_that_make_no_batch_are_named(fail):
    error = fail(train=loader(RaggedNumbers()))
    assert isinstance(error, RuntimeError)
    odd = "sample 9 is (float32 (5,), int); the others are (float32 (4,), int); of RaggedNumbers"
    assert notes(error)[0] == odd


def test_sample_that_is_none_is_named_by_its_number(fail):
    class Gap(Numbers):
        def __getitem__(self, index):
            return None if index == 6 else super().__getitem__(index)

    error = fail(train=DataLoader(Gap(), batch_size=12))
    assert notes(error)[0] == "sample 6 is None; the others are (float32 (4,), int); of Gap"


def test_network_is_named_with_what_it_was_given(fail):
    class Images(Numbers):
        def __getitem__(self, index):
            return torch.ones(2, 5, dtype=torch.uint8), index % 3

    error = fail(train=loader(Images()))
    assert notes(error) == ["Linear was given uint8 (4, 2, 5) in 1...1", "in train, batch 0 of epoch 0"]


def test_criterion_is_named_with_what_it_was_given(fail):
    class OneTooHigh(Numbers):
        def __getitem__(self, index):
            return torch.ones(4), 1 + index % 3

    error = fail(train=loader(OneTooHigh()))
    given = "float32 (4, 3), int64 (4,) in 1...3"
    assert notes(error) == [f"CrossEntropyLoss was given {given}", "in train, batch 0 of epoch 0"]


class Windows:
    """An inferer as those of MONAI: an object that calls the network."""

    def __call__(self, inputs, network, overlap=0):
        return network(inputs[:, 1:])


class WindowsModule(nn.Module):
    def forward(self, inputs, network):
        raise ValueError("no windows")


def halves(inputs, network, overlap=0):
    return network(inputs[:, :2])


@pytest.mark.parametrize(
    ("inferer", "name", "network_given"),
    [(Windows(), "Windows", 3), (halves, "halves", 2), (partial(halves, overlap=1), "halves", 2)],
)
def test_inferer_is_named_beside_the_network_that_it_calls(make_trainer, inferer, name, network_given):
    system = System(nn.Linear(4, 3), {"test": loader(Numbers())}, inferer=inferer)
    with pytest.raises(RuntimeError, match=rf"\(4x{network_given} and 4x3\)") as caught:
        make_trainer().test(system)
    assert notes(caught.value) == [
        f"Linear was given float32 (4, {network_given})",
        f"{name} was given float32 (4, 4)",
        "in test, batch 0",
    ]


def test_inferer_that_is_a_torch_module_is_named_once(make_trainer):
    system = System(nn.Linear(4, 3), {"test": loader(Numbers())}, inferer=WindowsModule())
    with pytest.raises(ValueError, match="no windows") as caught:
        make_trainer().test(system)
    assert notes(caught.value) == ["WindowsModule was given float32 (4, 4), Linear", "in test, batch 0"]


def test_a_batch_of_corrupt_samples_is_named(fail):
    def give_none(samples):
        return collate_replacing_corrupt([None] * len(samples), [None])

    assert (
        notes(fail(train=loader(Numbers(), collate_fn=give_none)))[-1]
        == "while the train loader gave batch 0 of epoch 0"
    )


def test_a_stream_that_breaks_off_is_named_by_its_batch(fail):
    assert notes(fail(train=loader(Stream()))) == ["while the train loader gave batch 1 of epoch 0"]


def test_a_metric_of_wrong_shapes_is_named_and_not_logged(fail, rows):
    metrics = {"val": [MultilabelAccuracy(num_labels=3)]}
    error = fail(options={"logger": rows}, metrics=metrics, val=loader(Numbers()))
    assert notes(error) == [
        "while MultilabelAccuracy was updated with float32 (4, 3), int64 (4,)",
        "in val, batch 0 of epoch 0",
    ]
    assert not [row for _, row in rows.rows if any(name.startswith("val/") for name in row)]


def test_a_metric_that_fails_in_compute_is_not_logged(fail, rows):
    class Fussy(MulticlassAUROC):
        def compute(self):
            raise ValueError("no positive samples")

    options = {"logger": rows, "log_every_n_steps": 50}
    error = fail("validate", options=options, metrics={"val": {"auroc": Fussy(num_classes=3)}}, val=loader(Numbers()))
    assert notes(error)[0] == "while metric `auroc` was computed over the epoch"
    assert rows.rows == []


def test_interruptions_and_errors_outside_loops_get_no_note(make_trainer):
    class Stopped(System):
        def training_step(self, batch, batch_idx):
            raise KeyboardInterrupt

        def on_fit_start(self):
            raise ValueError("before any loop")

    network = nn.Linear(4, 3)
    system = Stopped(
        network, {"train": loader(Numbers())}, torch.optim.SGD(network.parameters(), lr=0.1), None, nn.MSELoss()
    )
    with pytest.raises(ValueError, match="before any loop") as caught:
        make_trainer().fit(system)
    assert notes(caught.value) == []


def test_a_second_fit_does_not_repeat_notes(make_trainer):
    network = nn.Linear(4, 3)
    parts = {"optimizer": torch.optim.SGD(network.parameters(), lr=0.1), "criterion": nn.CrossEntropyLoss()}
    trainer: Trainer = make_trainer()
    for _ in range(2):
        with pytest.raises(OSError, match="damaged") as caught:
            trainer.fit(System(network, {"train": loader(Numbers(bad=0))}, **parts))
        assert len(notes(caught.value)) == 2
