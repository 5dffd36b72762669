"""Loaders that are given as objects, offered to Lightning as the hooks it looks for."""

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from lightning_fabric.utilities.data import _auto_add_worker_init_fn
from pytorch_lightning import Trainer
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_only, rank_zero_warn
from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from lighter.errors import DataError, nearest_names
from lighter.lightning.failure_notes import WorkerInit
from lighter.lightning.state import num_evaluation_batches, num_train_batches
from lighter.mode import Mode


class GivenDataloaders:
    """Offers given loaders as ``train_dataloader`` and so on; a mixin for modules and data modules.

    For Lightning an absent loader is an absent method. So the hooks are set on the object, for what is there.
    """

    dataloaders: dict[Mode, Any]

    def _offer_dataloaders(self, dataloaders: Mapping[str, object]) -> None:
        self.dataloaders = {}
        for name, loader in dataloaders.items():
            if name not in list(Mode):
                raise DataError(
                    f"`dataloaders` has an unknown key {name!r}",
                    expected=", ".join(Mode),
                    nearest=nearest_names(str(name), Mode),
                )
            if loader is None:
                continue
            if isinstance(loader, str) or not isinstance(loader, Iterable):
                raise DataError(
                    f"the {name} dataloader is a {type(loader).__name__}",
                    expected="a DataLoader or another iterable of batches, or a list or mapping of them",
                )
            mode = Mode(name)
            self.dataloaders[mode] = loader
            setattr(self, f"{mode}_dataloader", partial(_dataloader, self, mode))

    @property
    def batch_size(self) -> int:
        """The training loader's batch size, for Lightning's batch size finder.

        Setting it makes a new loader of the same dataset, shuffling, workers, collate function, pinning, drop_last and
        order.

        Raises:
            DataError: There is no training loader, or it is not one that can be made again with another batch size.
        """
        loader = self._train_loader()
        if loader.batch_size is None:
            raise DataError(
                f"the training {type(loader).__name__} has no batch size",
                expected="a DataLoader with `batch_size`, not with a batch sampler of its own",
            )
        return loader.batch_size

    @batch_size.setter
    def batch_size(self, batch_size: int) -> None:
        self.dataloaders[Mode.TRAIN] = with_batch_size(self._train_loader(), batch_size)

    def _train_loader(self) -> DataLoader[Any]:
        loader = self.dataloaders.get(Mode.TRAIN)
        if not isinstance(loader, DataLoader):
            given = "there is none" if loader is None else f"it is a {type(loader).__name__}"
            raise DataError(
                f"the training loader has no batch size: {given}",
                expected="one torch DataLoader",
                fix="keep a number of your own under another name: `batch_size` is the training loader's",
            )
        return loader


def with_batch_size(loader: DataLoader[Any], batch_size: int) -> DataLoader[Any]:
    """Make a loader like another one, with another batch size.

    Raises:
        DataError: The loader's batches come from a sampler of its own, or its class cannot be made like a DataLoader.
    """
    is_iterable = isinstance(loader.dataset, IterableDataset)
    if loader.batch_size is None or type(loader.batch_sampler) is not BatchSampler:
        raise DataError(
            f"the batch size of the {type(loader).__name__} cannot be set: its batches come from a sampler of its own",
            expected="a DataLoader with `batch_size`",
        )
    workers = loader.num_workers > 0
    order: dict[str, Any] = {} if loader.in_order else {"in_order": False}  # a subclass may not take it
    try:
        return type(loader)(
            loader.dataset,
            batch_size=batch_size,
            sampler=None if is_iterable else loader.sampler,
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn,
            pin_memory=loader.pin_memory,
            drop_last=loader.drop_last,
            timeout=loader.timeout,
            worker_init_fn=loader.worker_init_fn,
            multiprocessing_context=loader.multiprocessing_context if workers else None,
            generator=loader.generator,
            prefetch_factor=loader.prefetch_factor if workers else None,
            persistent_workers=loader.persistent_workers,
            **order,
        )
    except TypeError as error:
        raise DataError(
            f"a {type(loader).__name__} cannot be made again with another batch size: {error}",
            expected="a DataLoader, or a subclass that takes the same arguments",
        ) from error


def check_all_came(trainer: Trainer, mode: Mode) -> None:
    """Compare how many batches an epoch had with the length of its loader, at its end.

    Raises:
        DataError: There was none, or training ended early, after which Lightning neither validates nor steps schedules.
    """
    if mode is Mode.TRAIN:
        num, expected = num_train_batches(trainer)
    else:
        num, expected = num_evaluation_batches(trainer)
    epoch = f" in epoch {trainer.current_epoch}" if trainer.state.fn is TrainerFn.FITTING else ""
    if num == 0:
        raise DataError(
            f"the {mode} loader gave no batch{epoch}",
            expected="at least one batch",
            fix="look at what the dataset reads, or leave the loader out",
        )
    if math.isinf(expected) or num >= expected:
        return
    message = (
        f"the {mode} loader ended after batch {num - 1}{epoch}: it gave {num} of the {expected} batches of its length"
    )
    fix = "remove `__len__` from the dataset: then an epoch lasts as long as there is data"
    if mode is not Mode.TRAIN:
        rank_zero_warn(f"{message}; {fix}")
        return
    raise DataError(
        message,
        expected="as many batches as it says; without the last one Lightning neither validates nor steps schedules",
        fix=f"{fix}; or set `limit_train_batches` to what there is",
    )


def _dataloader(owner: GivenDataloaders, mode: Mode) -> Any:
    loaders = owner.dataloaders[mode]
    for loader in _flat(loaders):
        if isinstance(loader, DataLoader):
            _check_not_empty(loader, mode)
            _name_samples(loader)
    return loaders


def _check_not_empty(loader: DataLoader[Any], mode: Mode) -> None:
    try:
        num_batches = len(loader)
    except TypeError:  # an iterable dataset without a length
        return
    if num_batches == 0:
        dropped = f", in batches of {loader.batch_size} with drop_last" if loader.drop_last else ""
        raise DataError(
            f"the {mode} loader gives no batch{_size(loader.dataset)}{dropped}",
            expected="at least one batch",
            fix="look at what the dataset reads, or leave the loader out",
        )


def _size(dataset: Any) -> str:
    try:
        return f": its {type(dataset).__name__} has {len(dataset)} samples"
    except TypeError:
        return ""


def _name_samples(loader: DataLoader[Any]) -> None:
    """Let an exception in a worker name the sample."""
    if loader.num_workers > 0 and not isinstance(loader.worker_init_fn, WorkerInit):
        # first, as Lightning does this only for a loader that has no function of its own
        _auto_add_worker_init_fn(loader, getattr(rank_zero_only, "rank", 0))
        loader.worker_init_fn = WorkerInit(loader.worker_init_fn)


def _flat(loaders: Any) -> Iterator[Any]:
    if isinstance(loaders, Mapping):
        loaders = loaders.values()
    elif not isinstance(loaders, list | tuple):
        yield loaders
        return
    for inner in loaders:
        yield from _flat(inner)
