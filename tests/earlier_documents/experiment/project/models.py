from torch.nn import functional

from lighter import LighterModule


class MyModel(LighterModule):
    """Steps of one's own: a loss with terms in training, a bare prediction in predict."""

    def training_step(self, batch, batch_idx):
        images, target = batch
        pred = self(images)
        loss = self.criterion(pred, target) if self.criterion else functional.cross_entropy(pred, target)
        if self.train_metrics:
            self.train_metrics(pred, target)
        return {"loss": {"total": loss + pred.square().mean(), "cross_entropy": loss}, "pred": pred, "target": target}

    def validation_step(self, batch, batch_idx):
        images, target = batch
        pred = self(images)
        if self.val_metrics:
            self.val_metrics(pred, target)
        return {"loss": functional.cross_entropy(pred, target), "pred": pred, "target": target}

    def test_step(self, batch, batch_idx):
        images, target = batch
        pred = self(images)
        if self.test_metrics:
            self.test_metrics(pred, target)
        return {"pred": pred, "target": target}

    def predict_step(self, batch, batch_idx):
        return self(batch[0])
