"""What a stage cannot run without."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lighter_config.building.resolving import TARGET
from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.sections import ARGS, DATA, DATA_MODULE_CLASS, MODEL, SECTIONS, SYSTEM, SYSTEM_CLASS
from lighter_config.signatures import DoesNotExist, Signature
from lighter_config.stages import Stage
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path

_LOADERS_ARGUMENT = {Stage.FIT: "train_dataloaders"}
_FRAMEWORKS = ("pytorch_lightning.", "lightning.", "lighter.")


def check_stage_needs(context: CheckContext) -> Iterator[Finding]:
    """Report data, optimizer or criterion that the stage needs and does not get.

    Without a stage nobody said what will run: where there is data to train on, what fit needs is doubted to be missing.
    """
    stage = context.stage
    if stage is None:
        if not any(_data_needed(context, Stage.FIT)):
            yield from (replace(finding, severity=Severity.WARNING) for finding in _needed_to_fit(context))
        return
    if stage is Stage.FIT:
        yield from _needed_to_fit(context)
    yield from _data_needed(context, stage)


def check_stage_data(context: CheckContext) -> Iterator[Finding]:
    """Report only the data that the stage needs and does not get."""
    if context.stage is not None:
        yield from _data_needed(context, context.stage)


def _needed_to_fit(context: CheckContext) -> Iterator[Finding]:
    system, model = context.value((SYSTEM,)), context.value((MODEL,))
    if isinstance(system, dict) and is_exactly(context, system.get(TARGET), SYSTEM_CLASS):
        yield from _parts_needed(context, SYSTEM, system)
    elif isinstance(model, dict) and _constructor_of(context, model.get(TARGET)) == "lighter.module":
        yield from _parts_needed(context, MODEL, model)


def _data_needed(context: CheckContext, stage: Stage) -> Iterator[Finding]:
    system, model = context.value((SYSTEM,)), context.value((MODEL,))
    if isinstance(system, dict) and is_exactly(context, system.get(TARGET), SYSTEM_CLASS):
        loaders = system.get("dataloaders")
        if isinstance(loaders, dict | None) and TARGET not in (loaders or {}):
            yield from _data(context, stage, (SYSTEM, "dataloaders"), loaders or {}, stage.modes[0])
    elif isinstance(model, dict):
        yield from _data_of_model(context, stage, model)


def is_exactly(context: CheckContext, target: Any, name: str) -> bool:
    """Return whether a target is one class of Lighter's own, not a subclass that may do more."""
    if not isinstance(target, str):
        return False
    if target == name:
        return True
    answer, itself = context.reader.read(target), context.reader.read(name)
    return isinstance(answer, Signature) and isinstance(itself, Signature) and answer.name == itself.name


def defines(context: CheckContext, target: Any, method: str) -> bool | None:
    """Return whether a class, or a base of it outside the frameworks, defines a method; ``None`` when not known."""
    if not isinstance(target, str):
        return None
    answer = context.reader.read(f"{target}.{method}")
    if isinstance(answer, Signature):
        return not answer.name.startswith(_FRAMEWORKS)
    if isinstance(answer, DoesNotExist) and isinstance(context.reader.read(target), Signature):
        return False
    return None


def _parts_needed(context: CheckContext, section: str, given: dict[Any, Any]) -> Iterator[Finding]:
    method = defines(context, given.get(TARGET), "configure_optimizers")
    for name in SECTIONS[section].needed_to_fit:
        if given.get(name) is None and not (name == "optimizer" and method is not False):
            example = {
                "optimizer": '`optimizer: {_target_: torch.optim.AdamW, params: "$@system::model.parameters()"}`',
                "criterion": "`criterion: {_target_: torch.nn.CrossEntropyLoss}`",
            }[name]
            if section == MODEL:
                example = example.replace("@system::model", "@model::network")
            finding = context.finding(
                (section,),
                f"fit needs {section}::{name}, which is missing",
                at_key=True,
                fix=f"add {example} to {section}",
            )
            yield context.blamed(finding, (section, name))


def _data(context: CheckContext, stage: Stage, path: Segments, loaders: dict[Any, Any], name: str) -> Iterator[Finding]:
    if loaders.get(name) is not None or _has_loaders_argument(context, stage):
        return
    where = next((at for at in ((*path, name), path) if context.has(at)), path[:1])
    finding = context.finding(
        where,
        f"{stage} needs {format_path((*path, name))}, which is missing",
        at_key=True,
        expected=(f"a torch.utils.data.DataLoader at {format_path((*path, name))}",),
        fix=f"add `{name}: {{_target_: torch.utils.data.DataLoader, dataset: ...}}`",
    )
    yield context.blamed(finding, (*path, name))


def _data_of_model(context: CheckContext, stage: Stage, model: dict[Any, Any]) -> Iterator[Finding]:
    hook = f"{stage.modes[0]}_dataloader"
    if defines(context, model.get(TARGET), hook) is not False:
        return
    data = context.value((DATA,))
    if isinstance(data, dict) and is_exactly(context, data.get(TARGET), DATA_MODULE_CLASS):
        yield from _data(context, stage, (DATA,), data, hook)
    elif data is None and not _has_loaders_argument(context, stage):
        finding = context.finding(
            (MODEL,),
            f"{stage} needs data::{hook}, which is missing",
            at_key=True,
            expected=(f"a data section, or a model that defines {hook}",),
            fix="add `data: {_target_: lighter.LighterDataModule, " + hook + ": ...}`",
        )
        yield context.blamed(finding, (DATA, hook))


def _has_loaders_argument(context: CheckContext, stage: Stage) -> bool:
    name = _LOADERS_ARGUMENT.get(stage, "dataloaders")
    return context.value((ARGS, stage.value, name)) is not None


def _constructor_of(context: CheckContext, target: Any) -> str | None:
    """The module whose constructor a class uses."""
    answer = context.reader.read(target) if isinstance(target, str) else None
    if isinstance(answer, Signature) and answer.is_class and answer.parameters:
        return answer.parameters[0].module
    return None
