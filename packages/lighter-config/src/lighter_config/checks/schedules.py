"""Learning rate schedules that do something other than the experiment asks for."""

from collections.abc import Iterator
from typing import Any

from lighter_config.building.resolving import TARGET
from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.checks.metric_names import metric_classes
from lighter_config.checks.stage_needs import is_exactly
from lighter_config.findings import Finding, Severity
from lighter_config.sections import MODEL, MODULE_CLASS, SYSTEM, SYSTEM_CLASS, TRAINER
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path

_PACKAGES = ("torch.optim.lr_scheduler.", "transformers.", "diffusers.")
_LENGTHS = {"CosineAnnealingLR": "T_max", "get_cosine_schedule_with_warmup": "num_training_steps"}
"""Schedules whose rate rises again after their end, and the argument that says where it is."""

_NEGATIVE = {
    "torch.": ("GaussianNLLLoss", "PoissonNLLLoss"),
    "monai.losses.": ("GlobalMutualInformationLoss", "LocalNormalizedCrossCorrelationLoss"),
    "torchmetrics.": (
        "ScaleInvariantSignalDistortionRatio",
        "ScaleInvariantSignalNoiseRatio",
        "SignalDistortionRatio",
        "SignalNoiseRatio",
    ),
}
"""Losses and metrics whose values are often negative, by package."""

_LAYER_DECAY = "timm.optim.param_groups_layer_decay"


def check_schedules(context: CheckContext) -> Iterator[Finding]:
    """Warn of rates that rise again, of worse values that count as better, and of rates by layer that have no effect.

    Sources: the findings ``cosine_schedule_rises_after_its_end``, ``plateau_scheduler_accepts_worse_negative_values``
    and ``timm_layer_decay_needs_timm_schedulers`` of the repository.
    """
    root = _root(context)
    if root is None:
        return
    path: Segments = (root, "scheduler")
    written, options = context.value(path), dict[str, Any]()
    if isinstance(written, dict) and TARGET not in written:
        options = written
        path, written = (*path, "scheduler"), options.get("scheduler")
    for component in context.components:
        if component.path[: len(path)] == path:
            if component.target is not None and component.target.startswith(_PACKAGES):
                yield from _rising(context, component, path, options)
            if component.path == path:
                yield from _relative_threshold(context, component, options, root)
    if not (written is None and context.is_fragment):
        yield from _without_effect(context, root, written)


def _root(context: CheckContext) -> str | None:
    """Return the section whose `scheduler` Lighter gives to Lightning."""
    system, model = context.value((SYSTEM,)), context.value((MODEL,))
    if isinstance(system, dict) and is_exactly(context, system.get(TARGET), SYSTEM_CLASS):
        return SYSTEM
    is_module = isinstance(model, dict) and context.reader.is_subclass(str(model.get(TARGET)), MODULE_CLASS) is True
    return MODEL if is_module else None


def _rising(context: CheckContext, component: Component, path: Segments, options: dict[str, Any]) -> Iterator[Finding]:
    name = _LENGTHS.get(component.short_name)
    length = None if name is None else component.keywords.get(name)
    steps = _num_steps(context, options)
    steps = None if steps is None else _num_steps_inside(context, component.path, path, steps)
    if name is None or type(length) is not int or steps is None or not 0 < length < steps - 1:
        return
    where, unit = format_path((*component.path, name)), f"{_interval(options)}s"
    yield context.finding(
        (*component.path, name),
        f"{where} is {length}: the rate rises again after {length} of {steps} {unit}",
        severity=Severity.WARNING,
        expected=[f"{steps}, the number of {unit} of this schedule"],
        fix=f"write {name}: {steps}, or name CosineAnnealingWarmRestarts if cycles are meant",
    )


def _interval(options: dict[str, Any]) -> Any:
    return options.get("interval", "epoch")


def _num_steps(context: CheckContext, options: dict[str, Any]) -> int | None:
    """Return how often the schedule steps in a fit; ``None`` if it is not known."""
    epochs, steps = context.value((TRAINER, "max_epochs")), context.value((TRAINER, "max_steps"), -1)
    num, other = (steps, epochs) if _interval(options) == "step" else (epochs, steps)
    is_known = _interval(options) in ("step", "epoch") and options.get("frequency", 1) == 1
    return num if is_known and type(num) is int and num > 0 and other in (None, -1) else None


def _num_steps_inside(context: CheckContext, path: Segments, outer: Segments, steps: int) -> int | None:
    """Return how many of the steps a schedule gets that may be one of a SequentialLR."""
    if path == outer:
        return steps
    sequential = context.value(outer)
    milestones = sequential.get("milestones")
    if (
        str(sequential.get(TARGET)) != "torch.optim.lr_scheduler.SequentialLR"
        or path[:-1] != (*outer, "schedulers")
        or not isinstance(milestones, list)
        or not all(type(one) is int for one in milestones)
    ):
        return None
    bounds = [0, *milestones, steps]
    index = path[-1]
    return bounds[index + 1] - bounds[index] if isinstance(index, int) and index + 1 < len(bounds) else None


def _relative_threshold(
    context: CheckContext, component: Component, options: dict[str, Any], root: str
) -> Iterator[Finding]:
    if component.target != "torch.optim.lr_scheduler.ReduceLROnPlateau":
        return
    threshold, mode = component.keywords.get("threshold", 1e-4), component.keywords.get("threshold_mode", "rel")
    if mode != "rel" or not isinstance(threshold, int | float) or threshold <= 0 or component.positional != ():
        return
    monitor = options.get("monitor") or "val/loss/epoch"
    name = _negative(context, monitor, root) if isinstance(monitor, str) else None
    if name is not None:
        yield context.finding(
            component.path,
            f"{format_path(component.path)} takes worse negative values of {monitor} for better ones",
            severity=Severity.WARNING,
            expected=[f"threshold_mode: abs, as values of {name} may be negative"],
            fix="write threshold_mode: abs",
        )


def _negative(context: CheckContext, monitor: str, root: str) -> str | None:
    """Return the loss or metric under a name, if its values are often negative."""
    match monitor.split("/"):
        case ["train" | "val", "loss", "epoch"]:
            made = context.value((root, "criterion"))
            classes = [str(made[TARGET])] if isinstance(made, dict) and TARGET in made else []
        case ["train" | "val" as mode, "metrics", name, "epoch"]:
            path = (SYSTEM, "metrics", mode) if root == SYSTEM else (MODEL, f"{mode}_metrics")
            metrics = context.value(path)
            keyed = metrics.get(name) if isinstance(metrics, dict) else None
            made = metrics if isinstance(metrics, list) else [metrics if keyed is None else keyed]
            found = [one for metric in made for one in metric_classes(context, metric) or ()]
            classes = [one for one in found if keyed is not None or one.endswith(f".{name}")]
        case _:
            return None
    for one in classes:
        short = one.rpartition(".")[2]
        if any(one.startswith(package) and short in names for package, names in _NEGATIVE.items()):
            return short
    return None


def _without_effect(context: CheckContext, root: str, scheduler: Any) -> Iterator[Finding]:
    target = scheduler.get(TARGET) if isinstance(scheduler, dict) else None
    if scheduler is not None and not str(target).startswith("torch.optim."):
        return  # one of timm, or one that is not known
    for component in context.components:
        if component.path[:2] == (root, "optimizer") and component.target == _LAYER_DECAY:
            yield context.finding(
                component.path,
                "the rates by layer have no effect: only schedulers of timm use them",
                severity=Severity.WARNING,
                expected=["a scheduler of timm, or the groups of `lighter.optimizers.groups`"],
                fix="write _target_: lighter.optimizers.groups, with layer_decay and layers",
            )
