"""Monitors that are looked at when their value does not exist yet, or is that of an earlier time."""

from collections.abc import Iterator
from typing import Any

from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.sections import TRAINER
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path

_EVERY_N = "check_val_every_n_epoch"
_FLAGS = {"EarlyStopping": "check_on_train_epoch_end", "ModelCheckpoint": "save_on_train_epoch_end"}


def has_no_validation(context: CheckContext) -> bool:
    """Return whether the trainer certainly leaves out validation."""
    limit = context.value((TRAINER, "limit_val_batches"))
    return type(limit) in (int, float) and limit == 0


def wrong_time(context: CheckContext, path: Segments, name: str, owner: Component) -> Iterator[Finding]:
    """Report a monitor whose value is missing, or an old one, when a callback or a schedule looks at it.

    Args:
        context: The config.
        path: Of the monitor.
        name: Its value, which the model logs once per epoch.
        owner: Of class ModelCheckpoint, EarlyStopping or ReduceLROnPlateau.
    """
    loop = name.partition("/")[0]
    if loop not in ("train", "val") or owner.positional != ():
        return
    every_n, max_epochs = context.value((TRAINER, _EVERY_N), 1), context.value((TRAINER, "max_epochs"))
    if loop == "val" and _is_int(every_n) and _is_int(max_epochs) and 0 <= max_epochs < every_n:
        yield context.finding(
            path,
            f"{format_path(path)} is {name!r}, but training ends before the first validation",
            severity=Severity.WARNING,
            fix=f"write {TRAINER}::{_EVERY_N}={max(max_epochs, 1)}, or train at least {every_n} epochs",
        )
    elif owner.short_name == "ReduceLROnPlateau":
        yield from _of_schedule(context, path, name, loop)
    elif owner.keywords.get("every_n_train_steps") or owner.keywords.get("train_time_interval"):
        yield from _between_values(context, name, loop, owner)
    else:
        yield from _of_callback(context, path, name, loop, owner)


def _of_callback(context: CheckContext, path: Segments, name: str, loop: str, owner: Component) -> Iterator[Finding]:
    """By default Lightning's callbacks look at epoch ends if validation runs once in each epoch, else after it."""
    every_n = context.value((TRAINER, _EVERY_N), 1)
    interval = context.value((TRAINER, "val_check_interval"), 1.0)
    flag = _FLAGS[owner.short_name]
    given = owner.keywords.get(flag)
    if not (given is None or isinstance(given, bool)) or not isinstance(interval, int | float):
        return
    if not (every_n is None or _is_int(every_n)):
        return
    is_at_epoch_end = (every_n == 1 and interval == 1.0) if given is None else given
    where = format_path(owner.path)
    if is_at_epoch_end and loop == "val" and every_n != 1:
        fails = owner.short_name == "EarlyStopping" and owner.keywords.get("strict") in (None, True) and every_n
        rest = "which the first epoch lacks" if fails else "which may be that of an earlier epoch"
        yield context.finding(
            (*owner.path, flag),
            f"{where} looks at each epoch's end for {name!r}, {rest}",
            severity=Severity.ERROR if fails else Severity.WARNING,
            fix=f"remove {flag}: it looks after each validation then",
        )
    elif not is_at_epoch_end and loop == "train":
        is_inside = isinstance(interval, float) and interval < 1
        fails = (is_inside or every_n == 1) and owner.keywords.get("strict") in (None, True)
        fails = fails and not (_is_int(interval) and given is None)  # it may be longer than an epoch
        rest = "before the first epoch has one" if fails else "when it is that of the epoch before"
        yield context.finding(
            (*owner.path, flag) if given is not None else path,
            f"{where} looks for {name!r} after validation, {rest}",
            severity=Severity.ERROR if fails else Severity.WARNING,
            fix=f"write {flag}: true",
        )


def _between_values(context: CheckContext, name: str, loop: str, owner: Component) -> Iterator[Finding]:
    """Lightning leaves out what is due before the first value, and ranks the rest by the last value."""
    key = "every_n_train_steps" if owner.keywords.get("every_n_train_steps") else "train_time_interval"
    yield context.finding(
        (*owner.path, key),
        f"{format_path(owner.path)} saves before there is a new {name!r}",
        severity=Severity.WARNING,
        fix=f"remove {key}; "
        + (f"{TRAINER}::val_check_interval says how often it saves" if loop == "val" else "it saves once per epoch"),
    )


def _of_schedule(context: CheckContext, path: Segments, name: str, loop: str) -> Iterator[Finding]:
    """With ``interval: epoch`` Lighter waits for values; a step cannot."""
    settings = context.value(path[:-1])
    frequency, strict = settings.get("frequency", 1), settings.get("strict", True)
    if settings.get("interval") != "step" or strict is not True or not _is_int(frequency):
        return
    interval = context.value((TRAINER, "val_check_interval"), 1.0)
    is_missing = loop == "train" or (_is_int(interval) and frequency < interval)
    if not is_missing and _is_int(interval):
        return
    steps = "each step" if frequency == 1 else f"step {frequency}"
    yield context.finding(
        (*path[:-1], "interval"),
        f"{format_path(path[:-1])} looks for {name!r} in {steps}, before there is one",
        severity=Severity.ERROR if is_missing else Severity.WARNING,
        fix="write interval: epoch",
    )


def _is_int(value: Any) -> bool:
    return type(value) is int
