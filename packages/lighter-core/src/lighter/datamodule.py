"""A LightningDataModule made of loaders."""

from typing import Any

from pytorch_lightning import LightningDataModule

from lighter.dataloaders import GivenDataloaders


class LighterDataModule(GivenDataloaders, LightningDataModule):
    """A LightningDataModule made of loaders, for a config or a script that has them as objects.

    An absent loader is an absent hook: a module with a ``validation_step`` trains without a validation loader. To
    download, split or transform data on each rank, write your own LightningDataModule.

    Args:
        train_dataloader: Gives training batches.
        val_dataloader: Gives validation batches; a list or mapping of loaders is several validation sets.
        test_dataloader: The same for test.
        predict_dataloader: The same for predict.

    Raises:
        DataError: A loader is not iterable.
    """

    def __init__(
        self,
        train_dataloader: Any = None,
        val_dataloader: Any = None,
        test_dataloader: Any = None,
        predict_dataloader: Any = None,
    ) -> None:
        super().__init__()
        self._offer_dataloaders(
            {
                "train": train_dataloader,
                "val": val_dataloader,
                "test": test_dataloader,
                "predict": predict_dataloader,
            }
        )
