"""Parts with faults that show only in a late stage; the tests copy this file into the project of an experiment."""

import itertools
from pathlib import Path

import torch
from pytorch_lightning import Callback
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.plugins import TorchCheckpointIO
from torch.utils.data import Dataset, TensorDataset
from torchmetrics import Metric

from lighter import LighterModule, System


def samples(num_samples=12, num_features=4, label=None):
    labels = torch.arange(num_samples) % 2
    if label is not None:
        labels[0] = label
    return TensorDataset(torch.linspace(-1, 1, num_samples * num_features).reshape(num_samples, -1), labels)


class Listed(Dataset):
    def __init__(self, file):
        self.rows = Path(file).read_text().split()

    def __len__(self):
        return len(self.rows)


class Opened(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, index):
        return torch.load(f"nowhere/{index}.pt"), 0


class Uneven(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, index):
        return torch.zeros(4 + index), 0


class Endless(Dataset):
    def __len__(self):
        return 10**14

    def __getitem__(self, index):
        return torch.full((4,), float(index % 7)), 0


class Images(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, index):
        return (torch.arange(64.0) * 255 / 63).round().reshape(1, 8, 8), index % 2


class Constant(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, index):
        return torch.zeros(4), index % 2


class NamesFirst(Callback):
    def __init__(self):
        self.names = {}

    def on_predict_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0):
        print(self.names[batch_idx])


class Plots(Callback):
    def __init__(self, figure):
        self.figure = figure

    def on_test_end(self, trainer, pl_module):
        Path(self.figure).write_text("figure")


class FailsLate(LighterModule):
    def training_step(self, batch, batch_idx):
        return self.criterion(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        loss = self.criterion(self(batch[0]), batch[1])
        for name in ("score", "rate"):
            self.log("/".join(("val", name)), loss)
        return {"loss": loss}

    def test_step(self, batch, batch_idx):
        return {"loss": self.criterion(self(batch[0]), batch[1])}

    def on_test_epoch_end(self):
        self.threshold = self.thresholds[0]

    def predict_step(self, batch, batch_idx):
        return self(batch[0])


class WithObject(System):
    def on_save_checkpoint(self, checkpoint):
        checkpoint["settings"] = Path("here")
        checkpoint["plan"] = Plan()


class Plan:
    pass


class ReadsBack(System):
    def on_load_checkpoint(self, checkpoint):
        self.schedule = checkpoint["schedule"]


_widths = itertools.count(2)


class Growing(torch.nn.Module):
    def __init__(self):
        super().__init__()
        width = next(_widths)
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.Linear(width, 2))

    def forward(self, x):
        return self.layers(x)


class OneDimensional(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x) if self.training else self.layer(x).argmax(dim=1)


class BrokenIO(TorchCheckpointIO):
    def save_checkpoint(self, checkpoint, path, storage_options=None):
        raise OSError(28, "No space left on device")


class OnlySaves(TorchCheckpointIO):
    def load_checkpoint(self, path, map_location=None, weights_only=None):
        raise NotImplementedError("reading is not written yet")


class Undefined(Metric):
    def __init__(self):
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, pred, target):
        pass

    def compute(self):
        return self.total / self.total


class Strict(CSVLogger):
    def log_metrics(self, metrics, step=None):
        if any(name.startswith("test/") for name in metrics):
            raise ValueError("test values have no table")
        super().log_metrics(metrics, step)


def infers(image):
    return image


def saves_elsewhere(file, value):
    file.with_suffix(".pt").write_bytes(b"")
