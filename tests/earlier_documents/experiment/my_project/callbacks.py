from pytorch_lightning import Callback, LightningModule, Trainer


class MyCustomCallback(Callback):
    def __init__(self, arg: str) -> None:
        self.arg = arg

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        print(f"{self.arg} saw the end of epoch {trainer.current_epoch}")
