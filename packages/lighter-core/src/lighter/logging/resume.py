"""Save and restore what a resumed epoch of a `LighterModule` needs to end with the values of an uninterrupted one."""

from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.utilities import rank_zero_warn

from lighter.lightning.metric_states import Extremes, load_state, plain, state_of
from lighter.lightning.ranks import gather
from lighter.lightning.state import is_train_epoch_over
from lighter.logging.epoch_log import EpochLog
from lighter.logging.running_sum import RunningSum


def epoch_values(trainer: Trainer, log: EpochLog | None) -> dict[str, Any]:
    """Return the sums and metric states of an unfinished training epoch, under `train`; under DDP a collective call."""
    if log is None or not log.is_open or is_train_epoch_over(trainer):
        return {}
    sums = gather(trainer, {term: (s.total(), s.count) for term, s in log.sums.items()})
    terms = dict.fromkeys(term for rank in sums for term in rank)
    return {
        "train": {
            "epoch": trainer.current_epoch,
            "sums": {term: [sum(rank[term][i] for rank in sums if term in rank) for i in range(2)] for term in terms},
            "constants": dict(log.constants),
            "metrics": {} if log.metrics is None else state_of(log.metrics),
        }
    }


def plain_extremes(extremes: dict[str, dict[int | None, Extremes]]) -> dict[str, Any]:
    """Return minima and maxima as tensors on the host."""
    return {
        mode: {
            loader: {path: {name: plain(value).cpu() for name, value in both.items()} for path, both in paths.items()}
            for loader, paths in loaders.items()
            if paths
        }
        for mode, loaders in extremes.items()
    }


def is_of_this_epoch(entry: dict[str, Any], trainer: Trainer) -> bool:
    """Return whether the entry of a checkpoint has sums of the current epoch."""
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
