"""Subclasses of Tensor, as libraries give them, train as plain tensors do and leave nothing but plain tensors behind.

Those of MONAI and torchvision are run by the session `medical`.
"""

import csv

import pytest
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric
from torchmetrics.classification import BinaryAUROC
from torchmetrics.regression import MeanSquaredError

from lighter import System
from lighter.adapters import BatchAdapter
from lighter.callbacks import CsvWriter, FileWriter
from lighter.resumable import ResumableDataLoader

pytestmark = pytest.mark.filterwarnings(
    "ignore:.* does not know the index of samples",
    "ignore:The dirpath has changed",
    "ignore:You're resuming from a checkpoint that ended before the epoch ended",
)


class Tagged(torch.Tensor):
    """A subclass that all results keep."""


try:
    from monai.data import MetaTensor
except ImportError:
    MetaTensor = None

try:
    from torchvision import tv_tensors
except ImportError:
    tv_tensors = None


def meta_tensor(tensor):
    return MetaTensor(tensor, meta={"filename_or_obj": "a.nii"})


def image(tensor):
    return tv_tensors.Image(tensor) if tensor.ndim > 2 else tensor  # only images have channels


def mask(tensor):
    return tv_tensors.Mask(tensor) if tensor.ndim > 1 else tensor.as_subclass(tv_tensors.Mask)


def boxes(tensor):
    is_box = tensor.ndim == 2
    return tv_tensors.BoundingBoxes(tensor, format="XYXY", canvas_size=(8, 8)) if is_box else tensor


KINDS = {"Tagged": lambda tensor: tensor.as_subclass(Tagged)}
if MetaTensor is not None:
    KINDS["MetaTensor"] = meta_tensor
if tv_tensors is not None:
    KINDS |= {"Image": image, "Mask": mask, "BoundingBoxes": boxes}


def plain(tensor):
    return tensor


class Network(nn.Module):
    """Returns preds of a kind for inputs of any."""

    def __init__(self, kind):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.layer = nn.Linear(64, 4)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        self.kind = kind

    def forward(self, images):
        pred = torch.sigmoid(self.layer(images.flatten(1)))
        return self.kind(pred)


class Loss:
    """Returns losses of a kind."""

    def __init__(self, kind):
        self.kind = kind

    def __call__(self, pred, target):
        loss = nn.functional.mse_loss(pred, target)
        return {"total": self.kind(loss), "half": loss / 2}


def batches(kind):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 4, 1, 8, 8, generator=generator)
    targets = torch.randint(2, (3, 4, 4), generator=generator).float()
    return [
        {"image": kind(image), "target": kind(target), "id": [f"{index}-{i}" for i in range(4)]}
        for index, (image, target) in enumerate(zip(images, targets, strict=True))
    ]


def first(values):
    """Take a number of each sample, for a row of a table."""
    return values[:, 0]


@pytest.fixture
def fit(rows, make_trainer, tmp_path):
    def run(kind, *, ckpt_path=None):
        torch.manual_seed(0)
        network = Network(kind)

        def made():
            mean = {"metric": MeanMetric(), "pred": first, "target": None}
            return {"mse": MeanSquaredError(), "auroc": {"metric": BinaryAUROC(), "target": as_labels}, "mean": mean}

        system = System(
            network,
            {
                "train": ResumableDataLoader(batches(kind), batch_size=None),
                "val": DataLoader(batches(kind), batch_size=None),
                "predict": DataLoader(batches(kind), batch_size=None),
            },
            torch.optim.Adam(network.parameters(), lr=0.01),
            criterion=Loss(kind),
            metrics={"train": made(), "val": made()},
            adapters={mode: {"batch": BatchAdapter("image", "target", "id")} for mode in ("train", "val", "predict")},
        )
        logger = type(rows)()
        folder = tmp_path / ("first" if ckpt_path is None else "resumed") / kind_name(kind)
        checkpoints = ModelCheckpoint(folder, "{step}", save_top_k=-1, every_n_train_steps=1)
        callbacks = [checkpoints, EarlyStopping("val/metrics/auroc/epoch", mode="max", patience=5)]
        trainer = make_trainer(logger=logger, callbacks=callbacks, enable_checkpointing=True)
        trainer.fit(system, ckpt_path=ckpt_path)
        return logger, trainer, system, folder

    return run


def as_labels(target):
    return target.long()


def kind_name(kind):
    return next((name for name, made in KINDS.items() if made is kind), "plain")


def tensors_in(value):
    """Yield all tensors in nested dicts, lists, tuples and objects."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from tensors_in(item)


def types_in(value):
    return {type(tensor) for tensor in tensors_in(value)}


@pytest.mark.parametrize("name", KINDS)
def test_a_subclass_trains_and_resumes_as_a_plain_tensor(fit, name):
    kind = KINDS[name]
    batch = batches(kind)[0]
    assert name in {type(value).__name__ for value in batch.values()}
    expected, *_ = fit(plain)
    logger, trainer, _, folder = fit(kind)
    assert [(step, sorted(row)) for step, row in logger.rows] == [(step, sorted(row)) for step, row in expected.rows]
    for (_, row), (_, values) in zip(logger.rows, expected.rows, strict=True):
        assert row == pytest.approx(values, rel=1e-6)
        assert all(type(value) in (int, float, torch.Tensor) for value in row.values())
    assert types_in(trainer.callback_metrics) == {torch.Tensor}
    assert types_in(trainer.logged_metrics) <= {torch.Tensor}
    for file in sorted(folder.glob("*.ckpt")):
        checkpoint = torch.load(file, weights_only=True)
        assert types_in(checkpoint) == {torch.Tensor}, file
    resumed, *_ = fit(kind, ckpt_path=folder / "step=2.ckpt")
    for key in ("train/loss/epoch", "train/metrics/auroc/epoch", "val/metrics/mse/epoch", "val/loss/half/epoch"):
        assert resumed.values(key) == pytest.approx(expected.values(key), rel=1e-6), key


@pytest.mark.parametrize("name", KINDS)
def test_writers_write_a_subclass_as_a_plain_tensor(fit, make_trainer, tmp_path, name):
    kind = KINDS[name]
    *_, system, _ = fit(kind)
    writers = [
        FileWriter(tmp_path / "preds", name_key="identifier"),
        FileWriter(tmp_path / "images", value_key="input", format="image_2d", name_key="identifier"),
        CsvWriter(tmp_path / "preds.csv", keys=["identifier", "pred", "target"]),
    ]
    make_trainer(callbacks=writers).predict(system, return_predictions=False)
    network = Network(plain)
    network.load_state_dict(system.network.state_dict())
    with (tmp_path / "preds.csv").open() as file:
        table = {row["identifier"]: row for row in csv.DictReader(file)}
    assert len(table) == 12
    for index, batch in enumerate(batches(plain)):
        for i, pred in enumerate(network(batch["image"])):
            written = torch.load(tmp_path / f"preds/{index}-{i}.pt", weights_only=True)
            assert type(written) is torch.Tensor
            assert torch.equal(written, pred)
            assert (tmp_path / f"images/{index}-{i}.png").stat().st_size > 0
            assert "(" not in "".join(table[f"{index}-{i}"].values())
