"""Save and restore what a resumed epoch needs to end with the values of an uninterrupted one."""

import random
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_warn

from lighter.lightning.metric_states import Extremes, load_state, plain, state_of
from lighter.lightning.restart import (
    complete_batch,
    continue_with,
    epoch_row,
    rewind_loaders,
    set_callback_metrics,
    set_val_batches_seen,
    val_batches_seen,
    what_is_due,
    write_epoch_row,
)
from lighter.lightning.state import can_train_loader_resume, has_batches_left, is_train_epoch_over
from lighter.logging.epoch_log import EpochLog, gather
from lighter.logging.running_sum import RunningSum

KEY = "lighter"


def save(
    checkpoint: dict[str, Any],
    trainer: Trainer,
    train_log: EpochLog | None,
    extremes: dict[str, dict[int | None, Extremes]],
    not_yet_restored: dict[str, Any],
) -> None:
    """Add random states, and the sums and metric states of an unfinished training epoch; under DDP a collective call.

    The entry has only tensors and plain types, which ``torch.load(weights_only=True)`` accepts. What was loaded from an
    earlier checkpoint and not restored yet is saved again.
    """
    if "optimizer_states" not in checkpoint or trainer.state.fn is not TrainerFn.FITTING:
        return  # weights only: no run resumes from them
    entry: dict[str, Any] = {
        "random": gather(trainer, _random_state(trainer)),
        "has_batches_left": is_train_epoch_over(trainer) or has_batches_left(trainer),
        "due": what_is_due(trainer),
        "callback_metrics": {name: plain(value).cpu() for name, value in trainer.callback_metrics.items()},
        "val_batches_seen": not_yet_restored.get("val_batches_seen") or val_batches_seen(trainer),
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
    rewind_loaders(trainer, checkpoint["loops"])
    checkpoint[KEY] = entry


def load(checkpoint: dict[str, Any], trainer: Trainer | None) -> dict[str, Any]:
    """Take what `save` has added, and set Lightning's loops to where the checkpoint was saved.

    From a checkpoint of an epoch's last batch, Lightning would leave out the validation and the end of that epoch.
    """
    entry: dict[str, Any] = dict(checkpoint.get(KEY, {}))
    due = entry.get("due")
    if due is not None and trainer is not None and trainer.state.fn is TrainerFn.FITTING:
        complete_batch(checkpoint["loops"], due)
    return entry


def continue_training(entry: dict[str, Any], trainer: Trainer) -> None:
    """Restore the values known when the checkpoint was saved, and continue with what was due then; once."""
    set_callback_metrics(trainer, entry.pop("callback_metrics", {}))
    if "epoch_row" in entry:
        write_epoch_row(trainer, *entry.pop("epoch_row"))
    if (due := entry.pop("due", None)) is not None:
        continue_with(trainer, due)


def restore_random(entry: dict[str, Any], trainer: Trainer, *, loaders_have_started: bool) -> None:
    """Restore this rank's random states; once.

    They are restored before Lightning starts its loaders, which draw numbers. If the epoch has no batches left, they
    are restored after that, as the loader starts again with the next epoch and must draw the same numbers.
    """
    if not loaders_have_started and not entry.get("has_batches_left", True):
        return
    ranks = entry.pop("random", [])
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


def warn_of_repeated_samples(trainer: Trainer) -> None:
    """Warn if an epoch continues with a loader that starts from its beginning."""
    if not can_train_loader_resume(trainer):
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
