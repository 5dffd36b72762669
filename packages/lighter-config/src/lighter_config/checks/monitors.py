"""Monitors that nothing logs, that are looked at in the wrong direction or time, or that hold `last.ckpt` back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lighter_config.building.resolving import TARGET
from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.checks.last_checkpoint import late_last_checkpoint
from lighter_config.checks.metric_names import metric_names, names_of_several_values
from lighter_config.checks.monitor_modes import wrong_mode
from lighter_config.checks.monitor_times import has_no_validation, wrong_time
from lighter_config.checks.stage_needs import is_exactly
from lighter_config.findings import Finding, Severity
from lighter_config.regular_files import read_regular
from lighter_config.sections import DATA, DATA_MODULE_CLASS, MODEL, MODULE_CLASS, SYSTEM, SYSTEM_CLASS, TRAINER
from lighter_config.signatures import Signature
from lighter_config.stages import Stage
from lighter_config.suggestions import nearest_names
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_literal

_CALLBACKS = (TRAINER, "callbacks")
_QUIET_CALLBACKS = ("pytorch_lightning.callbacks.", "lightning.pytorch.callbacks.", "lighter.callbacks.")
_KNOWN = {
    **dict.fromkeys(("EarlyStopping", "ModelCheckpoint"), _QUIET_CALLBACKS[:2]),
    "ReduceLROnPlateau": ("torch.optim.lr_scheduler.",),
}
_WAYS_TO_LOG = re.compile(r"\.log\(|\.log_dict\(|callback_metrics|_log_outputs|logged_metrics")
OF_LIGHTNING = ("epoch", "step")
_ANY_LOADER = r"(?:/dataloader_idx_\d+)?"


@dataclass(slots=True)
class LoggedNames:
    """The names that a fit logs for its epochs.

    Attributes:
        names: What is certainly logged.
        patterns: What may be logged too: terms of a loss, entries of a vector.
        metrics: The metrics of each mode, as written.
        doubt: Why other names may be logged as well; empty when they cannot.
    """

    names: list[str] = field(default_factory=list)
    patterns: list[re.Pattern[str]] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    doubt: str = ""

    def has(self, name: str) -> bool:
        """Return whether a name is logged, or may be."""
        return name in self.names or any(pattern.fullmatch(name) for pattern in self.patterns)

    def add(self, stem: str, rest: str, suffixes: tuple[str, ...] | None) -> None:
        """Add ``stem/epoch`` and, where ``rest`` may come between, what that matches."""
        self.names += [f"{stem}/epoch{suffix}" for suffix in suffixes or ("",)]
        ends = _ANY_LOADER if suffixes is None else f"(?:{'|'.join(map(re.escape, suffixes))})"
        self.patterns.append(re.compile(f"{re.escape(stem)}{rest}/epoch{ends}"))


def check_monitors(context: CheckContext) -> Iterator[Finding]:
    """Report monitors of callbacks and schedulers that a fit does not log, or logs at another time."""
    if context.stage not in (None, Stage.FIT):
        return
    yield from _growing_loss(context)
    yield from late_last_checkpoint(context)
    monitors = list(_monitors(context))
    if not monitors:
        return
    logged = logged_names(context)
    if logged is None:
        return
    for path, name, component in monitors:
        quiet = component is not None and name in OF_LIGHTNING and component.short_name.endswith("Checkpoint")
        if quiet or logged.has(name):
            if component is not None and is_known(component):
                yield from wrong_mode(context, name, component, logged.metrics)
                yield from wrong_time(context, path, name, component)
            continue
        nearest = nearest_logged(name, logged.names)
        yield context.finding(
            path,
            f"{format_path(path)} is {name!r}, but nothing logs that name"
            + (" (monitors need the value of an epoch)" if name.endswith("/step") else "")
            + (f", unless {logged.doubt} does" if logged.doubt else ""),
            severity=Severity.WARNING if logged.doubt else Severity.ERROR,
            expected=logged.names,
            nearest=nearest,
            fix=how_to_log(context, name, nearest, logged.names),
        )


def _monitors(context: CheckContext) -> Iterator[tuple[Segments, str, Component | None]]:
    for component in context.components:
        monitor = component.keywords.get("monitor")
        is_callback = component.path[:2] == _CALLBACKS
        if is_callback and component.is_certain and is_literal(monitor):
            yield (*component.path, "monitor"), str(monitor), component
    for section in (SYSTEM, MODEL):
        scheduler = context.value((section, "scheduler"))
        if isinstance(scheduler, dict) and TARGET not in scheduler and is_literal(scheduler.get("monitor")):
            path = (section, "scheduler", "scheduler")
            schedule = next((one for one in context.components if one.path == path), None)
            yield (section, "scheduler", "monitor"), scheduler["monitor"], schedule


def _growing_loss(context: CheckContext) -> Iterator[Finding]:
    """Report a plateau schedule that looks for growth without a monitor: it follows the loss then."""
    for section in (SYSTEM, MODEL):
        scheduler = context.value((section, "scheduler"))
        path: Segments = (section, "scheduler")
        if isinstance(scheduler, dict) and TARGET not in scheduler and scheduler.get("monitor") is None:
            path = (*path, "scheduler")
        schedule = next((one for one in context.components if one.path == path), None)
        if schedule is None or not is_known(schedule) or schedule.keywords.get("mode") != "max":
            continue
        if context.reader.is_subclass(str(context.value((section, TARGET))), MODULE_CLASS) is True:
            yield context.finding(
                (*path, "mode"),
                f"{format_path(path)} has mode 'max', but without a monitor it follows a loss",
                expected=["min"],
                fix="add monitor with the name of a value that grows, or write mode: min",
            )


def is_known(component: Component) -> bool:
    """Return whether a component is of a class that looks at its monitor in a known way."""
    return (component.target or "").startswith(_KNOWN.get(component.short_name, ("?",)))


@dataclass(frozen=True, slots=True)
class _Model:
    """What decides the names that a model logs.

    Attributes:
        criterion: As written; ``None`` when the model computes its loss itself.
        metrics: The metrics of each mode that runs in a fit, as written.
        suffixes: What Lightning puts behind the names of each mode, the numbers of several loaders; ``None`` where
            the number of loaders is not known.
        doubt: Why other names may be logged as well; empty when they cannot.
    """

    criterion: Any
    metrics: dict[str, Any]
    suffixes: dict[str, tuple[str, ...] | None]
    doubt: str = ""


def logged_names(context: CheckContext) -> LoggedNames | None:
    """Return what the config's own model logs in a fit; ``None`` when that is up to the model."""
    model = _system(context) or _lighter_module(context)
    if model is None:
        return None
    logged = LoggedNames(metrics=model.metrics, doubt=_doubt(context) or model.doubt)
    rest_of_loss = "" if _is_torch_loss(context, model.criterion) else "(?:/[^/]+)?"
    for mode, suffixes in model.suffixes.items():
        logged.add(f"{mode}/loss", rest_of_loss, suffixes)
        names = metric_names(context, model.metrics[mode])
        if names is None:
            logged.patterns.append(re.compile(f"{mode}/metrics/.+/epoch{_ANY_LOADER}"))
        of_several_values = set(names_of_several_values(model.metrics[mode]))
        for name in names or ():
            if name in of_several_values:
                logged.patterns.append(re.compile(f"{mode}/metrics/{re.escape(name)}/.+/epoch{_ANY_LOADER}"))
            else:
                logged.add(f"{mode}/metrics/{name}", "(?:/[^/]+)?", suffixes)
    logged.patterns.append(re.compile("train/optimizer/.+"))
    if any(component.short_name == "LearningRateMonitor" for component in context.components):
        logged.patterns.append(re.compile("lr-.+"))
    return logged


def _system(context: CheckContext) -> _Model | None:
    """Read a ``lighter.System``; ``None`` when there is none, or its parts are built by something else."""
    system = context.value((SYSTEM,))
    if not isinstance(system, dict) or not is_exactly(context, system.get(TARGET), SYSTEM_CLASS):
        return None
    loaders, metrics = system.get("dataloaders"), system.get("metrics")
    if not (_is_plain_mapping(loaders) and _is_plain_mapping(metrics)):
        return None
    val = (loaders or {}).get("val")
    suffixes: dict[str, tuple[str, ...] | None] = {"train": ("",)}
    if val is not None and not has_no_validation(context):
        suffixes["val"] = _numbers_of_loaders(val)
    return _Model(system.get("criterion"), {mode: (metrics or {}).get(mode) for mode in suffixes}, suffixes)


def _lighter_module(context: CheckContext) -> _Model | None:
    """Read a subclass of ``LighterModule`` that leaves logging to it; ``None`` when there is none."""
    model = context.value((MODEL,))
    if not isinstance(model, dict) or context.reader.is_subclass(str(model.get(TARGET)), MODULE_CLASS) is not True:
        return None
    signature = context.reader.read(str(model[TARGET]))
    if not isinstance(signature, Signature) or _may_log(signature):
        return None
    suffixes: dict[str, tuple[str, ...] | None] = {"train": ("",)}
    if not has_no_validation(context):
        data = context.value((DATA,))
        is_read = isinstance(data, dict) and is_exactly(context, data.get(TARGET), DATA_MODULE_CLASS)
        val = data.get("val_dataloader") if is_read else None
        suffixes["val"] = None if val is None else _numbers_of_loaders(val)
    return _Model(None, {mode: model.get(f"{mode}_metrics") for mode in suffixes}, suffixes, doubt="the model")


def _is_plain_mapping(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and TARGET not in value)


def _doubt(context: CheckContext) -> str:
    """A callback that may log names of its own."""
    for component in context.components:
        if component.path[:2] != _CALLBACKS or len(component.path) > 3:
            continue
        if component.target is None:
            return format_path(component.path)
        if component.target.startswith(_QUIET_CALLBACKS):
            continue
        answer = context.reader.read(component.target)
        # one that does not exist is reported by the check of targets
        if isinstance(answer, Signature) and not answer.name.startswith(_QUIET_CALLBACKS) and _may_log(answer):
            return component.short_name
    callbacks = context.value(_CALLBACKS, [])
    for index, item in enumerate(callbacks if isinstance(callbacks, list) else [callbacks]):
        if isinstance(item, str):
            return format_path((*_CALLBACKS, index))
    return ""


def _may_log(signature: Signature) -> bool:
    try:
        return _WAYS_TO_LOG.search(read_regular(signature.file).decode(errors="replace")) is not None
    except OSError:
        return True


def _numbers_of_loaders(loader: Any) -> tuple[str, ...] | None:
    """Return what Lightning puts behind the names of several loaders; nothing for a single one."""
    if not isinstance(loader, dict | list):
        return None
    count = len(loader) if isinstance(loader, list) or (isinstance(loader, dict) and TARGET not in loader) else 1
    return ("",) if count <= 1 else tuple(f"/dataloader_idx_{index}" for index in range(count))


def _is_torch_loss(context: CheckContext, criterion: Any) -> bool:
    target = criterion.get(TARGET) if isinstance(criterion, dict) else None
    answer = context.reader.read(target) if isinstance(target, str) else None
    return isinstance(answer, Signature) and answer.name.startswith("torch.nn.modules.loss.")


def how_to_log(context: CheckContext, name: str, nearest: tuple[str, ...], logged: list[str]) -> str:
    """Return the fix of a name that is monitored and not logged."""
    if name.startswith("val") and not any(other.startswith("val/") for other in logged):
        if has_no_validation(context):
            return f"remove {TRAINER}::limit_val_batches: with 0 there is no validation"
        return "give the model validation data, or monitor a name of training"
    return f"write {nearest[0]}" if nearest else "monitor one of these"


def nearest_logged(name: str, names: list[str]) -> tuple[str, ...]:
    """Return the nearest logged names; ``val_loss`` and ``val/loss/step`` are both near ``val/loss/epoch``."""
    by_plain: dict[str, str] = {}
    for other in names:
        by_plain.setdefault(re.sub(r"[/_.\- ]", "", re.sub(r"/epoch(/dataloader_idx_\d+)?", "", other)).lower(), other)
    plain = re.sub(r"[/_.\- ]", "", re.sub(r"/(step|epoch)(/dataloader_idx_\d+)?", "", name)).lower()
    plain = plain.replace("valid", "val").replace("validation", "val").replace("training", "train")
    nearest = tuple(by_plain[near] for near in nearest_names(plain, by_plain))
    if nearest:
        return nearest
    # `val_acc` is short for `val/metrics/Accuracy/epoch`
    parts = [part for part in re.split(r"[/_.\- ]", name.lower()) if part not in ("epoch", "step")]
    return tuple(other for other in names if all(part in other.lower() for part in parts))[:3]
