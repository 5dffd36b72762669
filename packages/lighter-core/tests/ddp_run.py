"""What two ranks train for test_distributed.py; each writes what it sees as JSON."""

import json
import os
import warnings
from pathlib import Path

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, Subset, TensorDataset
from torchmetrics import MeanMetric, Metric, MetricCollection
from torchmetrics.classification import BinaryAUROC, MulticlassAccuracy, MulticlassAUROC
from torchmetrics.retrieval import RetrievalMAP
from torchmetrics.wrappers import MinMaxMetric, Running

from lighter import LighterModule, MetricError, System
from lighter.lightning import resumption
from lighter.resumable import ResumableDataLoader


class Module(LighterModule):
    def __init__(self, case: str) -> None:
        generator = torch.Generator().manual_seed(1)
        network = nn.Linear(4, 3, dtype=torch.float64)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        super().__init__(
            network,
            nn.CrossEntropyLoss(),
            torch.optim.SGD(network.parameters(), lr=0.1),
            train_metrics=MetricCollection(
                {
                    "MulticlassAccuracy": MulticlassAccuracy(num_classes=3),
                    "MulticlassAUROC": MulticlassAUROC(num_classes=3),
                    "extremes": MinMaxMetric(MulticlassAccuracy(num_classes=3)),
                    "window": Running(MulticlassAccuracy(num_classes=3), window=1),
                }
            ),
            val_metrics={"acc": MulticlassAccuracy(num_classes=3), "idle": MulticlassAccuracy(num_classes=3)}
            if case == "uneven"
            else None,
        )
        self.case = case

    def training_step(self, batch, batch_idx):
        x, y = batch
        pred = self(x)
        self.update_metrics(pred, y)
        loss = self.criterion(pred, y)
        if self.case == "uneven":
            terms = {"total": loss, "first": loss.detach()}
            if self.global_rank == 1 and batch_idx == 1:
                terms["rare"] = loss.detach() * 2
            return {"loss": terms, "target": y}
        return {"loss": loss, "target": y}

    def validation_step(self, batch, batch_idx):
        x, y = batch
        pred = self(x)
        if self.case == "uneven":
            if self.global_rank == 1:  # nothing at all from this rank
                return None
            self.val_metrics["acc"].update(pred, y)
        return {"loss": self.criterion(pred, y), "target": y}


class Plain(LightningModule):
    """Not Lighter's; logs a value of all ranks, one of its own, and a metric."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Module("even").network
        self.accuracy = MulticlassAccuracy(num_classes=3)

    def training_step(self, batch, batch_idx):
        pred = self.network(batch[0])
        loss = nn.functional.cross_entropy(pred, batch[1])
        self.accuracy.update(pred, batch[1])
        self.log("train/loss", loss, on_step=False, on_epoch=True, sync_dist=True)
        self.log("train/own", loss, on_step=False, on_epoch=True)
        self.log("train/accuracy", self.accuracy, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Heads(nn.Module):
    """Passes a pred for each of two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Module("even").network

    def forward(self, x):
        return {"cls": {"logits": self.inner(x)}, "size": [self.inner(x)[:, 0]]}


class Collecting:
    """Collects as MONAI's metrics do, and sums."""

    def __init__(self) -> None:
        self.reset()

    def __call__(self, y_pred, y=None):
        rows = y_pred[:, None]
        self.rows.append(rows)
        return [rows, rows * 2]

    def get_buffer(self):
        raise AssertionError("would synchronize again")

    def aggregate(self):
        once, twice = self.get_buffer()
        return {"once": once.sum(), "twice": twice.sum()}

    def reset(self) -> None:
        self.rows = []


class Seen(Callback):
    def __init__(self) -> None:
        self.train, self.val = [], []

    def on_validation_end(self, trainer, pl_module):
        if not trainer.sanity_checking:
            self.val.append({k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("val/")})


class SeenLast(ModelCheckpoint):
    """A monitoring callback sees values last, on all ranks the same."""

    def __init__(self, seen: Seen, **options) -> None:
        super().__init__(**options)
        self.seen = seen

    def on_train_epoch_end(self, trainer, pl_module):
        self.seen.train.append({k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("train/")})
        super().on_train_epoch_end(trainer, pl_module)


def samples(count: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, 4, generator=generator, dtype=torch.float64)
    return TensorDataset(inputs, torch.randint(3, (count,), generator=generator))


def fit(case: str, *, name: str | None = None, ckpt_path: str | None = None) -> None:
    """Train; write what this rank sees to ``{name}{rank}.json``, and checkpoints to the folder ``name``."""
    name = name or case
    data = samples(13 if case == "uneven" else 16)
    seen = Seen()
    checkpoint = SeenLast(seen, dirpath=name, filename="{step}", save_top_k=-1, every_n_train_steps=1)
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        strategy="ddp",
        devices=2,
        logger=False,
        callbacks=[seen, checkpoint],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    rank = int(os.environ["LOCAL_RANK"])
    sampler = DistributedSampler(data, num_replicas=2, rank=rank, shuffle=False)
    torch.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module = Plain() if case == "plain" else Module(case)
        if case == "plain":
            resumption.attach(trainer)
        trainer.fit(
            module,
            ResumableDataLoader(data, batch_size=4, sampler=sampler),
            DataLoader(data, batch_size=4, sampler=sampler),
            ckpt_path=ckpt_path,
        )
    messages = [str(warning.message) for warning in caught]
    Path(f"{name}{rank}.json").write_text(json.dumps({"train": seen.train, "val": seen.val, "warnings": messages}))


def fit_heads() -> None:
    """Train a System with two heads and metrics by key, at a rate of 0; rank 1 has fewer batches of validation."""
    data = samples(16)
    rank = int(os.environ["LOCAL_RANK"])
    network = Heads()
    metrics = {
        mode: {
            "cls": {
                "metric": [MulticlassAccuracy(num_classes=3), MulticlassAUROC(num_classes=3)],
                "pred": "cls.logits",
            },
            "size": {"metric": MeanMetric(), "pred": "size.0", "target": None},
            "sum": {"metric": Collecting(), "pred": "size.0"},
        }
        for mode in ("train", "val")
    }
    seen = Seen()
    system = System(
        network,
        {
            "train": DataLoader(data, batch_size=4, sampler=DistributedSampler(data, 2, rank, shuffle=False)),
            "val": DataLoader(Subset(data, range(10) if rank == 0 else range(10, 14)), batch_size=4),
        },
        torch.optim.SGD(network.parameters(), lr=0.0),
        criterion=lambda pred, target: nn.functional.cross_entropy(pred["cls"]["logits"], target),
        metrics=metrics,
    )
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        strategy="ddp",
        devices=2,
        logger=False,
        callbacks=[seen, SeenLast(seen, dirpath="heads", save_top_k=0)],
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(system)
    Path(f"heads{rank}.json").write_text(json.dumps({"train": seen.train, "val": seen.val}))


class Lists(LighterModule):
    """Updates metrics that collect their samples: of three batches on rank 0, the other rank has some or none."""

    def __init__(self, num_batches: int, metrics) -> None:
        super().__init__(nn.Linear(4, 3, dtype=torch.float64), val_metrics=metrics)
        self.num_batches = num_batches

    def validation_step(self, batch, batch_idx):
        x, y = batch
        if batch_idx < self.num_batches:
            self.val_metrics["auroc"].update(x[:, :3].softmax(1), y)
            self.val_metrics["binary"].update(x[:, 0].sigmoid(), y > 1)
            self.val_metrics["map"].update(x[:, 0].sigmoid(), y > 1, y)
            if "pieces" in self.val_metrics:
                self.val_metrics["pieces"].update(x)
        return {"target": y}


class Pieces(Metric):
    """Keeps a list that it does not join, as metrics of detection do."""

    def __init__(self) -> None:
        super().__init__()
        self.add_state("pieces", [], dist_reduce_fx=None)

    def update(self, piece):
        self.pieces.append(piece)

    def compute(self):
        return torch.tensor(float(len(self.pieces)))


def fit_lists() -> None:
    """Validate where rank 1 has updated nothing, or less than the other."""
    rank = int(os.environ["LOCAL_RANK"])
    results = []
    for num_batches, has_pieces in ((0, False), (1, False), (3, True), (1, True)):
        metrics = {"auroc": MulticlassAUROC(3), "binary": BinaryAUROC(), "map": RetrievalMAP()}
        module = Lists(3 if rank == 0 else num_batches, metrics | ({"pieces": Pieces()} if has_pieces else {}))
        sampler = DistributedSampler(samples(24), 2, rank, shuffle=False)
        trainer = Trainer(
            accelerator="cpu",
            strategy="ddp",
            devices=2,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        try:
            trainer.validate(module, DataLoader(samples(24), batch_size=4, sampler=sampler), verbose=False)
        except MetricError as error:
            results.append(str(error))
        else:
            results.append({name: float(value) for name, value in trainer.callback_metrics.items()})
    Path(f"lists{rank}.json").write_text(json.dumps(results))


class Indices(LighterModule):
    """Trains on the numbers of its samples, and keeps them."""

    def __init__(self) -> None:
        network = nn.Linear(1, 1)
        super().__init__(network, nn.MSELoss(), torch.optim.SGD(network.parameters(), lr=1e-4))
        self.batches = []

    def training_step(self, batch, batch_idx):
        self.batches.append(batch.int().flatten().tolist())
        return self.criterion(self(batch), batch)


def fit_order(*, resumed_after: int | None = None) -> None:
    """Train on shuffled samples, each rank on its own; write the batches that this rank was given."""
    data = torch.arange(16.0).unsqueeze(1)
    rank = int(os.environ["LOCAL_RANK"])
    checkpoint = ModelCheckpoint("order", "{step}", save_top_k=-1, every_n_train_steps=1)
    trainer = Trainer(
        max_epochs=3,
        accelerator="cpu",
        strategy="ddp",
        devices=2,
        logger=False,
        callbacks=[checkpoint] if resumed_after is None else [],
        enable_checkpointing=resumed_after is None,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    module = Indices()
    torch.manual_seed(0 if resumed_after is None else 99)
    sampler = DistributedSampler(data, num_replicas=2, rank=rank)
    trainer.fit(
        module,
        ResumableDataLoader(data, batch_size=2, sampler=sampler),
        ckpt_path=None if resumed_after is None else f"order/step={resumed_after}.ckpt",
    )
    name = "order" if resumed_after is None else f"order-after-{resumed_after}-"
    Path(f"{name}{rank}.json").write_text(json.dumps(module.batches))
