"""Sentences about a fit that a reader would otherwise work out from its curves; each follows from a plain rule."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lighter_cli.code import CODE_FILE, PATCH_FILE
from lighter_cli.reports.figures import number_text
from lighter_cli.reports.metric_names import metric_of
from lighter_cli.runs.epochs import Epoch
from lighter_cli.runs.run import Run
from lighter_cli.runs.shown_facts import shares_of
from lighter_cli.terminal.shown import duration_text

_MIN_RISE = 0.05  # of the validation loss over its smallest value, from which a fit overfits
_MIN_EPOCHS_AFTER = 3
_MIN_WAIT = 0.3
_SHOWN_SHARES = 3
_SHOWN_COMMIT = 12


def ending(run: Run, epochs: Sequence[Epoch]) -> str:
    """Return how far a run came and why it ended."""
    record = run.record
    count = f" after {len(epochs)} epoch{'s' * (len(epochs) != 1)}" if epochs else ""
    took = f" in {duration_text(run.took_s)}" if run.took_s is not None else ""
    if run.status == "finished":
        by = record.get("ended_by")
        return f"The {run.stage} finished{count}{took}" + (f"; it ended by {by}." if by else ".")
    if run.status == "failed":
        error = (record["error"] or "unknown error").strip().partition("\n")[0]
        return f"The {run.stage} failed{count}{took}: {error}"
    if run.status == "running":
        return f"The {run.stage} is still running{count}; this page shows it as it was."
    if run.status == "lost":
        return f"The process of the {run.stage} ended{count} without a word: it was killed, or its machine stopped."
    signal = (record.get("ended") or {}).get("signal", "")
    return f"The {run.stage} was interrupted{f' by {signal}' if signal else ''}{count}{took}."


def told_fit(run: Run, epochs: Sequence[Epoch]) -> list[str]:
    """Return what the curves and the times of a fit say, as far as it is recorded; nothing for other stages."""
    said = [best_value(run, epochs), overfitting(epochs), time_spent(run.record.get("time_spent"))]
    return [sentence for sentence in said if sentence]


def best_value(run: Run, epochs: Sequence[Epoch]) -> str:
    """Return the best value of the monitored metric, its epoch, and the last value; empty without a monitor."""
    best = best_epoch(run, epochs)
    if best is None or run.monitor is None:
        return ""
    name, mode = run.monitor
    logged = [epoch for epoch in epochs if name in epoch.metrics]
    last = logged[-1]
    text = f"Best {name}: {number_text(best.metrics[name])}, the {mode}imum, in epoch {best.epoch}"
    if last is best:
        return f"{text}, the last one."
    return f"{text}; at the end, in epoch {last.epoch}, it was {number_text(last.metrics[name])}."


def best_epoch(run: Run, epochs: Sequence[Epoch]) -> Epoch | None:
    """Return the epoch with the best finite value of the monitored metric; ``None`` if there is none."""
    if run.monitor is None or run.monitor[1] not in ("min", "max"):
        return None
    name, mode = run.monitor
    finite = [epoch for epoch in epochs if math.isfinite(epoch.metrics.get(name, math.nan))]
    sign = 1 if mode == "min" else -1
    return min(finite, key=lambda epoch: sign * epoch.metrics[name], default=None)


class _Turn(NamedTuple):
    """Where a validation loss was smallest.

    Attributes:
        train: The name of the training loss.
        val: The name of the validation loss.
        least: The epoch with the smallest validation loss.
        last: The last epoch with both losses.
        is_overfit: Whether the fit overfits.
    """

    train: str
    val: str
    least: Epoch
    last: Epoch
    is_overfit: bool


def overfit_after(epochs: Sequence[Epoch]) -> int | None:
    """Return the epoch after which a fit overfits, by the rule of ``overfitting``; ``None`` if it does not."""
    turn = _turn(epochs)
    return turn.least.epoch if turn is not None and turn.is_overfit else None


def overfitting(epochs: Sequence[Epoch]) -> str:
    """Return whether the validation loss rose while the training loss fell; empty without both losses.

    A fit overfits if, three epochs or more after its smallest value, the validation loss ends at least 5 % above it
    while the training loss went on to fall.
    """
    turn = _turn(epochs)
    if turn is None:
        return ""
    train, val, least, last, is_overfit = turn
    if least is last:
        return f"{val} was smallest in the last epoch, {last.epoch}: more epochs may still help."
    if is_overfit:
        return (
            f"It overfits after epoch {least.epoch}: {val} rose from {number_text(least.metrics[val])} to "
            f"{number_text(last.metrics[val])}, while {train} fell from {number_text(least.metrics[train])} to "
            f"{number_text(last.metrics[train])}."
        )
    return (
        f"No clear overfitting: {val} was smallest in epoch {least.epoch} with {number_text(least.metrics[val])}, and "
        f"ended at {number_text(last.metrics[val])}."
    )


def _turn(epochs: Sequence[Epoch]) -> _Turn | None:
    """Return where the validation loss of a fit was smallest; ``None`` without two epochs of both losses."""
    found = _losses(epochs)
    if found is None:
        return None
    train, val = found
    both = [epoch for epoch in epochs if all(math.isfinite(epoch.metrics.get(name, math.nan)) for name in (train, val))]
    if len(both) < 2:
        return None
    least, last = min(both, key=lambda epoch: epoch.metrics[val]), both[-1]
    after = len(both) - both.index(least) - 1
    fell = last.metrics[train] < least.metrics[train]
    rise = last.metrics[val] - least.metrics[val]
    is_overfit = after >= _MIN_EPOCHS_AFTER and fell and rise >= _MIN_RISE * abs(least.metrics[val])
    return _Turn(train, val, least, last, is_overfit)


def _losses(epochs: Sequence[Epoch]) -> tuple[str, str] | None:
    """Return the names of a training and a validation loss with one stem."""
    names = dict.fromkeys(name for epoch in epochs[-1:] for name in epoch.metrics if "loss" in name.lower())
    metrics = [metric_of(name) for name in names if not name.endswith(("/step", "_step"))]
    for val in (metric for metric in metrics if metric.mode == "val"):
        for train in (metric for metric in metrics if metric.mode == "train" and metric.stem == val.stem):
            return train.name, val.name
    return None


def time_spent(spent: Mapping[str, Any] | None) -> str:
    """Return where most of the time of a fit went; empty if it is not recorded."""
    if not spent or not spent.get("total_s", 0) > 0:
        return ""
    found = shares_of(spent)
    shares = [(name, share) for name, share in found if share >= 0.01][:_SHOWN_SHARES]
    text = f"Its time went to {', '.join(f'{part_name(name)} ({share:.0%})' for name, share in shares)}."
    if waits_for_data(found):
        return f"{text} The training waited for data: more workers of the loader may help."
    return text


def waits_for_data(shares: Sequence[tuple[str, float]]) -> bool:
    """Return whether a fit spent much of its time waiting for data."""
    return dict(shares).get("data", 0.0) > _MIN_WAIT


def part_name(name: str) -> str:
    """Return what a part of the time of a fit is called in a sentence."""
    return _PARTS.get(name, name)


_PARTS = {"data": "waiting for data", "rest": "the time before and after the epochs"}


def code_state(run: Run) -> str:
    """Return which code a run used."""
    git = run.record["git"]
    hashes = " The record has the hashes of its files." if (run.folder / CODE_FILE).is_file() else ""
    if git is None:
        return f"Its code is not in a git repository.{hashes}"
    patch = ", which the record has as a patch" if (run.folder / PATCH_FILE).is_file() else ""
    changed = f", with uncommitted changes{patch}" if git["dirty"] else ""
    return f"Its code is commit {git['commit'][:_SHOWN_COMMIT]}{changed}."


def code_name(run: Run) -> str:
    """Return a short name of the code of a run: its commit, and whether it was edited; empty outside a repository."""
    git = run.record["git"]
    return "" if git is None else f"{git['commit'][:_SHOWN_COMMIT]}{' (edited)' * bool(git['dirty'])}"
