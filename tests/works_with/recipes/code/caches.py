"""A callback that moves the window of MONAI's SmartCacheDataset."""

from typing import Any

from pytorch_lightning import Callback


class MovingWindow(Callback):
    """Replace samples of the train loader's dataset between epochs, in a resumed fit those of earlier epochs too."""

    def __init__(self) -> None:
        self.moves = 0

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Move the window as often as epochs have ended."""
        dataset = trainer.train_dataloader.dataset
        dataset.start()
        while self.moves < trainer.current_epoch:
            dataset.update_cache()
            self.moves += 1

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End the thread that prepares samples."""
        trainer.train_dataloader.dataset.shutdown()
