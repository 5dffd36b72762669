"""Correct Lightning's private state, so that a resumed fit continues exactly where its checkpoint was saved."""

# ruff: noqa: SLF001  # the purpose of this module

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from pytorch_lightning import Trainer
from pytorch_lightning.loops.evaluation_loop import RestartStage

from lighter.lightning.state import (
    can_resume,
    has_batches_left,
    is_in_validation,
    is_train_epoch_over,
    samplers_of,
    train_row,
)
from lighter.resumable import ResumableDataLoader

Due = Literal["batch", "batch after validation", "validation", "epoch end", "monitored schedules"]


def val_batches_seen(trainer: Trainer) -> dict[int, int]:
    """Copy the counts of `evaluation_batches_seen` of the validations in fit, by loader."""
    return dict(trainer.fit_loop.epoch_loop.val_loop._seen_batches_per_dataloader)


def set_val_batches_seen(trainer: Trainer, seen: dict[int, int]) -> None:
    """Continue with these counts; in the first validation, as Lightning resets them when it sets up its loaders."""
    trainer.fit_loop.epoch_loop.val_loop._seen_batches_per_dataloader.update(seen)


class _CallFirst:
    """A loop's ``run`` after the call of another function."""

    def __init__(self, call: Callable[[], None], run: Callable[[], Any]) -> None:
        self.call, self._run = call, run

    def __call__(self) -> Any:
        self.call()
        return self._run()


def before_each_validation(trainer: Trainer, call: Callable[[Trainer], None]) -> None:
    """Call a function before each validation of a fit, instead of that of an earlier fit.

    Lightning calls no hook there: when those of a validation begin, its loaders have drawn random numbers.
    """
    loop = trainer.fit_loop.epoch_loop.val_loop
    if isinstance(loop.run, _CallFirst):
        loop.run.call = partial(call, trainer)
    else:
        loop.run = _CallFirst(partial(call, trainer), loop.run)  # type: ignore[method-assign]


def what_is_due(trainer: Trainer) -> Due | None:
    """Return what a resumed run must do first that Lightning would leave out or count twice.

    A checkpoint saved at the end of a batch or an epoch, or in a validation, makes Lightning leave out the validation,
    the end of the epoch, or the step of the schedules that monitor a value. A checkpoint saved after an exception makes
    it count one batch too many, in a step or after a validation. None if Lightning resumes correctly.
    """
    epoch_loop, fetcher = trainer.fit_loop.epoch_loop, trainer.fit_loop._data_fetcher
    if is_train_epoch_over(trainer):
        epoch = trainer.fit_loop.epoch_progress.current
        return "monitored schedules" if epoch.completed < epoch.processed else None  # type: ignore[attr-defined]
    if fetcher is None:
        return None
    if is_in_validation(trainer):
        return "validation"
    batch: Any = epoch_loop.batch_progress.current
    if batch.completed < batch.processed:
        if epoch_loop._should_check_val_fx(fetcher):
            return "validation"
        return None if has_batches_left(trainer) else "epoch end"
    if trainer.training and _was_validated_after_last_batch(trainer):
        return "batch after validation"
    return "batch" if batch.ready > batch.processed else None


def _was_validated_after_last_batch(trainer: Trainer) -> bool:
    """Return whether validation ran after the last processed batch: Lightning's rule, on a copy of the batch counts."""
    loop, fetcher = trainer.fit_loop.epoch_loop, trainer.fit_loop._data_fetcher
    batches: Any = copy.copy(loop.batch_progress)
    batches.current, batches.total = copy.copy(batches.current), copy.copy(batches.total)
    num_begun = batches.current.ready - batches.current.processed
    for counts in (batches.current, batches.total):
        counts.ready -= num_begun
    batches.is_last_batch = batches.is_last_batch and not num_begun
    loop = copy.copy(loop)
    loop.batch_progress = batches
    has_stepped = batches.current.ready > 0 and not loop._should_accumulate()
    return has_stepped and fetcher is not None and loop._should_check_val_fx(fetcher)


def complete_batch(loops: dict[str, Any], due: Due) -> None:
    """Set the loops' counts in a checkpoint to the point between two batches before what is due."""
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
        batches[counts]["completed"] = batches[counts]["processed"]
    if due == "epoch end":
        stepped["_batches_that_stepped"] += 1
    else:  # the validation begins, but the counts are those of the one before
        validated = loop["epoch_loop.val_loop.batch_progress"]["current"]
        validated.update(dict.fromkeys(validated, 0))


def is_ended_by_max_steps(checkpoint: dict[str, Any], trainer: Trainer) -> bool:
    """Return whether this fit's `max_steps` ends the epoch, and the fit, with the batch after which it was saved."""
    epoch = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]
    limit = trainer.fit_loop.max_steps
    return limit != -1 and checkpoint["global_step"] >= limit and epoch["processed"] < epoch["ready"]


def end_epoch_without_batches(trainer: Trainer, *, is_validated: bool) -> None:
    """Let a fit that `max_steps` ends run its last validation and the end of its epoch, and no batch.

    Lightning leaves out a fit whose limit is reached. So the limit is higher by one until the epoch has begun.
    """
    loop = trainer.fit_loop.epoch_loop
    limit = loop.max_steps

    def run(data_fetcher: Any) -> None:
        del loop.run
        loop.max_steps = limit
        loop._skip_next_val = is_validated
        loop.on_advance_end(data_fetcher)

    loop.max_steps = limit + 1
    loop.run = run  # type: ignore[method-assign]


def rewind_loaders(trainer: Trainer, loops: dict[str, Any]) -> None:
    """Make resumable loaders repeat the batch whose step an exception ended, and begin an epoch that is due.

    `max_steps` ends an epoch inside it; then Lightning resumes with the next epoch.
    """
    batch: Any = trainer.fit_loop.epoch_loop.batch_progress.current
    loaders = trainer.fit_loop._combined_loader
    if loaders is None:
        return
    stateful = [loader for loader in loaders.flattened if can_resume(loader)]
    for loader, state in zip(stateful, loops["fit_loop"]["state_dict"].get("combined_loader", ()), strict=False):
        if not isinstance(loader, ResumableDataLoader):
            continue
        if is_train_epoch_over(trainer):
            state["num_yielded"] = 0
        elif batch.ready != batch.processed:
            state["num_yielded"] = batch.processed


def take_loader_states(loops: dict[str, Any]) -> list[dict[str, Any]]:
    """Take the loaders' states out of a checkpoint, for `start_loaders`."""
    states: list[dict[str, Any]] = loops["fit_loop"]["state_dict"].pop("combined_loader", [])
    return states


def has_started_loaders(trainer: Trainer) -> bool:
    """Return whether the training loaders are set up, as ``trainer.estimated_stepping_batches`` does."""
    return trainer.fit_loop._data_fetcher is not None


def load_loader_states(trainer: Trainer, states: list[dict[str, Any]], *, have_started: bool) -> bool:
    """Give the training loaders the states of a checkpoint; return whether they must be started again.

    Lightning starts them before a sampler knows its epoch, so workers load batches of another epoch. If they were
    started before the checkpoint was loaded, Lightning loads no state. And it raises an error if the loaders have
    states where the checkpoint has none, or the reverse.
    """
    loaders = trainer.fit_loop._combined_loader
    if loaders is None:
        return False
    stateful = [loader for loader in loaders.flattened if can_resume(loader)]
    if len(stateful) == len(states):
        for loader, state in zip(stateful, states, strict=True):
            loader.load_state_dict(state)
        have_started |= any(not isinstance(loader, ResumableDataLoader) for loader in stateful)  # it starts late itself
    epoch: int = trainer.fit_loop.epoch_progress.current.processed  # type: ignore[attr-defined]
    for loader in loaders.flattened:
        for sampler in samplers_of(loader):
            if (set_epoch := getattr(sampler, "set_epoch", None)) is not None:
                set_epoch(epoch)
                have_started |= epoch > 0 and loader.num_workers > 0 and not isinstance(loader, ResumableDataLoader)
    return have_started


def start_loaders(trainer: Trainer) -> None:
    """Start the training loaders again."""
    iter(trainer.fit_loop._data_fetcher)  # type: ignore[arg-type]


def num_accumulated(trainer: Trainer) -> int:
    """Count the batches whose gradients no optimizer step has used yet; a checkpoint does not have them."""
    loop = trainer.fit_loop.epoch_loop
    if not trainer.lightning_module.automatic_optimization or not loop._should_accumulate():
        return 0
    num: int = loop.batch_progress.current.ready % trainer.accumulate_grad_batches
    return num


def continue_with(trainer: Trainer, due: Due) -> None:
    """Continue training with what is due; call it in ``on_train_start``, when Lightning has loaded the loops' state."""
    fit_loop, val_loop = trainer.fit_loop, trainer.fit_loop.epoch_loop.val_loop
    match due:
        case "validation":
            val_loop._restart_stage = RestartStage.RESTARTED_MID_EVALUATION
        case "epoch end":
            val_loop._has_run = True  # else Lightning looks for another batch
        case "monitored schedules":
            if fit_loop.restarting:  # with a limit in steps, not epochs, Lightning resumes the epoch
                fit_loop.reset_restart_stage()
                fit_loop.epoch_progress.increment_completed()
                end_restart(trainer)
            fit_loop.epoch_progress.current.completed -= 1  # their frequency counts the ended epoch
            fit_loop.epoch_loop._update_learning_rates("epoch", update_plateau_schedulers=True)
            fit_loop.epoch_progress.current.completed += 1


def end_restart(trainer: Trainer) -> None:
    """Clear Lightning's restart flags.

    Lightning leaves them set in an epoch without batches left, and a restarted epoch does not step the schedules that
    monitor a value.
    """
    trainer.fit_loop._restarting = False
    trainer.fit_loop.epoch_loop._restarting = False


def epoch_row(trainer: Trainer) -> tuple[int, dict[str, Any]]:
    """Return the row that Lightning writes after ``on_train_epoch_end``, and its place on the x axis.

    A module may log that place as ``step``.
    """
    values = trainer._logger_connector.metrics["log"]
    row: dict[str, Any] = {name: float(value) for name, value in values.items()}
    if "step" in row:
        return row.pop("step"), row
    return train_row(trainer) - 1, {**row, "epoch": trainer.current_epoch} if row else {}


def write_epoch_row(trainer: Trainer, step: int, row: dict[str, Any]) -> None:
    """Write such a row unless it is empty; the process that saved it may have ended before it could."""
    for logger in trainer.loggers if row else ():
        logger.log_metrics(row, step=step)
        logger.save()


def set_callback_metrics(trainer: Trainer, metrics: dict[str, Any]) -> None:
    """Show callbacks and schedules these values until there are new ones."""
    trainer._logger_connector._callback_metrics.update(metrics)
