import torch
from torch.utils.data import TensorDataset

from lighter import LighterModule


class Classifier(LighterModule):
    def training_step(self, batch, batch_idx):
        return self.criterion(self(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        return {"loss": self.criterion(self(batch[0]), batch[1])}

    def test_step(self, batch, batch_idx):
        return self.validation_step(batch, batch_idx)

    def predict_step(self, batch, batch_idx):
        return self(batch[0]).argmax(dim=1)


def samples():
    return TensorDataset(torch.linspace(-1, 1, 48).reshape(12, 4), torch.arange(12) % 2)
