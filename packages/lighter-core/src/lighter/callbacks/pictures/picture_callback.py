"""The base class of callbacks that draw: when an epoch is seen and drawn, and which of its samples count."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import CombinedLoader, rank_zero_warn

from lighter.callbacks.pictures.destinations import give, is_anybody_there
from lighter.callbacks.pictures.picture import Matrix, Picture
from lighter.callbacks.writers.sample_order import SampleOrder, sample_order
from lighter.callbacks.writers.sample_values import Key, length_of_batch, named_outputs, select
from lighter.callbacks.writers.staging import check_writable
from lighter.errors import PictureError, nearest_names
from lighter.lightning.state import train_row

PictureMode = Literal["train", "val", "test", "predict"]

_MODES_OF_STAGE: Mapping[str, Sequence[str]] = {
    "fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": ("predict",)
}  # fmt: skip
_KEY = "lighter_pictures"  # in a checkpoint
_NAME = re.compile(r"[A-Za-z0-9_][\w. -]*(/[A-Za-z0-9_][\w. -]*)*", re.ASCII)


class Collector(Protocol):
    """Collects what one loader gives in one epoch."""

    @property
    def is_full(self) -> bool:
        """Whether further batches change nothing."""
        ...

    def add(self, values: Mapping[str, Any], indices: Sequence[int | None], where: str) -> None:
        """Add a batch.

        Args:
            values: Its values by the names of the callback's keys.
            indices: For each sample its index in the dataset, or a running number; None for one that a sampler repeats.
            where: The callback and the batch, for error messages.
        """
        ...

    def state(self) -> Any:
        """Return what a checkpoint keeps, as tensors and plain types; a call on all ranks."""
        ...

    def load(self, state: Any) -> None:
        """Continue with what a checkpoint kept; a call on rank zero alone."""
        ...


@dataclass(frozen=True, slots=True)
class Moment:
    """When and of what a picture is made.

    Attributes:
        name: The name of the picture: the mode, the callback's name and, if there are several, the loader.
        epoch: The epoch, from 0.
        step: The optimizer steps made so far.
        x: Lightning's x axis for the values of the epoch.
    """

    name: str
    epoch: int
    step: int
    x: int


@dataclass(slots=True)
class _Pass:
    """One epoch of one mode."""

    epoch: int
    orders: list[SampleOrder]
    collectors: list[Any]


class PictureCallback(Callback, ABC):
    """Draw what steps return, once an epoch; a subclass defines what it collects and draws.

    Loggers of TensorBoard, W&B and MLflow get each picture, and so does every callback of the trainer that has a method
    ``on_picture(trainer, picture)``: the run record of the command line has one. Other loggers are passed over.

    Args:
        name: The last part of the pictures' names, after the mode: ``images`` gives ``val/images``, with
            ``/dataloader_idx_{N}`` after it if there are several loaders.
        keys: From names of values to their keys in a step's output, or to functions of the output.
        modes: What to draw: ``train``, ``val``, ``test``, ``predict``. Lightning's sanity check is left out.
        every_n_epochs: Draw only the last of this many epochs of a fit.
        directory: A folder for the pictures, ``<directory>/<name>/epoch=0003.png``; with several ranks that of rank 0.

    Raises:
        PictureError: A mode, the name or the number of epochs is not valid. Later: the directory cannot be written, two
            callbacks have the same name, or the step did not return a key.
    """

    # Lightning calls every hook of a callback in each step, unless it is not callable
    on_before_zero_grad = on_before_backward = on_after_backward = on_before_optimizer_step = None  # type: ignore[assignment]
    on_train_batch_start = on_validation_batch_start = None  # type: ignore[assignment]
    on_test_batch_start = on_predict_batch_start = None  # type: ignore[assignment]

    def __init__(
        self,
        name: str,
        keys: Mapping[str, Key],
        *,
        modes: Sequence[PictureMode] = ("val",),
        every_n_epochs: int = 1,
        directory: str | Path | None = None,
    ) -> None:
        self.name = name
        self.keys = dict(keys)
        self.modes = tuple(modes)
        self.every_n_epochs = every_n_epochs
        self._directory = None if directory is None else Path(directory)  # private: see PredictionWriter
        self._passes: dict[str, _Pass] = {}
        self._restored: Mapping[str, Any] = {}
        self._has_failed_to_write = False
        _check_modes(modes, type(self).__name__)
        self._check_name()
        if isinstance(every_n_epochs, bool) or not isinstance(every_n_epochs, int) or every_n_epochs < 1:
            raise PictureError(f"`every_n_epochs` must be 1 or more, got {every_n_epochs!r}", where=type(self).__name__)

    @abstractmethod
    def make_collector(self, trainer: Trainer, loader: str) -> Collector:
        """Return an empty collector for one loader and one epoch.

        Args:
            trainer: The trainer.
            loader: The mode and the number of the loader, such as ``val/0``.
        """

    @abstractmethod
    def draw(self, collector: Any, moment: Moment, trainer: Trainer) -> Iterable[Picture | Matrix]:
        """Draw what was collected; a call on all ranks, of which only rank zero needs to return something."""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as tensors and plain types; a call on all ranks."""
        unfinished = self._passes.get("train")
        if unfinished is None:
            return {}
        return {"epoch": unfinished.epoch, "collectors": [one.state() for one in unfinished.collectors]}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue with the state of a checkpoint."""
        self._restored = state

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Save the state under the callback's name: Lightning refuses two callbacks of a class with a `state_dict`."""
        if state := self.state():
            checkpoint.setdefault(_KEY, {})[self._key()] = state

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Load the state into the fit that resumes."""
        if trainer.state.fn == "fit":
            self.load_state(checkpoint.get(_KEY, {}).get(self._key(), {}))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check before the first batch that pictures can be kept."""
        self._passes, self._restored = {}, {}
        if not set(_MODES_OF_STAGE[stage]) & set(self.modes):
            return
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        others = [one for one in callbacks if isinstance(one, PictureCallback) and one is not self]
        for other in others:
            if other.name == self.name and set(other.modes) & set(self.modes):
                raise PictureError(
                    f"the picture name {self.name!r} is given twice",
                    where=f"{type(self).__name__} and {type(other).__name__}",
                    expected="a different name for each callback",
                    fix=f'give one of them another name: name="{self.name}_2"',
                )
        if not trainer.is_global_zero:
            return
        if self._directory is not None:
            check_writable(self._directory / "x", where=type(self).__name__)
        has_reader = is_anybody_there(trainer, self._directory)
        if not has_reader and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            rank_zero_warn(
                f"nobody keeps the pictures of {type(self).__name__}: give it a `directory`, or the trainer a logger of"
                " TensorBoard, W&B or MLflow"
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue the epoch of a checkpoint, which Lightning does not start again."""
        restored, self._restored = self._restored, {}
        if restored.get("epoch") != trainer.current_epoch or "collectors" not in restored:
            return
        self._start(trainer, "train", trainer.train_dataloader)
        if (unfinished := self._passes.get("train")) and trainer.is_global_zero:  # the state is that of all ranks
            for collector, state in zip(unfinished.collectors, restored["collectors"], strict=False):
                collector.load(state)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a pass."""
        self._start(trainer, "train", trainer.train_dataloader)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a pass, except in Lightning's sanity check."""
        if not trainer.sanity_checking:
            self._start(trainer, "val", trainer.val_dataloaders)

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a pass."""
        self._start(trainer, "test", trainer.test_dataloaders)

    def on_predict_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a pass."""
        self._start(trainer, "predict", trainer.predict_dataloaders)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Collect the samples of a batch."""
        self._add("train", outputs, batch_idx, 0)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Collect the samples of a batch."""
        self._add("val", outputs, batch_idx, dataloader_idx)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Collect the samples of a batch."""
        self._add("test", outputs, batch_idx, dataloader_idx)

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Collect the samples of a batch."""
        self._add("predict", outputs, batch_idx, dataloader_idx)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the epoch."""
        self._finish(trainer, "train")

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the epoch."""
        self._finish(trainer, "val")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what was tested."""
        self._finish(trainer, "test")

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what was predicted."""
        self._finish(trainer, "predict")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Forget what was collected, unless a checkpoint that is saved now keeps it."""
        self._passes = {mode: one for mode, one in self._passes.items() if mode == "train"}

    def _start(self, trainer: Trainer, mode: str, loaders: Any) -> None:
        self._passes.pop(mode, None)
        is_due = trainer.state.fn != "fit" or (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if mode not in self.modes or not is_due:
            return
        flattened = CombinedLoader(loaders, "sequential").flattened
        if mode == "train" and len(flattened) > 1:  # a batch has samples of all of them
            orders = [SampleOrder()]
        else:
            orders = [sample_order(loader, world_size=trainer.world_size) for loader in flattened]
        collectors = [self.make_collector(trainer, f"{mode}/{idx}") for idx in range(len(orders))]
        self._passes[mode] = _Pass(trainer.current_epoch, orders, collectors)

    def _add(self, mode: str, outputs: Any, batch_idx: int, dataloader_idx: int) -> None:
        now = self._passes.get(mode)
        if now is None or outputs is None or (isinstance(outputs, Mapping) and not outputs):
            return
        collector, order = now.collectors[dataloader_idx], now.orders[dataloader_idx]
        if collector.is_full:
            return
        where = f"{type(self).__name__}, {mode} batch {batch_idx}"
        named = named_outputs(outputs, mode)
        values = {name: select(named, key, where=where, error=PictureError) for name, key in self.keys.items()}
        num_samples = length_of_batch(values)
        if num_samples is None:
            raise PictureError(
                f"{', '.join(f'`{name}`' for name in values)} must have one value for each sample",
                where=where,
                expected="tensors whose first dimension is the batch",
                fix='return {"loss": loss, "pred": pred, "target": target} from the step',
            )
        collector.add(values, _indices(order, batch_idx, num_samples), where)

    def _finish(self, trainer: Trainer, mode: str) -> None:
        done = self._passes.pop(mode, None)
        if done is None or trainer.sanity_checking:
            return
        for idx, collector in enumerate(done.collectors):
            suffix = f"/dataloader_idx_{idx}" if len(done.collectors) > 1 else ""
            name = f"{mode}/{self.name}{suffix}"
            # Lightning counts one batch less while it logs the values of a training epoch
            moment = Moment(name, done.epoch, trainer.global_step, train_row(trainer) - (mode == "train"))
            for made in self.draw(collector, moment, trainer):
                if trainer.is_global_zero:
                    self._give(trainer, made)

    def _give(self, trainer: Trainer, made: Picture | Matrix) -> None:
        try:
            give(trainer, made, self._directory)
        except OSError as error:  # a picture is not worth the run
            if not self._has_failed_to_write:
                rank_zero_warn(f"{type(self).__name__} cannot write its pictures: {error}")
            self._has_failed_to_write = True

    def _key(self) -> str:
        return f"{self.name} of {', '.join(self.modes)}"

    def _check_name(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise PictureError(
                f"invalid name {self.name!r}",
                where=type(self).__name__,
                expected="letters, digits, `_`, `-`, `.`, spaces and `/`, such as images/worst",
                fix="choose another name: it is also a path below the directory of the pictures",
            )


def _indices(order: SampleOrder, batch_idx: int, num_samples: int) -> Sequence[int | None]:
    """Return the indices of a batch's samples; a collate that drops samples leaves none of them certain."""
    drawn = order.num_samples(batch_idx)
    if drawn is not None and drawn != num_samples:
        return range(num_samples)
    return order.indices(batch_idx, num_samples)


def _check_modes(modes: Sequence[str], where: str) -> None:
    if not isinstance(modes, str) and modes and not set(modes) - set(get_args(PictureMode)):
        return
    raise PictureError(
        f"`modes` must be a list of modes, got {modes!r}",
        where=where,
        expected=f"a list of {', '.join(get_args(PictureMode))}",
        nearest=[name for mode in modes for name in nearest_names(str(mode), get_args(PictureMode))],
        fix='for example modes=["val"]',
    )
