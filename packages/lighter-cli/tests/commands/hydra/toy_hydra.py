import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset


class Net(torch.nn.Linear):
    def __init__(self, size, decay):
        super().__init__(size, 1)


class Lit(pl.LightningModule):
    def __init__(self, net, optimizer, scheduler, compile):  # noqa: A002 - as the template has it
        super().__init__()
        self.net, self.make, self.schedule = net, optimizer, scheduler

    def training_step(self, batch, batch_idx):
        loss = self.net(batch[0]).square().mean()
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        optimizer = self.make(params=self.parameters())
        return {"optimizer": optimizer, "lr_scheduler": self.schedule(optimizer=optimizer)}


class Data(pl.LightningDataModule):
    def __init__(self, data_dir, num_features, batch_size, pin_memory=False):
        super().__init__()
        self.num_features, self.batch_size = num_features, int(batch_size)

    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.ones(16, self.num_features)), batch_size=self.batch_size)
