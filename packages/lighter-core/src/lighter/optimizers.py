"""Turn an optimizer and a scheduler into what Lightning's ``configure_optimizers`` returns."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from lighter.errors import MonitorError, OptimizerError, nearest_names
from lighter.lightning.state import num_val_dataloaders

Scheduler = LRScheduler | ReduceLROnPlateau

SCHEDULER_KEYS = ("scheduler", "interval", "frequency", "monitor", "strict", "name", "reduce_on_plateau")

_STEP_VALUE = re.compile(r"(train|val|test)/(loss|metrics)(/.+)?/step(/dataloader_idx_\d+)?")


class _DefaultMonitor(str):
    """A monitor that the user did not choose; it follows the first of several loaders."""

    __slots__ = ()


def check(optimizer: object, scheduler: object) -> None:
    """Check what is known at construction.

    Raises:
        OptimizerError: One of them has another type, or they do not belong together.
    """
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        several = isinstance(optimizer, list | tuple | Mapping)
        raise OptimizerError(
            f"`optimizer` must be a torch optimizer, got {_described(optimizer)}",
            expected="one torch.optim.Optimizer",
            fix="for several optimizers override `configure_optimizers` and set `self.automatic_optimization = False`"
            if several
            else "make it with the parameters: `SGD(network.parameters(), lr=0.1)`",
        )
    if scheduler is None:
        return
    settings = _as_mapping(scheduler)
    for key in settings:
        if key not in SCHEDULER_KEYS:
            raise OptimizerError(
                f"unknown key {key!r} in `scheduler`",
                expected=", ".join(SCHEDULER_KEYS),
                nearest=nearest_names(str(key), SCHEDULER_KEYS),
            )
    bare = settings.get("scheduler")
    if not isinstance(bare, LRScheduler):
        raise OptimizerError(
            f"`scheduler` must be a torch scheduler, got {_described(bare)}",
            expected="a torch.optim.lr_scheduler.LRScheduler",
        )
    if optimizer is None:
        raise OptimizerError(
            "`scheduler` needs `optimizer`, which is missing",
            expected="the optimizer that the scheduler was made with",
        )
    if bare.optimizer is not optimizer:
        raise OptimizerError(
            f"`optimizer` is not the one that the {type(bare).__name__} was made with",
            expected="one optimizer object, given to both",
            fix="in a config refer to it: `optimizer: '@...::optimizer'`",
        )
    if settings.get("interval", "epoch") not in ("epoch", "step"):
        raise OptimizerError(f"invalid `interval` {settings['interval']!r}", expected="'epoch' or 'step'")
    needs_monitor = isinstance(bare, ReduceLROnPlateau) and settings.get("monitor") is None
    if needs_monitor and settings.get("interval") == "step":
        raise OptimizerError(
            "ReduceLROnPlateau needs `monitor` for `interval: step`, which is missing",
            expected="the name of a value that you log in each step",
            fix="add `monitor`, or use `interval: epoch`, which monitors the loss",
        )
    if needs_monitor and getattr(bare, "mode", None) == "max":
        raise OptimizerError(
            "ReduceLROnPlateau with mode 'max' needs `monitor`, which is missing",
            expected="the name of a value that grows as the network improves; without `monitor` it follows the loss",
            fix="add `monitor`, or use mode 'min'",
        )


def configure(
    optimizer: Optimizer | None, scheduler: Scheduler | Mapping[str, Any] | None, module: LightningModule
) -> OptimizerLRScheduler:
    """Return optimizer and scheduler as Lightning expects them, with a monitor for ReduceLROnPlateau.

    Raises:
        OptimizerError: The optimizer is missing.
    """
    if optimizer is None:
        raise OptimizerError(
            f"fit needs the {type(module).__name__}'s `optimizer`, which is missing",
            expected="one torch.optim.Optimizer, or your own `configure_optimizers`",
            fix="give `optimizer=SGD(network.parameters(), lr=0.1)`",
        )
    if scheduler is None:
        return optimizer
    settings = _as_mapping(scheduler)
    if not module.automatic_optimization:  # the user steps the scheduler
        settings = {key: value for key, value in settings.items() if key not in ("monitor", "strict")}
    elif isinstance(settings["scheduler"], ReduceLROnPlateau):
        settings = _with_monitor(settings, module.trainer)
    return {"optimizer": optimizer, "lr_scheduler": settings}  # type: ignore[return-value]


def follow_first_val_loader(trainer: Trainer) -> None:
    """Set default monitors to the first of several validation loaders, which are known once validation has begun."""
    if trainer.state.fn is not TrainerFn.FITTING or num_val_dataloaders(trainer) == 1:
        return
    for config in trainer.lr_scheduler_configs:
        if isinstance(config.monitor, _DefaultMonitor) and config.monitor.startswith("val/"):
            config.monitor = f"{config.monitor}/dataloader_idx_0"


def check_monitors(trainer: Trainer, scheduler: object) -> None:
    """Raise if a callback or the scheduler monitors a step value: callbacks never see these.

    Raises:
        MonitorError: A callback or the scheduler monitors one.
    """
    monitors = [(type(callback).__name__, getattr(callback, "monitor", None)) for callback in trainer.callbacks]  # type: ignore[attr-defined]
    if isinstance(scheduler, Mapping):
        monitors.append(("the scheduler", scheduler.get("monitor")))
    for owner, monitor in monitors:
        if isinstance(monitor, str) and (match := _STEP_VALUE.fullmatch(monitor)):
            suffix = match.group(4) or ""
            epoch_value = f"{monitor.removesuffix(suffix).removesuffix('/step')}/epoch{suffix}"
            raise MonitorError(
                f"{owner} monitors {monitor!r}, but callbacks see no values of single steps",
                expected="a value of the epoch",
                nearest=[epoch_value],
                fix=f"monitor {epoch_value!r}",
            )


def learning_rate(optimizer: Optimizer | None) -> float:
    """Return the rate of the only parameter group."""
    return float(_only_group(optimizer)["lr"])


def set_learning_rate(optimizer: Optimizer | None, scheduler: object, rate: float) -> float:
    """Set the base rate of the only parameter group and of its schedules.

    Returns:
        The group's current rate: ``rate``, or ``rate`` scaled by a schedule such as a warm-up.
    """
    group = _only_group(optimizer)
    schedules = list(flat_schedules(_as_mapping(scheduler)["scheduler"])) if scheduler is not None else []
    for schedule in schedules:
        if isinstance(schedule, OneCycleLR | CyclicLR):
            raise OptimizerError(
                f"the learning rate cannot be set: {type(schedule).__name__} sets its own rates",
                expected="a schedule that starts from the optimizer's rate",
                fix="remove the scheduler while you search for a rate, then give it that rate",
            )
    base = float(group.get("initial_lr", group["lr"]))
    group["lr"] = rate * float(group["lr"]) / base if base else rate
    if "initial_lr" in group:
        group["initial_lr"] = rate
    for schedule in schedules:
        if hasattr(schedule, "base_lrs"):
            schedule.base_lrs = [rate]
    return float(group["lr"])


def flat_schedules(schedule: object) -> Iterable[object]:
    """Yield a schedule and those inside it."""
    yield schedule
    for inner in getattr(schedule, "_schedulers", ()):  # SequentialLR, ChainedScheduler
        yield from flat_schedules(inner)


def _with_monitor(settings: dict[str, Any], trainer: Trainer) -> dict[str, Any]:
    """Complete the settings of a plateau schedule, so that there is a value when it looks for one."""
    monitor = settings.get("monitor")
    if monitor is None:
        monitor = _DefaultMonitor("val/loss/epoch" if trainer.enable_validation else "train/loss/epoch")
    settings = {**settings, "monitor": monitor}
    if not monitor.startswith("val/") or not trainer.enable_validation or settings.get("interval") == "step":
        return settings
    every_n = trainer.check_val_every_n_epoch
    if every_n is None:  # validation runs every n batches; an epoch may end without one
        return {"strict": False, **settings}
    return {**settings, "frequency": max(every_n, settings.get("frequency", 1))}


def _as_mapping(scheduler: object) -> dict[str, Any]:
    return dict(scheduler) if isinstance(scheduler, Mapping) else {"scheduler": scheduler}


def _only_group(optimizer: Optimizer | None) -> dict[str, Any]:
    if optimizer is None or len(optimizer.param_groups) != 1:
        given = "is missing" if optimizer is None else f"has {len(optimizer.param_groups)} parameter groups"
        raise OptimizerError(
            f"`learning_rate` is unknown: the optimizer {given}",
            expected="an optimizer with one parameter group",
            fix="give the module an optimizer, or set `self.learning_rate` and write `configure_optimizers`"
            if optimizer is None
            else "give the rates other names, such as `self.head_lr`: `learning_rate` is that of a single group",
        )
    return optimizer.param_groups[0]


def _described(value: object) -> str:
    return f"the class {value.__name__}, not an object" if isinstance(value, type) else f"a {type(value).__name__}"
