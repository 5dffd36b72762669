"""What lighter reads of Lightning's inner state, all of it, so that one contract test holds it against Lightning."""

# ruff: noqa: SLF001  # this is what the module is for

import math
from dataclasses import dataclass
from typing import Any, Literal

from pytorch_lightning import Trainer
from pytorch_lightning.loops.evaluation_loop import RestartStage
from pytorch_lightning.trainer.states import RunningStage, TrainerFn
from torch.utils.data import DistributedSampler

from lighter.mode import Mode
from lighter.resumable import ResumableDataLoader

Due = Literal["batch", "batch after validation", "validation", "epoch end", "monitored schedules"]

_STAGES = {
    Mode.TRAIN: (RunningStage.TRAINING,),
    Mode.VAL: (RunningStage.VALIDATING, RunningStage.SANITY_CHECKING),
    Mode.TEST: (RunningStage.TESTING,),
}
_RUNNING = {Mode.TRAIN: "training", Mode.VAL: "validating", Mode.TEST: "testing", Mode.PREDICT: "predicting"}


def results(trainer: Trainer) -> Any:
    """Find the collection that ``self.log`` writes to in the loop that runs now."""
    return trainer._results


def dataloader_idx(trainer: Trainer) -> int | None:
    """Tell which of several evaluation loaders gave the batch; None when there is only one, and in training."""
    index: int | None = trainer._results.dataloader_idx  # type: ignore[union-attr]
    return index


def batches_started(trainer: Trainer) -> tuple[int, int]:
    """Count the training batches that were started, this one included: in this epoch, in all epochs."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    return progress.current.ready, progress.total.ready


def evaluation_batches_started(trainer: Trainer) -> int:
    """Count the batches of this evaluation that were started, this one included, over all its loaders."""
    return trainer._evaluation_loop.batch_progress.current.ready


def evaluation_batches_seen(trainer: Trainer, loader: int) -> int:
    """Count the batches that one loader gave before this one since the run began: Lightning's x axis in evaluation."""
    return trainer._evaluation_loop._seen_batches_per_dataloader[loader]


def val_batches_seen(trainer: Trainer) -> dict[int, int]:
    """Copy the counts of `evaluation_batches_seen` of the validations in fit, by loader."""
    return dict(trainer.fit_loop.epoch_loop.val_loop._seen_batches_per_dataloader)


def set_val_batches_seen(trainer: Trainer, seen: dict[int, int]) -> None:
    """Go on with these counts; from the first validation on, as Lightning forgets them when it sets up its loaders."""
    trainer.fit_loop.epoch_loop.val_loop._seen_batches_per_dataloader.update(seen)


def what_is_due(trainer: Trainer) -> Due | None:
    """Tell what follows when a checkpoint is saved at the end of a batch or an epoch, or after an exception.

    None where Lightning goes on right by itself. Else it leaves out the validation after the batch, the end of the
    epoch, or the step of the schedules that monitor it; or it counts a batch more than there was, when an exception
    ended the step of a batch, or came after a validation.
    """
    epoch_loop, fetcher = trainer.fit_loop.epoch_loop, trainer.fit_loop._data_fetcher
    if is_train_epoch_over(trainer):
        epoch = trainer.fit_loop.epoch_progress.current
        return "monitored schedules" if epoch.completed < epoch.processed else None  # type: ignore[attr-defined]
    if fetcher is None:
        return None
    batch: Any = epoch_loop.batch_progress.current
    if batch.completed < batch.processed:
        if epoch_loop._should_check_val_fx(fetcher):
            return "validation"
        return None if has_batches_left(trainer) else "epoch end"
    if trainer.training and _was_validated_after_last_batch(trainer):
        return "batch after validation"
    return "batch" if batch.ready > batch.processed else None


def _was_validated_after_last_batch(trainer: Trainer) -> bool:
    epoch_loop, fetcher = trainer.fit_loop.epoch_loop, trainer.fit_loop._data_fetcher
    progress: Any = epoch_loop.batch_progress
    num_begun, is_last = progress.current.ready - progress.current.processed, progress.is_last_batch
    for counts in (progress.current, progress.total):
        counts.ready -= num_begun
    progress.is_last_batch = is_last and not num_begun
    try:
        has_stepped = progress.current.ready > 0 and not epoch_loop._should_accumulate()
        return has_stepped and fetcher is not None and epoch_loop._should_check_val_fx(fetcher)
    finally:
        progress.is_last_batch = is_last
        for counts in (progress.current, progress.total):
            counts.ready += num_begun


def complete_batch(loops: dict[str, Any], due: Due) -> None:
    """Let the loops of a checkpoint go on between two batches, before what is due, as Lightning counts."""
    loop = loops["fit_loop"]
    stepped, batches = loop["epoch_loop.state_dict"], loop["epoch_loop.batch_progress"]
    if due in ("batch", "batch after validation"):
        for counts in ("total", "current"):
            batches[counts] |= dict.fromkeys(("ready", "started", "processed"), batches[counts]["completed"])
        batches["is_last_batch"] = False
        if due == "batch after validation":
            stepped["_batches_that_stepped"] -= 1
    if due not in ("validation", "epoch end"):
        return
    for counts in ("total", "current"):
        batches[counts]["completed"] += 1
    if due == "epoch end":
        stepped["_batches_that_stepped"] += 1
    else:  # it begins; the counts are those of the validation before
        validated = loop["epoch_loop.val_loop.batch_progress"]["current"]
        validated.update(dict.fromkeys(validated, 0))


def give_back_batch(trainer: Trainer, loops: dict[str, Any]) -> None:
    """Let resumable loaders give the batch again whose step an exception ended."""
    batch: Any = trainer.fit_loop.epoch_loop.batch_progress.current
    loaders = trainer.fit_loop._combined_loader
    if loaders is None or batch.ready == batch.processed:
        return
    stateful = [loader for loader in loaders.flattened if hasattr(loader, "state_dict")]
    for loader, state in zip(stateful, loops["fit_loop"]["state_dict"].get("combined_loader", ()), strict=False):
        if isinstance(loader, ResumableDataLoader):
            state["num_yielded"] = batch.processed


def go_on_with(trainer: Trainer, due: Due) -> None:
    """Let training go on with what is due; in ``on_train_start``, when Lightning has read the loops' state."""
    fit_loop, val_loop = trainer.fit_loop, trainer.fit_loop.epoch_loop.val_loop
    match due:
        case "validation":
            val_loop._restart_stage = RestartStage.RESTARTED_MID_EVALUATION
        case "epoch end":
            val_loop._has_run = True  # else Lightning looks for a batch more
        case "monitored schedules":
            if fit_loop.restarting:  # where steps are counted, not epochs, Lightning takes the epoch up again
                fit_loop.reset_restart_stage()
                fit_loop.epoch_progress.increment_completed()
                end_restart(trainer)
            fit_loop.epoch_progress.current.completed -= 1  # their frequency counts the epoch that has ended
            fit_loop.epoch_loop._update_learning_rates("epoch", update_plateau_schedulers=True)
            fit_loop.epoch_progress.current.completed += 1


def end_restart(trainer: Trainer) -> None:
    """Let what follows be no restart any more.

    An epoch without a batch left does not see to it by itself, and a restarted epoch takes no step of the schedules
    that monitor it.
    """
    trainer.fit_loop._restarting = False
    trainer.fit_loop.epoch_loop._restarting = False


def epoch_row(trainer: Trainer) -> tuple[int, dict[str, Any]]:
    """Read the row that Lightning writes after ``on_train_epoch_end``, with its place on the x axis."""
    values = trainer._logger_connector.metrics["log"]
    row = {name: float(value) for name, value in values.items()}
    return train_row(trainer) - 1, {**row, "epoch": trainer.current_epoch}


def write_epoch_row(trainer: Trainer, step: int, row: dict[str, Any]) -> None:
    """Write such a row again; the process that saved it may not have lived to do so."""
    for logger in trainer.loggers:
        logger.log_metrics(row, step=step)
        logger.save()


def set_callback_metrics(trainer: Trainer, metrics: dict[str, Any]) -> None:
    """Let callbacks and schedules see these values until there are new ones."""
    trainer._logger_connector._callback_metrics.update(metrics)


def log_every_n_steps(trainer: Trainer) -> int:
    """Read how often Lightning writes a row; 0 is never."""
    every_n: int = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set by the logger connector
    return every_n


def is_train_row_written(trainer: Trainer) -> bool:
    """Tell at the start of a training step whether Lightning writes a row when the step ends.

    This is `_LoggerConnector.update_train_step_metrics`. ``trainer.global_step`` would be wrong: it counts optimizer
    steps, of which a GAN makes several a batch.
    """
    epoch_loop = trainer.fit_loop.epoch_loop
    every_n = log_every_n_steps(trainer)
    due = every_n != 0 and ((epoch_loop._batches_that_stepped + 1) % every_n == 0 or trainer.should_stop)
    if not (due or trainer.fast_dev_run):  # type: ignore[attr-defined]
        return False
    return not (trainer.lightning_module.automatic_optimization and epoch_loop._should_accumulate())


def train_row(trainer: Trainer) -> int:
    """Read Lightning's x axis in training: the batches that stepped before this one."""
    return trainer.fit_loop.epoch_loop._batches_that_stepped


def has_batches_left(trainer: Trainer) -> bool:
    """Tell whether the epoch that runs now has training batches left."""
    return not trainer.fit_loop.epoch_loop._num_ready_batches_reached()


def is_train_epoch_over(trainer: Trainer) -> bool:
    """Tell whether the batches of the epoch are done, as they are in ``on_train_epoch_end``."""
    current = trainer.fit_loop.epoch_progress.current
    is_over: bool = current.processed >= current.ready  # type: ignore[attr-defined]
    return is_over


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that a loop loads or works on.

    Attributes:
        mode: The loop.
        index: Its index in this epoch or loader.
        loader: The index of its loader; None when there is only one.
        epoch: The epoch; None outside of fit.
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
    """Tell which batch is in its step; None between steps and where no loop runs."""
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
    """Tell which batch the loader gives now, which may be one ahead; None where no loop runs."""
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
    """Count the training batches that this epoch had and that its loader has by its length, infinite without one.

    An epoch that something else ended had as many as it should.
    """
    epoch_loop = trainer.fit_loop.epoch_loop
    num = epoch_loop.batch_progress.current.ready
    was_stopped = trainer.should_stop or epoch_loop.global_step == epoch_loop.max_steps
    is_whole = was_stopped or epoch_loop._num_ready_batches_reached()
    return num, num if is_whole and num else trainer.num_training_batches


def num_evaluation_batches(trainer: Trainer) -> tuple[int, float]:
    """Count the batches that this evaluation had and that its loaders have by their lengths, infinite without one."""
    expected = math.inf if trainer.sanity_checking else sum(trainer._evaluation_loop.max_batches)
    return evaluation_batches_started(trainer), expected


def num_val_dataloaders(trainer: Trainer) -> int:
    """Count the validation loaders; only known once validation has begun."""
    return trainer.fit_loop.epoch_loop.val_loop.num_dataloaders


def can_train_loader_resume(trainer: Trainer) -> bool:
    """Tell whether Lightning saves and restores where the training loaders are."""
    loaders = trainer.fit_loop._combined_loader
    return loaders is not None and all(
        hasattr(loader, "state_dict") and hasattr(loader, "load_state_dict") for loader in loaders.flattened
    )


def num_padded(trainer: Trainer, mode: Mode) -> int:
    """Count the samples that samplers repeat so that all ranks get equally many."""
    loop = trainer.fit_loop if mode is Mode.TRAIN else trainer._evaluation_loop
    loaders = loop._combined_loader
    samplers = [getattr(loader, "sampler", None) for loader in loaders.flattened] if loaders is not None else []
    return sum(
        max(0, sampler.total_size - len(sampler.dataset))  # type: ignore[arg-type,misc]
        for sampler in samplers
        if isinstance(sampler, DistributedSampler) and not sampler.drop_last
    )


def is_running(trainer: Trainer, mode: Mode) -> bool:
    """Tell whether the loop of a mode with logged steps runs now."""
    stage = trainer.state.stage
    # by identity: equality of Lightning's enums is slow, and this runs in each step
    return any(stage is one for one in _STAGES[mode])
