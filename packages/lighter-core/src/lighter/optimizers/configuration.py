"""Turn an optimizer and a scheduler into what Lightning's ``configure_optimizers`` returns."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from lighter.errors import MonitorError, OptimizerError, nearest_names
from lighter.lightning.state import num_val_dataloaders
from lighter.optimizers.combined_optimizer import flat
from lighter.optimizers.group_coverage import check_options

Scheduler = LRScheduler | ReduceLROnPlateau

SCHEDULER_KEYS = ("scheduler", "interval", "frequency", "monitor", "strict", "name", "reduce_on_plateau")

_STEP_VALUE = re.compile(r"(train|val|test)/(loss|metrics)(/.+)?/step(/dataloader_idx_\d+)?")


class _DefaultMonitor(str):
    """A monitor that the user did not choose; it follows the first of several loaders."""

    __slots__ = ()


@runtime_checkable
class TimmScheduler(Protocol):
    """A scheduler of timm, which is told how many epochs or optimizer steps there were.

    Attributes:
        t_in_epochs: Whether it counts epochs, not optimizer steps.
        base_values: The base rate of each group.
        optimizer: Its optimizer.
    """

    t_in_epochs: bool
    base_values: list[float]
    optimizer: Optimizer

    def step(self, epoch: int, metric: Any | None = None) -> None:
        """Set the rates after a number of epochs."""

    def step_update(self, num_updates: int, metric: Any | None = None) -> None:
        """Set the rates after a number of optimizer steps."""


def check(optimizer: object, scheduler: object, *, is_stepped_by_user: bool = False) -> None:
    """Check what is known at construction.

    Args:
        optimizer: The optimizer.
        scheduler: The scheduler, or Lightning's mapping.
        is_stepped_by_user: Whether the user has overridden ``lr_scheduler_step``, for schedulers of another form.

    Raises:
        OptimizerError: One of them has another type, or they do not belong together.
    """
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        several = isinstance(optimizer, list | tuple | Mapping)
        raise OptimizerError(
            f"`optimizer` must be a torch optimizer, got {_described(optimizer)}",
            expected="one torch.optim.Optimizer",
            fix="for one loss combine several in a lighter.optimizers.CombinedOptimizer; for several losses write a"
            " LighterModule with manual optimization, as in examples/gan"
            if several
            else "make it with the parameters: `SGD(network.parameters(), lr=0.1)`",
        )
    if optimizer is not None:
        for one in flat([optimizer]):
            check_options(one)
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
    if not isinstance(bare, LRScheduler | TimmScheduler) and not (is_stepped_by_user and bare is not None):
        raise _unknown_scheduler(bare)
    if isinstance(bare, TimmScheduler):
        _check_timm(bare, settings)
    if optimizer is None:
        raise OptimizerError(
            "`scheduler` needs `optimizer`, which is missing",
            expected="the optimizer that the scheduler was made with",
        )
    if getattr(bare, "optimizer", optimizer) is not optimizer:
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
    if isinstance(settings["scheduler"], TimmScheduler):
        settings.setdefault("interval", _interval_of(settings["scheduler"]))
    if not module.automatic_optimization:  # the user steps the scheduler
        settings = {key: value for key, value in settings.items() if key not in ("monitor", "strict")}
    elif isinstance(settings["scheduler"], ReduceLROnPlateau):
        settings = _with_monitor(settings, module.trainer)
    return {"optimizer": optimizer, "lr_scheduler": settings}  # type: ignore[return-value]


def check_clipping(trainer: Trainer) -> None:
    """Refuse to clip gradients of optimizers that take turns: the norm would be that of all, not of the one that steps.

    Raises:
        OptimizerError: The trainer clips, and a CombinedOptimizer alternates.
    """
    if trainer.gradient_clip_val and any(getattr(optimizer, "alternate", None) for optimizer in trainer.optimizers):
        raise OptimizerError(
            "gradients cannot be clipped while optimizers alternate: all of them would count",
            where="lighter.optimizers.CombinedOptimizer",
            fix="leave out gradient_clip_val or alternate; or write a LighterModule with manual optimization, as in"
            " examples/gan",
        )


def check_schedulers(trainer: Trainer) -> None:
    """Check the schedulers of a ``configure_optimizers`` that the user wrote.

    Raises:
        OptimizerError: One of them has a form that `step_scheduler` cannot step.
    """
    for config in trainer.lr_scheduler_configs if trainer.lightning_module.automatic_optimization else ():
        if not isinstance(config.scheduler, LRScheduler | TimmScheduler):
            raise _unknown_scheduler(config.scheduler)


def step_scheduler(scheduler: Scheduler | TimmScheduler, metric: Any | None, trainer: Trainer) -> None:
    """Step a scheduler, at the end of an epoch or after an optimizer step."""
    if isinstance(scheduler, LRScheduler):
        scheduler.step() if metric is None else scheduler.step(metric)
    elif scheduler.t_in_epochs:
        scheduler.step(trainer.current_epoch + 1, metric)
    else:
        scheduler.step_update(trainer.global_step, metric)


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
        if isinstance(schedule, TimmScheduler):
            schedule.base_values = [rate]
        elif hasattr(schedule, "base_lrs"):
            schedule.base_lrs = [rate]
    return float(group["lr"])


def flat_schedules(schedule: object) -> Iterable[object]:
    """Yield a schedule and those inside it."""
    yield schedule
    for inner in getattr(schedule, "_schedulers", ()):  # SequentialLR, ChainedScheduler
        yield from flat_schedules(inner)


def _check_timm(scheduler: TimmScheduler, settings: Mapping[str, Any]) -> None:
    if hasattr(scheduler, "lr_scheduler"):  # its PlateauLRScheduler, which saves too little to resume
        raise OptimizerError(
            f"{type(scheduler).__name__} of timm has a state that cannot be resumed",
            expected="torch.optim.lr_scheduler.ReduceLROnPlateau, which has the same arguments",
        )
    interval = _interval_of(scheduler)
    if settings.get("interval", interval) != interval:
        raise OptimizerError(
            f"`interval` must be {interval!r} for this {type(scheduler).__name__}, got {settings['interval']!r}",
            expected=f"the unit of its arguments: t_in_epochs is {scheduler.t_in_epochs}",
            fix="leave out `interval`, or change t_in_epochs",
        )


def _interval_of(scheduler: TimmScheduler) -> str:
    return "epoch" if scheduler.t_in_epochs else "step"


def _unknown_scheduler(scheduler: object) -> OptimizerError:
    is_object = scheduler is not None and not isinstance(scheduler, type)
    return OptimizerError(
        f"`scheduler` must be a torch scheduler, got {_described(scheduler)}",
        expected="a torch.optim.lr_scheduler.LRScheduler, or a scheduler of timm",
        fix="write how it steps:\n"
        "class Stepping(System):\n"
        "    def lr_scheduler_step(self, scheduler, metric):\n"
        "        scheduler.step(self.trainer.global_step)"
        if is_object
        else "",
    )


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
