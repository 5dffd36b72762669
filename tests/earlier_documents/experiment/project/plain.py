import torch
from pytorch_lightning import LightningModule
from torch import nn


class Plain(LightningModule):
    """What a user of Lightning wrote: network, loss and optimizer in one class."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.model = network
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, images):
        return self.model(images)

    def training_step(self, batch, batch_idx):
        images, target = batch
        return self.criterion(self(images), target)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.001)
