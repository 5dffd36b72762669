"""Every message of a bad input as a user reads it: ``messages.txt``, sorted by kind, is reviewed like code.

``python test_messages.py`` rewrites it.
"""

import re
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC
from torchmetrics.wrappers import MetricTracker, Running

from lighter import LighterDataModule, LighterModule, System
from lighter.adapters import BatchAdapter, CriterionAdapter, LoggingAdapter, MetricsAdapter
from lighter.callbacks import ConfusionMatrix, CsvWriter, FileWriter, Freezer, ImageLogger
from lighter.errors import LighterError
from lighter.layers import replace_layer
from lighter.weights import load_weights

SNAPSHOT = Path(__file__).with_name("messages.txt")


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def loader() -> DataLoader:
    return DataLoader(TensorDataset(torch.ones(4, 4), torch.zeros(4, dtype=torch.long)), batch_size=2)


def system(**parts: Any) -> System:
    net = network()
    given = {"optimizer": torch.optim.SGD(net.parameters(), lr=0.1), "criterion": nn.CrossEntropyLoss(), **parts}
    return System(net, {mode: loader() for mode in ("train", "val", "test", "predict")}, **given)


def run(stage: str, module: LightningModule, *callbacks: Any, **options: Any) -> None:
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=list(callbacks),
        **options,
    )
    getattr(trainer, stage)(module)


class Returning(LighterModule):
    """Returns one thing from every step."""

    def __init__(self, output: Any) -> None:
        net = network()
        super().__init__(net, nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=0.1))
        self.output = output

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.output

    def train_dataloader(self) -> DataLoader:
        return loader()


class OddBatch(Returning):
    def train_dataloader(self) -> DataLoader:
        return DataLoader([1, 2], batch_size=2, collate_fn=lambda _: {1, 2})


class Predicting(LightningModule):
    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return self.output

    def predict_dataloader(self) -> DataLoader:
        return loader()


def plateau_that_looks_for_growth() -> System:
    optimizer = torch.optim.SGD(network().parameters(), lr=0.1)
    return system(optimizer=optimizer, scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max"))


def to_a_file_in_the_way(folder: Path) -> None:
    (folder / "out").write_text("a file")
    run("predict", Predicting(torch.ones(2)), FileWriter(folder / "out" / "preds"))


CASES: dict[str, Callable[[Path], object]] = {
    "a path that cannot be written: its parent is a file": to_a_file_in_the_way,
    "another type: a loader": lambda _: LighterDataModule(train_dataloader="train"),
    "another type: a loss that is not a scalar": lambda _: run("fit", Returning(torch.ones(2, requires_grad=True))),
    "another type: a step's output": lambda _: run("fit", Returning("done")),
    "another type: a transform": lambda _: LoggingAdapter(pred_transforms=["argmax"]),
    "another type: a value of another length": lambda folder: run(
        "predict", Predicting({"pred": torch.ones(3), "batch_size": 2}), CsvWriter(folder / "preds.csv", keys=["pred"])
    ),
    "another type: an image": lambda _: run("fit", system(), ImageLogger()),
    "another type: an accessor": lambda _: BatchAdapter(input_accessor=1.5),
    "another type: an optimizer": lambda _: system(optimizer="adam"),
    "another type: metrics": lambda _: system(metrics={"train": nn.ReLU()}),
    "cannot be logged: a running window over lists of samples": lambda _: system(
        metrics={"val": {"auroc": Running(MulticlassAUROC(3))}}
    ),
    "cannot be logged: a tracker": lambda _: system(metrics={"val": MetricTracker(MulticlassAccuracy(3))}),
    "conflict: freezers that leave nothing to train": lambda _: run("fit", system(), Freezer(modules=["0", "2"])),
    "conflict: one metric object for two modes": lambda _: system(
        metrics=dict.fromkeys(("train", "val"), MulticlassAccuracy(3))
    ),
    "conflict: positions that are not consecutive": lambda _: CriterionAdapter(pred_argument=0, target_argument=2),
    "conflict: two samples of one name": lambda folder: run(
        "predict",
        Predicting({"pred": torch.ones(2), "identifier": ["scan", "scan"]}),
        FileWriter(folder / "preds", name_key="identifier"),
    ),
    "conflict: two pictures of one name": lambda _: run(
        "fit", system(), ImageLogger(), ImageLogger(modes=["val", "test"])
    ),
    "conflict: two values at one position": lambda _: MetricsAdapter(pred_argument=0, target_argument=0),
    "conflict: two writers of one file": lambda folder: run(
        "predict",
        Predicting({"pred": torch.ones(2)}),
        *(CsvWriter(folder / "preds.csv", keys=["pred"]) for _ in range(2)),
    ),
    "does not exist: a file of weights": lambda folder: load_weights(network(), folder / "weights.pt"),
    "does not exist: a key of the batch": lambda _: BatchAdapter("image")({"imagee": torch.ones(2)}),
    "does not exist: a key of the pred": lambda _: system(
        metrics={"val": {"cls": {"metric": MulticlassAccuracy(3), "pred": "logits.clss", "target": "y"}}}
    ).val_metrics.update({"logits": {"cls": torch.ones(2, 3)}, "aux": [torch.ones(2)]}, {"y": torch.ones(2)}),
    "does not exist: a key of the step's output": lambda folder: run(
        "predict", Predicting({"pred": torch.ones(2)}), CsvWriter(folder / "preds.csv", keys=["preds"])
    ),
    "does not exist: a value that a picture shows": lambda _: run("fit", system(), ImageLogger(pred="preds")),
    "does not exist: a layer": lambda _: replace_layer(network(), "3", nn.ReLU()),
    "does not exist: a parameter": lambda _: run("fit", system(), Freezer(names=["0.wieght"])),
    "missing: the argument of a transform": lambda _: MetricsAdapter(pred_argument=0, target_transforms=torch.sigmoid),
    "missing: the criterion in fit": lambda _: run("fit", system(criterion=None)),
    "missing: the loader of a batch size": lambda _: setattr(LighterDataModule(), "batch_size", 4),
    "missing: the monitor of a plateau that looks for growth": lambda _: plateau_that_looks_for_growth(),
    "missing: the number of samples": lambda _: run("fit", OddBatch({"loss": torch.ones((), requires_grad=True)})),
    "missing: the optimizer in fit": lambda _: run("fit", system(optimizer=None)),
    "missing: the optimizer of a learning rate": lambda _: LighterModule(network()).learning_rate,
    "missing: the optimizer of a scheduler": lambda _: system(
        optimizer=None,
        scheduler=torch.optim.lr_scheduler.ConstantLR(torch.optim.SGD(network().parameters(), lr=0.1)),
    ),
    "missing: the parameters of a freezer": lambda _: Freezer(),
    "missing: the total of a loss": lambda _: run("fit", Returning({"loss": {"ce": torch.ones(())}, "batch_size": 2})),
    "unknown: a file format": lambda folder: FileWriter(folder, format="imagee_2d"),
    "unknown: a key of a metric": lambda _: system(
        metrics={"val": {"cls": {"metric": MulticlassAccuracy(3), "preds": "logits.cls"}}}
    ),
    "unknown: a mode of a writer": lambda folder: CsvWriter(folder / "preds.csv", keys=["pred"], modes=["tset"]),
    "unknown: a mode of adapters": lambda _: system(adapters={"validation": {}}),
    "unknown: a mode of metrics": lambda _: system(metrics={"trian": MulticlassAccuracy(3)}),
    "unknown: a mode of pictures": lambda _: ConfusionMatrix(3, modes=["validate"]),
    "unknown: a name of a picture": lambda _: ConfusionMatrix(3, name="../matrix"),
    "unknown: a role of an adapter": lambda _: system(adapters={"val": {"metric": print}}),
}


def message_of(case: Callable[[Path], object], folder: Path) -> str:
    """Return the whole message, with the folder of the test as FOLDER."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case(folder)
    except LighterError as error:
        return re.sub(re.escape(str(folder)), "FOLDER", f"{type(error).__name__}: {error}")
    raise AssertionError("nothing was raised")


@pytest.fixture(scope="module")
def snapshot() -> dict[str, str]:
    parts = SNAPSHOT.read_text(encoding="utf-8").removeprefix("== ").strip().split("\n\n== ")
    return dict(part.split("\n", 1) for part in parts)


@pytest.mark.parametrize("name", CASES)
def test_the_message_is_the_reviewed_one(snapshot: dict[str, str], name: str, tmp_path: Path) -> None:
    assert message_of(CASES[name], tmp_path) == snapshot[name]


def test_the_snapshot_has_no_message_of_a_case_that_is_gone(snapshot: dict[str, str]) -> None:
    assert set(snapshot) == set(CASES)


if __name__ == "__main__":
    blocks = []
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            blocks.append(f"== {name}\n{message_of(case, Path(folder).resolve())}\n")
    SNAPSHOT.write_text("\n".join(blocks), encoding="utf-8")
    sys.stdout.write(f"{len(blocks)} messages\n")
