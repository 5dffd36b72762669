"""Read Lightning's private state."""

# ruff: noqa: SLF001  # the purpose of this module

import math
import re
from dataclasses import dataclass
from typing import Any

from lightning_fabric.utilities.data import sized_len
from pytorch_lightning import Trainer
from pytorch_lightning.trainer.states import RunningStage, TrainerFn
from torch.utils.data import DistributedSampler

from lighter.mode import Mode

_STAGES = {
    Mode.TRAIN: (RunningStage.TRAINING,),
    Mode.VAL: (RunningStage.VALIDATING, RunningStage.SANITY_CHECKING),
    Mode.TEST: (RunningStage.TESTING,),
}
_RUNNING = {Mode.TRAIN: "training", Mode.VAL: "validating", Mode.TEST: "testing", Mode.PREDICT: "predicting"}


def result_collection(trainer: Trainer) -> Any:
    """Return the collection that ``self.log`` writes to in the current loop."""
    return trainer._results


def train_results(trainer: Trainer) -> Any:
    """Return the collection of the training loop, while it runs; the way of `result_collection` to it is long."""
    return trainer.fit_loop.epoch_loop._results


def current_dataloader_idx(trainer: Trainer) -> int | None:
    """Return the index of the evaluation loader of this batch; None with a single loader and in training."""
    index: int | None = trainer._results.dataloader_idx  # type: ignore[union-attr]
    return index


def global_step_and_epoch(trainer: Trainer, *, is_automatic: bool) -> tuple[int, int]:
    """Return ``global_step`` and ``current_epoch``; the properties of a trainer take seven calls to find them."""
    fit_loop = trainer.fit_loop
    epoch_loop = fit_loop.epoch_loop
    steps = epoch_loop.automatic_optimization.optim_progress.optimizer_steps if is_automatic else epoch_loop.global_step
    return steps, fit_loop.epoch_progress.current.completed


def batches_started(trainer: Trainer) -> tuple[int, int]:
    """Count the training batches started, this one included: in this epoch and in all epochs."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    return progress.current.ready, progress.total.ready


def evaluation_batches_started(trainer: Trainer) -> int:
    """Count the batches of this evaluation started, this one included, over all loaders."""
    return trainer._evaluation_loop.batch_progress.current.ready


def evaluation_batches_seen(trainer: Trainer, loader: int) -> int:
    """Count the batches of one loader before this one since the run began: Lightning's x axis in evaluation."""
    return trainer._evaluation_loop._seen_batches_per_dataloader[loader]


def log_every_n_steps(trainer: Trainer) -> int:
    """Return how often Lightning writes a row; 0 means never."""
    every_n: int = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set by the logger connector
    return every_n


def is_train_row_written(trainer: Trainer) -> bool:
    """Return whether Lightning writes a row at the end of the training step that starts now.

    Source: `_LoggerConnector.update_train_step_metrics`. ``trainer.global_step`` would be wrong: it counts optimizer
    steps, and a GAN makes several for one batch.
    """
    epoch_loop = trainer.fit_loop.epoch_loop
    every_n: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
    due = every_n != 0 and ((epoch_loop._batches_that_stepped + 1) % every_n == 0 or trainer.should_stop)
    if not (due or trainer.fast_dev_run):  # type: ignore[attr-defined]
        return False
    return not (trainer.lightning_module.automatic_optimization and epoch_loop._should_accumulate())


def train_row(trainer: Trainer) -> int:
    """Return Lightning's x axis in training: the number of batches that stepped before this one."""
    return trainer.fit_loop.epoch_loop._batches_that_stepped


def has_batches_left(trainer: Trainer) -> bool:
    """Return whether the current epoch has training batches left."""
    return not trainer.fit_loop.epoch_loop._num_ready_batches_reached()


def num_batches_left(trainer: Trainer) -> int | None:
    """Count the batches of an epoch that ended inside it; None without a length."""
    expected = trainer.num_training_batches
    return None if math.isinf(expected) else int(expected) - trainer.fit_loop.epoch_loop.batch_progress.current.ready


def is_train_epoch_over(trainer: Trainer) -> bool:
    """Return whether all training batches of the epoch are done, as in ``on_train_epoch_end``."""
    current = trainer.fit_loop.epoch_progress.current
    is_over: bool = current.processed >= current.ready  # type: ignore[attr-defined]
    return is_over


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that a loop loads or processes.

    Attributes:
        mode: The loop.
        index: The batch's index in this epoch or loader.
        loader: The index of its loader; None with a single loader.
        epoch: The epoch; None outside fit.
    """

    mode: str
    index: int
    loader: int | None
    epoch: int | None

    def __str__(self) -> str:
        loader = "" if self.loader is None else f" of dataloader_idx {self.loader}"
        epoch = "" if self.epoch is None else f" of epoch {self.epoch}"
        return f"batch {self.index}{loader}{epoch}"


def batch_in_step(trainer: Trainer) -> Batch | None:
    """Return the batch whose step is running; None between steps and without a running loop."""
    loop = _batch_loop(trainer)
    if loop is None or loop.batch_progress.current.ready == loop.batch_progress.current.completed:
        return None
    index, loader = loop.batch_progress.current.ready - 1, 0
    if trainer.training:
        return _batch(trainer, index, None)
    while loader + 1 < len(loop.max_batches) and index >= loop.max_batches[loader]:
        index -= int(loop.max_batches[loader])
        loader += 1
    return _batch(trainer, index, loader if loop.num_dataloaders > 1 else None)


def batch_being_loaded(trainer: Trainer) -> Batch | None:
    """Return the batch being loaded, which may be one ahead of the step; None without a running loop."""
    loop = _batch_loop(trainer)
    if loop is None:
        return None
    if trainer.training:
        fetcher = trainer.fit_loop._data_fetcher
        return None if fetcher is None else _batch(trainer, fetcher.fetched, None)
    iterator = loop._combined_loader._iterator
    return _batch(trainer, iterator._idx, iterator._iterator_idx if loop.num_dataloaders > 1 else None)


def _batch_loop(trainer: Trainer) -> Any:
    if trainer.state.stage is None:
        return None
    if trainer.training:
        return trainer.fit_loop.epoch_loop
    loop = trainer.predict_loop if trainer.predicting else trainer._evaluation_loop
    has_begun = loop._combined_loader is not None and loop._combined_loader._iterator is not None
    return loop if has_begun else None


def _batch(trainer: Trainer, index: int, loader: int | None) -> Batch:
    mode = next((str(mode) for mode in Mode if getattr(trainer, _RUNNING[mode])), "val")
    return Batch(mode, index, loader, trainer.current_epoch if trainer.state.fn is TrainerFn.FITTING else None)


def num_train_batches(trainer: Trainer) -> tuple[int, float]:
    """Count the training batches of this epoch, and those expected from the loader's length; infinite without a length.

    When something other than the loader ended the epoch, both counts are equal.
    """
    epoch_loop = trainer.fit_loop.epoch_loop
    num = epoch_loop.batch_progress.current.ready
    was_stopped = trainer.should_stop or 0 <= epoch_loop.max_steps <= epoch_loop.global_step
    is_complete = was_stopped or epoch_loop._num_ready_batches_reached()
    return num, num if is_complete and num else trainer.num_training_batches


def num_evaluation_batches(trainer: Trainer) -> tuple[int, float]:
    """Count the batches of this evaluation, and those expected from the loaders' lengths; infinite without a length."""
    loop = trainer._evaluation_loop
    if trainer.sanity_checking:
        expected = math.inf
    elif loop._is_sequential:
        expected = sum(loop.max_batches)
    else:  # a CombinedLoader that gives one batch of several loaders at a time
        length = sized_len(loop._combined_loader)
        expected = math.inf if length is None else length
    return evaluation_batches_started(trainer), expected


def num_val_dataloaders(trainer: Trainer) -> int:
    """Count the validation loaders; known once validation has begun."""
    return trainer.fit_loop.epoch_loop.val_loop.num_dataloaders


def loop_of_epoch_value(trainer: Trainer, name: str) -> str | None:
    """Return which loop of a fit logs a name once per epoch, ``train`` or ``val``; None if neither does."""
    plain = re.sub(r"/dataloader_idx_\d+$", "", name)
    epoch_loop = trainer.fit_loop.epoch_loop
    for loop, results in (("val", epoch_loop.val_loop._results), ("train", epoch_loop._results)):
        for meta in (result.meta for result in results.values()):
            if meta.forked_name(on_step=False) == plain and (loop == "val" or meta.forked or not meta.on_step):
                return loop
    return None


def is_fitting(trainer: Trainer) -> bool:
    """Return whether the trainer runs a fit, with its validations."""
    return trainer.state.fn == TrainerFn.FITTING  # equal also to the one of the package `lightning`


def is_in_validation(trainer: Trainer) -> bool:
    """Return whether a validation of a fit has begun, and Lightning has not logged its epoch's values yet."""
    is_batch_loop_over = trainer._logger_connector._first_loop_iter is None
    is_over = is_batch_loop_over and not trainer.fit_loop.epoch_loop.val_loop._logged_outputs
    return bool(trainer.validating) and not is_over


def can_train_loader_resume(trainer: Trainer) -> bool:
    """Return whether Lightning saves and restores the position of the training loaders."""
    loaders = trainer.fit_loop._combined_loader
    return loaders is not None and all(can_resume(loader) for loader in loaders.flattened)


def can_resume(loader: Any) -> bool:
    """Return whether Lightning saves and restores the position of a loader."""
    return hasattr(loader, "state_dict") and hasattr(loader, "load_state_dict")


def has_own_generator(trainer: Trainer) -> bool:
    """Return whether a training loader that cannot resume draws its order from a generator given to it."""
    loaders = trainer.fit_loop._combined_loader
    return loaders is not None and any(
        getattr(sampler, "generator", None) is not None
        for loader in loaders.flattened
        if not can_resume(loader)
        for sampler in samplers_of(loader)
    )


def samplers_of(loader: Any) -> tuple[Any, Any]:
    """Return a loader's sampler and that of its batch sampler; None where it has none."""
    return getattr(loader, "sampler", None), getattr(getattr(loader, "batch_sampler", None), "sampler", None)


def num_padded(trainer: Trainer, mode: Mode) -> int:
    """Count the samples that samplers repeat to give all ranks the same number."""
    loop = trainer.fit_loop if mode is Mode.TRAIN else trainer._evaluation_loop
    loaders = loop._combined_loader
    samplers = [getattr(loader, "sampler", None) for loader in loaders.flattened] if loaders is not None else []
    return sum(
        max(0, sampler.total_size - len(sampler.dataset))  # type: ignore[arg-type,misc]
        for sampler in samplers
        if isinstance(sampler, DistributedSampler) and not sampler.drop_last
    )


def is_running(trainer: Trainer, mode: Mode) -> bool:
    """Return whether the loop of a mode with logged steps is running."""
    return trainer.state.stage in _STAGES[mode]  # a tuple compares by identity first; equality of these enums is slow
