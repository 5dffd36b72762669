"""Give Lightning loaders that exist as objects, as the hooks that it expects."""

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
    """Mixin for modules and data modules: gives Lightning the loaders as ``train_dataloader`` and so on.

    For Lightning, a loader is absent if its method is absent. So the hooks are set on the object, one for each loader.
    """

    dataloaders: dict[Mode, Any]

    def _offer_dataloaders(self, dataloaders: Mapping[str, object]) -> None:
        self.dataloaders = _SharedLoaders()
        for name, loader in dataloaders.items():
            if name not in list(Mode):
                raise DataError(
                    f"unknown mode {name!r} in `dataloaders`",
                    expected=", ".join(Mode),
                    nearest=nearest_names(str(name), Mode),
                )
            if loader is None:
                continue
            if isinstance(loader, str) or not isinstance(loader, Iterable):
                raise DataError(
                    f"the {name} dataloader must be an iterable of batches, got a {type(loader).__name__}",
                    expected="a DataLoader or another iterable of batches, or a list or mapping of them",
                )
            mode = Mode(name)
            self.dataloaders[mode] = loader
            setattr(self, f"{mode}_dataloader", partial(_dataloader, self, mode))

    @property
    def batch_size(self) -> int:
        """The training loader's batch size, for Lightning's batch size finder.

        Setting it replaces the loader by one with the same dataset, shuffling, workers, collate function, pinning,
        drop_last and order.

        Raises:
            DataError: The training loader is missing, or cannot be rebuilt with another batch size.
        """
        loader = self._train_loader()
        if loader.batch_size is None:
            raise DataError(
                f"the training {type(loader).__name__} has no batch size",
                expected="a DataLoader with `batch_size`, without a custom batch sampler",
            )
        return loader.batch_size

    @batch_size.setter
    def batch_size(self, batch_size: int) -> None:
        self.dataloaders[Mode.TRAIN] = with_batch_size(self._train_loader(), batch_size)

    def _train_loader(self) -> DataLoader[Any]:
        loader = self.dataloaders.get(Mode.TRAIN)
        if not isinstance(loader, DataLoader):
            given = "which is missing" if loader is None else f"which is a {type(loader).__name__}"
            name = type(self).__name__
            raise DataError(
                f"`{name}.batch_size` is that of the training loader, {given}",
                expected="one torch DataLoader",
                fix=f"give {name} a training loader first; for a value of your own use another name than `batch_size`",
            )
        return loader


class _SharedLoaders(dict[Mode, Any]):
    """Loaders that copies of a module share.

    Callbacks that average weights copy the whole module. A dataset is large, and may hold a lock or an open file, which
    cannot be copied.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> "_SharedLoaders":
        return self


def with_batch_size(loader: DataLoader[Any], batch_size: int) -> DataLoader[Any]:
    """Return a loader like the given one, with another batch size.

    Raises:
        DataError: The loader has a custom batch sampler, or its class takes other arguments than a DataLoader.
    """
    is_iterable = isinstance(loader.dataset, IterableDataset)
    if loader.batch_size is None or type(loader.batch_sampler) is not BatchSampler:
        raise DataError(
            f"the batch size of the {type(loader).__name__} cannot be set: it has a custom batch sampler",
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
            f"the {type(loader).__name__} cannot be rebuilt with another batch size: {error}",
            expected="a DataLoader, or a subclass that takes the same arguments",
        ) from error


def check_num_batches(trainer: Trainer, mode: Mode) -> None:
    """Compare the number of batches of an ended epoch with the length of its loader.

    Raises:
        DataError: The epoch had no batch, or the training loader stopped early: Lightning then neither validates nor
            steps schedules.
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
            fix="check what the dataset reads, or remove the loader",
        )
    if math.isinf(expected) or num >= expected:
        return
    message = f"the {mode} loader stopped after {num} batches{epoch}, but its length is {expected}"
    fix = "remove `__len__` from the dataset: then an epoch ends with the data"
    if mode is not Mode.TRAIN:
        rank_zero_warn(f"{message}; {fix}")
        return
    raise DataError(
        message,
        expected="as many batches as its length; without the last one Lightning neither validates nor steps schedules",
        fix=f"{fix}; or set `limit_train_batches` to the number of batches",
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
            fix="check what the dataset reads, or remove the loader",
        )


def _size(dataset: Any) -> str:
    try:
        return f": its {type(dataset).__name__} has {len(dataset)} samples"
    except TypeError:
        return ""


def _name_samples(loader: DataLoader[Any]) -> None:
    """Make exceptions in a worker name their sample."""
    if loader.num_workers > 0 and not isinstance(loader.worker_init_fn, WorkerInit):
        # first Lightning's, which it adds only to a loader without a `worker_init_fn`
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
