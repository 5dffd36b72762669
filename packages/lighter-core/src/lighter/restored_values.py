"""What a config sets and a checkpoint restores: rates, schedules, the patience of a callback."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor

from lighter.callbacks.configured_values import ConfiguredValues
from lighter.optimizers.combined_optimizer import flat
from lighter.optimizers.configuration import flat_schedules
from lighter.real_signature import real_signature

_Values = dict[str, Any]

_BASE_RATES = {"base_lrs", "base_values"}  # of a schedule of torch, and of timm


@dataclass(frozen=True, slots=True)
class RestoredValue:
    """A value that a resumed run takes from its checkpoint, though the run was configured with another one.

    Attributes:
        owner: The class of the optimizer, scheduler or callback.
        name: The name of its argument.
        configured: The value that this run was configured with.
        restored: The value that the checkpoint's run was configured with.
        group: The name or the number of the parameter group if the optimizer has several; else None.
    """

    owner: str
    name: str
    configured: Any
    restored: Any
    group: str | int | None = None

    def __str__(self) -> str:
        name = self.name if self.group is None else f"{self.name} of group {self.group}"
        return f"{self.owner} has {name} {self.restored!r} of the checkpoint, not the configured {self.configured!r}"


def compare_with_checkpoint(
    trainer: Trainer, configured: dict[str, Any], configured_callbacks: list[_Values], saved: dict[str, Any]
) -> tuple[tuple[RestoredValue, ...], dict[str, Any]]:
    """Report what the checkpoint restored in place of configured values, or set it to the configured ones.

    Args:
        trainer: The trainer of the resumed fit; one of its callbacks may be `ConfiguredValues`.
        configured: What `configured_values` returned before the checkpoint was restored.
        configured_callbacks: What `configured_callbacks` returned then.
        saved: What the checkpoint's run was configured with; empty in a checkpoint of an earlier version.

    Returns:
        The values that the checkpoint restored, and the arguments that the run uses.
    """
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    if any(isinstance(callback, ConfiguredValues) for callback in callbacks):
        _apply(trainer, configured, saved or configured_values(trainer))
        _apply_to_callbacks(callbacks, configured_callbacks)
        return (), configured
    values = (
        *_restored_values(trainer, configured, saved),
        *_restored_callback_values(callbacks, configured_callbacks),
    )
    _report(trainer, values)
    return values, _effective_values(configured, saved)


def configured_values(trainer: Trainer) -> dict[str, Any]:
    """Return the arguments of optimizers and schedules as plain values; call it before a checkpoint is restored."""
    optimizers = [[_of_group(group) for group in optimizer.param_groups] for optimizer in flat(trainer.optimizers)]
    return {"optimizers": optimizers, "schedules": [_of_schedule(schedule) for schedule in _schedules(trainer)]}


def configured_callbacks(callbacks: Iterable[Callback]) -> list[_Values]:
    """Return the arguments of callbacks as plain values; call it before a checkpoint is restored."""
    return [_plain(callback, _argument_names(callback)) for callback in callbacks]


def _restored_values(trainer: Trainer, configured: Mapping[str, Any], saved: Mapping[str, Any]) -> list[RestoredValue]:
    """Compare what two runs were configured with; optimizers and schedules of another class are left out."""
    differences = []
    for optimizer, now, before in _pairs(flat(trainer.optimizers), configured, saved, "optimizers"):
        for number, (group, saved_group) in enumerate(zip(now, before, strict=False)):
            name = group.get("name", number) if len(now) > 1 else None
            differences += _differences(optimizer, group, saved_group, group=name)
    for schedule, now, before in _pairs(_schedules(trainer), configured, saved, "schedules"):
        differences += _differences(schedule, now, before)
    return differences


def _restored_callback_values(callbacks: Iterable[Callback], configured: Iterable[_Values]) -> list[RestoredValue]:
    """Compare callbacks with what they were configured with."""
    return [
        difference
        for callback, before in zip(callbacks, configured, strict=False)
        for difference in _differences(callback, before, _plain(callback, before))
    ]


def _report(trainer: Trainer, values: tuple[RestoredValue, ...]) -> None:
    """Give the values to callbacks that have a method ``on_restored_values(trainer, values)``; warn if none has.

    Such a callback warns itself. It can say where a value was configured, which is not known here.
    """
    hooks = [getattr(callback, "on_restored_values", None) for callback in trainer.callbacks]  # type: ignore[attr-defined]
    for hook in filter(None, hooks):
        hook(trainer, values)
    for value in () if any(hooks) else values:
        rank_zero_warn(
            f"{value}; `lighter.callbacks.ConfiguredValues` makes the configured values of optimizers, schedules and"
            " callbacks win"
        )


def _apply(trainer: Trainer, configured: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
    """Set what differs in optimizers and schedules to the configured value; the progress of schedules stays.

    The rate is that of the configured schedule at the restored step if the schedule is a function of the step, such as
    cosine annealing. Otherwise it changes by the ratio of the configured to the saved base rate.
    """
    for optimizer, now, before in _pairs(flat(trainer.optimizers), configured, saved, "optimizers"):
        for group, values, saved_values in zip(optimizer.param_groups, now, before, strict=False):
            base = "initial_lr" if "initial_lr" in values else "lr"
            if values.get(base) != saved_values.get(base) and base in values:  # some optimizers take None as their rate
                group["lr"] = values[base] * (group["lr"] / saved_values[base] if saved_values.get(base) else 1)
            _set_all(group, {name: value for name, value in values.items() if name != "lr"}, saved_values)
    for schedule, now, before in _pairs(_schedules(trainer), configured, saved, "schedules"):
        _set_all(vars(schedule), now, before)
        if now != before and hasattr(schedule, "_get_closed_form_lr"):
            for group, rate in zip(schedule.optimizer.param_groups, schedule._get_closed_form_lr(), strict=True):  # noqa: SLF001  # torch's own way from a step to a rate
                group["lr"] = rate


def _apply_to_callbacks(callbacks: Iterable[Callback], configured: Iterable[_Values]) -> None:
    """Set callbacks to the configured values."""
    for callback, values in zip(callbacks, configured, strict=False):
        _set_all(vars(callback), values, _plain(callback, values))


def _effective_values(configured: Mapping[str, Any], saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a resumed run uses: the saved value of each argument that was saved."""
    no_groups: list[_Values] = []
    no_values: _Values = {}
    optimizers = [
        [{**now, **before} for now, before in zip_longest(groups, saved_groups, fillvalue=no_values)]
        for groups, saved_groups in zip_longest(
            configured["optimizers"], saved.get("optimizers", ()), fillvalue=no_groups
        )
    ]
    schedules = zip_longest(configured["schedules"], saved.get("schedules", ()), fillvalue=no_values)
    return {"optimizers": optimizers, "schedules": [{**now, **before} for now, before in schedules]}


def _set_all(attributes: dict[str, Any], now: _Values, before: _Values) -> None:
    for name, value in now.items():
        if before.get(name) != value and name in attributes:
            kind = type(attributes[name])
            attributes[name] = kind(value) if isinstance(value, list | dict) else value


def _pairs(objects: Iterable[Any], configured: Mapping[str, Any], saved: Mapping[str, Any], kind: str) -> Iterator[Any]:
    return zip(objects, configured.get(kind, ()), saved.get(kind, ()), strict=False)


def _differences(
    owner: object, now: _Values, before: _Values, *, group: str | int | None = None
) -> list[RestoredValue]:
    if not _BASE_RATES.isdisjoint(now):  # the optimizer's group shows its base rate
        now = {name: value for name, value in now.items() if name not in _BASE_RATES}
    return [
        RestoredValue(type(owner).__name__, name.replace("initial_lr", "lr"), value, before[name], group)
        for name, value in now.items()
        if name in before and not name.startswith("_") and before[name] != value
    ]


def _schedules(trainer: Trainer) -> list[Any]:
    return [schedule for config in trainer.lr_scheduler_configs for schedule in flat_schedules(config.scheduler)]


def _of_group(group: Mapping[str, Any]) -> _Values:
    set_by_schedule = {"lr"} if "initial_lr" in group else set()
    if "base_momentum" in group:  # a cycle sets these, too
        set_by_schedule |= {"momentum", "betas"}
    names = [name for name in group if name != "params" and name not in set_by_schedule]
    return {name: value for name in names if (value := _as_plain(group[name])) is not None}


def _of_schedule(schedule: Any) -> _Values:
    names = [*_argument_names(schedule), *sorted(_BASE_RATES), "_schedule_phases", "_milestones"]
    return _plain(schedule, names)


def _argument_names(value: object) -> list[str]:
    return [name for name in real_signature(type(value)).parameters if name != "last_epoch"]


def _plain(value: object, names: Iterable[str]) -> _Values:
    return {name: plain for name in names if (plain := _as_plain(getattr(value, name, None))) is not None}


def _as_plain(value: Any) -> Any:
    """Return a value as numbers, text, lists and mappings; None if it is something else."""
    if isinstance(value, Tensor):
        return value.item() if value.numel() == 1 else None
    if isinstance(value, Mapping):
        items = {key: _as_plain(item) for key, item in value.items() if isinstance(key, str | int)}
        return items if len(items) == len(value) and None not in items.values() else None
    if isinstance(value, list | tuple):
        plain = [_as_plain(item) for item in value]
        return None if None in plain else plain
    return value if isinstance(value, bool | int | float | str) else None
