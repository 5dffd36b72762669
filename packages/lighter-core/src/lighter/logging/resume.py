"""Save and restore what a resumed epoch needs to end with the values of an uninterrupted one."""

import random
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import BatchSizeFinder, LearningRateFinder
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_warn

from lighter.errors import OptimizerError
from lighter.lightning.metric_states import Extremes, load_state, plain, state_of
from lighter.lightning.restart import (
    complete_batch,
    continue_with,
    end_epoch_without_batches,
    epoch_row,
    has_started_loaders,
    is_ended_by_max_steps,
    load_loader_states,
    num_accumulated,
    rewind_loaders,
    set_callback_metrics,
    set_val_batches_seen,
    start_loaders,
    take_loader_states,
    val_batches_seen,
    what_is_due,
    write_epoch_row,
)
from lighter.lightning.state import (
    batches_started,
    can_train_loader_resume,
    has_batches_left,
    has_own_generator,
    is_in_validation,
    is_train_epoch_over,
    num_batches_left,
)
from lighter.logging.epoch_log import EpochLog, gather
from lighter.logging.running_sum import RunningSum

KEY = "lighter"
_INSIDE_A_BATCH = ("batch", "batch after validation")


def save(
    checkpoint: dict[str, Any],
    trainer: Trainer,
    train_log: EpochLog | None,
    extremes: dict[str, dict[int | None, Extremes]],
    not_yet_restored: dict[str, Any],
    validation_start: dict[str, Any],
    configured: dict[str, Any],
) -> None:
    """Add random states, and the sums and metric states of an unfinished training epoch; under DDP a collective call.

    The entry has only tensors and plain types, which ``torch.load(weights_only=True)`` accepts. What was loaded from an
    earlier checkpoint and not restored yet is saved again. In a validation, which a resumed run repeats, the entry has
    what `before_validation` returned then.
    """
    if "optimizer_states" not in checkpoint or trainer.state.fn is not TrainerFn.FITTING:
        return  # weights only: no run resumes from them
    now = before_validation(not_yet_restored, trainer)
    start = (is_in_validation(trainer) and validation_start) or now
    entry: dict[str, Any] = {
        "random": gather(trainer, start["random"]),
        "has_begun": batches_started(trainer)[1] > 0,
        "has_batches_left": is_train_epoch_over(trainer) or has_batches_left(trainer),
        "due": what_is_due(trainer),
        "configured": configured,
        "callback_metrics": {name: plain(value).cpu() for name, value in trainer.callback_metrics.items()},
        "val_batches_seen": start["val_batches_seen"],
    }
    entry["extremes"] = not_yet_restored.get("extremes") or {
        mode: {
            loader: {path: {name: plain(value).cpu() for name, value in both.items()} for path, both in paths.items()}
            for loader, paths in loaders.items()
            if paths
        }
        for mode, loaders in extremes.items()
    }
    if train_log is not None and train_log.is_open and not is_train_epoch_over(trainer):
        sums = gather(trainer, {term: (s.total(), s.count) for term, s in train_log.sums.items()})
        terms = dict.fromkeys(term for rank in sums for term in rank)
        entry["train"] = {
            "epoch": trainer.current_epoch,
            "sums": {term: [sum(rank[term][i] for rank in sums if term in rank) for i in range(2)] for term in terms},
            "constants": dict(train_log.constants),
            "metrics": {} if train_log.metrics is None else state_of(train_log.metrics),
        }
    if entry["due"] == "monitored schedules":  # and the epoch's row, which Lightning writes after them
        entry["epoch_row"] = epoch_row(trainer)
    if is_train_epoch_over(trainer) and has_batches_left(trainer) and batches_started(trainer)[0]:
        entry["num_batches_skipped"] = num_batches_left(trainer)
    elif not is_train_epoch_over(trainer):
        entry["num_accumulated"] = num_accumulated(trainer)
    rewind_loaders(trainer, checkpoint["loops"])
    checkpoint[KEY] = entry


def before_validation(entry: dict[str, Any], trainer: Trainer) -> dict[str, Any]:
    """Return what a validation changes, and what a run that resumes in it needs as it was before."""
    return {
        "random": _random_state(trainer),
        "val_batches_seen": entry.get("val_batches_seen") or val_batches_seen(trainer),
    }


def load(checkpoint: dict[str, Any], trainer: Trainer | None) -> dict[str, Any]:
    """Take what `save` has added, and set Lightning's loops to where the checkpoint was saved.

    From a checkpoint of an epoch's last batch, Lightning would leave out the validation and the end of that epoch.

    Raises:
        OptimizerError: A finder of Lightning would run.
    """
    entry: dict[str, Any] = dict(checkpoint.get(KEY, {}))
    if trainer is None or trainer.state.fn is not TrainerFn.FITTING:
        return entry
    if entry.get("has_begun"):  # a finder restores a checkpoint of its own, from before the first batch
        _check_finders(trainer)
    if (due := entry.get("due")) not in _INSIDE_A_BATCH and entry and is_ended_by_max_steps(checkpoint, trainer):
        batch = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]
        entry["is_validated"] = due is None and batch["completed"] == batch["processed"]
        entry["due"], due = None, "validation"
        if trainer.strategy.restore_checkpoint_after_setup:  # `on_fit_start` is over
            end_epoch_without_batches(trainer, is_validated=entry.pop("is_validated"))
    if due is not None:
        complete_batch(checkpoint["loops"], due)
    if entry:
        entry["loaders"] = take_loader_states(checkpoint["loops"])
    return entry


def _check_finders(trainer: Trainer) -> None:
    """Raise if a finder runs at the start of a resumed fit: what it does last resets Lightning to the first epoch."""
    fixes: dict[type[Callback], str] = {
        LearningRateFinder: "remove it: the checkpoint has the learning rate that was found",
        BatchSizeFinder: "remove it, and set the batch size that was found",
    }
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        for finder, fix in fixes.items():
            if isinstance(callback, finder) and type(callback).on_fit_start is finder.on_fit_start:
                raise OptimizerError(
                    f"{type(callback).__name__} cannot run in a resumed fit: training would begin again",
                    expected="a fit without `ckpt_path`, or without the finder",
                    fix=fix,
                )


def prepare_loaders(entry: dict[str, Any], trainer: Trainer) -> None:
    """Restore this rank's random states before Lightning starts its loaders, which draw numbers.

    If the epoch has no batches left, `resume_loaders` restores them after that: the loader starts again with the next
    epoch and must draw the same numbers.
    """
    if not entry:
        return
    if "is_validated" in entry:  # not before, as the optimizers' schedules may ask for `max_steps`
        end_epoch_without_batches(trainer, is_validated=entry.pop("is_validated"))
    entry["have_loaders_started"] = has_started_loaders(trainer)
    if entry.get("has_batches_left", True):
        _restore_random(entry["random"], trainer)
        entry["is_random_restored"] = True


def resume_loaders(entry: dict[str, Any], trainer: Trainer) -> None:
    """Restore the loaders' positions, and the random states that `prepare_loaders` did not restore; once."""
    if "random" not in entry:
        return
    random_states, is_restored = entry.pop("random"), entry.pop("is_random_restored", False)
    states, have_started = entry.pop("loaders", []), entry.pop("have_loaders_started", False)
    must_start = load_loader_states(trainer, states, have_started=have_started)
    entry["repeats_samples"] = not states or not can_train_loader_resume(trainer)
    if must_start and not entry.get("has_batches_left", True):
        start_loaders(trainer)
    if must_start or not is_restored:
        _restore_random(random_states, trainer)
    if must_start and entry.get("has_batches_left", True):
        start_loaders(trainer)


def _restore_random(ranks: list[dict[str, Any]], trainer: Trainer) -> None:
    if trainer.global_rank >= len(ranks):
        return  # more ranks than before
    state = ranks[trainer.global_rank]
    random.setstate(state["python"])
    numpy_state = state["numpy"]
    np.random.set_state(  # the global generator is what augmentations draw from
        {**numpy_state, "state": {**numpy_state["state"], "key": numpy_state["state"]["key"].numpy().astype(np.uint32)}}
    )
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"], trainer.strategy.root_device)
    if "mps" in state and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state["mps"])


def warn_of_differences(entry: dict[str, Any], trainer: Trainer) -> None:
    """Warn if the resumed run cannot equal an uninterrupted one; once for each reason.

    Lightning's finders restore a checkpoint from before the first batch: such a run is not a resumed one.
    """
    if not entry.pop("has_begun", True):
        return
    if num := entry.pop("num_accumulated", 0):
        rank_zero_warn(
            f"training resumes inside an accumulation: the gradients of {num} of {trainer.accumulate_grad_batches}"
            f" batches are lost, for a checkpoint does not have them; save after a multiple of"
            f" {trainer.accumulate_grad_batches} batches"
        )
    if "num_batches_skipped" in entry:
        num = entry.pop("num_batches_skipped")
        left = "batches" if num is None else f"{num} batch{'es' if num > 1 else ''}"
        rank_zero_warn(
            f"the run had ended inside an epoch, by `max_steps` or a callback; training resumes with the next epoch, so"
            f" {left} of that epoch are left out; set `max_steps` to a multiple of an epoch's steps, or save inside the"
            " epoch with ModelCheckpoint's `every_n_train_steps`"
        )
    if has_own_generator(trainer):
        rank_zero_warn(
            "the training loader has a generator whose state is in no checkpoint: the order of the samples begins"
            " again; `lighter.resumable.ResumableDataLoader` keeps it"
        )


def continue_training(entry: dict[str, Any], trainer: Trainer) -> None:
    """Restore the values known when the checkpoint was saved, and continue with what was due then; once."""
    set_callback_metrics(trainer, entry.pop("callback_metrics", {}))
    if "epoch_row" in entry:
        write_epoch_row(trainer, *entry.pop("epoch_row"))
    if (due := entry.pop("due", None)) is not None:
        continue_with(trainer, due)


def restore_val_batches_seen(entry: dict[str, Any], trainer: Trainer) -> None:
    """Continue the x axis of validation rows where it was, not at 0; once, in the first validation."""
    if trainer.state.fn is TrainerFn.FITTING and "val_batches_seen" in entry:
        set_val_batches_seen(trainer, entry.pop("val_batches_seen"))


def is_of_this_epoch(entry: dict[str, Any], trainer: Trainer) -> bool:
    """Return whether the entry has sums of the current epoch."""
    return "train" in entry and entry["train"]["epoch"] == trainer.current_epoch


def restore_epoch(entry: dict[str, Any], trainer: Trainer, log: EpochLog) -> None:
    """Restore the sums and metric states of an unfinished epoch; once.

    They are those of all ranks together, so only rank 0 restores them.
    """
    train = entry.pop("train")
    log.constants = train["constants"]
    is_owner = trainer.is_global_zero
    log.sums = {term: RunningSum(*(parts if is_owner else (0.0, 0))) for term, parts in train["sums"].items()}
    if log.metrics is not None:
        missing = load_state(log.metrics, train["metrics"]) if is_owner else []
        if missing:
            rank_zero_warn(
                f"the checkpoint has no state for {', '.join(missing)}: this epoch's values cover only the batches left"
            )


def warn_of_repeated_samples(entry: dict[str, Any]) -> None:
    """Warn if an epoch continues with a loader that starts from its beginning."""
    if entry.pop("repeats_samples", True):
        rank_zero_warn(
            "training resumes in the middle of an epoch, but the training loader starts from its beginning: samples"
            " repeat, and this epoch's values mix both parts. `lighter.resumable.ResumableDataLoader` resumes where it"
            " stopped."
        )


def _random_state(trainer: Trainer) -> dict[str, Any]:
    numpy_state: dict[str, Any] = np.random.get_state(legacy=False)
    key = torch.from_numpy(numpy_state["state"]["key"].astype(np.int64))
    state = {
        "python": random.getstate(),
        "numpy": {**numpy_state, "state": {**numpy_state["state"], "key": key}},
        "torch": torch.get_rng_state(),
    }
    device = trainer.strategy.root_device
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state
