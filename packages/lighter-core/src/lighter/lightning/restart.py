"""What lighter mends in Lightning's inner state so that a resumed fit goes on where its checkpoint was saved."""

# ruff: noqa: SLF001  # this is what the module is for

from typing import Any, Literal

from pytorch_lightning import Trainer
from pytorch_lightning.loops.evaluation_loop import RestartStage

from lighter.lightning.state import has_batches_left, is_train_epoch_over, train_row
from lighter.resumable import ResumableDataLoader

Due = Literal["batch", "batch after validation", "validation", "epoch end", "monitored schedules"]


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
