"""The script before: everything that differs between experiments is in code."""

import pytorch_lightning as pl
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from torchmetrics.classification import MulticlassAccuracy


class LitClassifier(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))
        self.criterion = nn.CrossEntropyLoss()
        self.val_accuracy = MulticlassAccuracy(num_classes=10, average="micro")

    def training_step(self, batch, batch_idx):
        images, digits = batch
        loss = self.criterion(self.model(images), digits)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        images, digits = batch
        scores = self.model(images)
        self.val_accuracy(scores, digits)
        self.log("val_loss", self.criterion(scores, digits))
        self.log("val_accuracy", self.val_accuracy)

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=3e-3)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)]


def main(**options):
    pl.seed_everything(42, workers=True)
    digits = load_digits()
    dataset = TensorDataset(torch.tensor(digits.data).float() / 16, torch.tensor(digits.target))
    train, val = random_split(dataset, [1497, 300], torch.Generator().manual_seed(0))
    trainer = pl.Trainer(max_epochs=4, devices=1, logger=False, enable_checkpointing=False, **options)
    trainer.fit(LitClassifier(), DataLoader(train, batch_size=32, shuffle=True), DataLoader(val, batch_size=100))
    return trainer


if __name__ == "__main__":
    main()
