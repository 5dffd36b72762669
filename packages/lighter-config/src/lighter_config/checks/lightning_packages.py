"""Trainers, models, data and callbacks of different packages of Lightning.

``pytorch_lightning`` and ``lightning`` hold the same code twice. A trainer of one refuses what derives from a class of
the other.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from lighter_config.building.resolving import TARGET
from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.config import Config
from lighter_config.findings import Finding, Severity
from lighter_config.sections import DATA, DATA_MODULE_CLASS, MODEL, MODULE_CLASS, SYSTEM, SYSTEM_CLASS, TRAINER
from lighter_config.signatures import Answer, DoesNotExist, Signature
from lighter_config.tree.paths import format_path

PACKAGES = ("pytorch_lightning", "lightning.pytorch")
"""The two packages, by the module that holds the classes."""

IsSubclass: TypeAlias = Callable[[str, str], bool | None]
"""Says whether the class at a path derives from another; ``None`` when that is not known."""

_BASES = {
    TRAINER: "Trainer",
    SYSTEM: "LightningModule",
    MODEL: "LightningModule",
    DATA: "LightningDataModule",
    "callbacks": "Callback",
}
_SHORT = "lightning."  # `lightning.Trainer` is `lightning.pytorch.Trainer`
_OWN = (SYSTEM_CLASS, MODULE_CLASS, DATA_MODULE_CLASS)
_OWN_CALLBACKS = "lighter.callbacks."


def check_lightning_packages(context: CheckContext) -> Iterator[Finding]:
    """Report what derives from another package of Lightning than the trainer, and once a package that is missing."""
    mixed = list(mixed_packages(context.subject, context.components, context.reader.is_subclass))
    missing = [one for one in context.components if is_not_installed(context.reader.read(one.target or ""))]
    for package in PACKAGES:
        of_package = [one for one in missing if (one.target or "").partition(".")[0] == _name(package)]
        if of_package:
            yield _not_installed(context, package, of_package, is_mixed=bool(mixed))
    if not missing:
        yield from mixed


def is_not_installed(answer: Answer) -> bool:
    """Return whether a target does not exist because its package of Lightning is not installed."""
    return isinstance(answer, DoesNotExist) and not answer.where and answer.missing in map(_name, PACKAGES)


def _not_installed(context: CheckContext, package: str, components: list[Component], *, is_mixed: bool) -> Finding:
    """Report all components of a package that is not installed; ``is_mixed``: others need the other package."""
    name, other = _name(package), next(one for one in PACKAGES if one != package)
    certain = [one for one in components if one.is_certain]
    first = (*(certain or components)[0].path, TARGET)
    fix = f"install {name}"
    if isinstance(context.reader.read(f"{other}.Trainer"), Signature):
        targets = [(one.target or "", format_path((*one.path, TARGET))) for one in components]
        places = {
            f"{_in_package(target, package, other)} at {context.subject.place(path)}": None for target, path in targets
        }
        change = f"write {', '.join(places)}"
        fix = change if is_mixed else f"{fix}, or {change}"
    return context.finding(
        first,
        f"the package `{name}` is not installed",
        severity=Severity.ERROR if certain else Severity.WARNING,
        fix=fix,
    )


def mixed_packages(config: Config, components: tuple[Component, ...], is_subclass: IsSubclass) -> Iterator[Finding]:
    """Yield an error for each component that is certainly of another package than the trainer.

    Args:
        config: The config that holds the components, for their places.
        components: What it builds.
        is_subclass: Says what a class derives from.
    """
    trainer = next((one for one in components if one.path == (TRAINER,) and _is_certain(one)), None)
    package = None if trainer is None else _package(trainer, _BASES[TRAINER], is_subclass)
    if trainer is None or package is None:
        return
    for component in components:
        base = _base(component)
        if base and _is_certain(component):
            other = _package(component, base, is_subclass)
            if other is not None and other != package:
                yield _finding(config, component, other, trainer, package, base)


def _is_certain(component: Component) -> bool:
    return component.is_certain and component.target is not None and component.mode == "default"


def _base(component: Component) -> str:
    """The class of Lightning that a component derives from, by where it stands; empty for other places."""
    path = component.path
    if path[:2] == (TRAINER, "callbacks") and len(path) <= 3:
        return _BASES["callbacks"]
    return _BASES[str(path[0])] if len(path) == 1 and path[0] in (SYSTEM, MODEL, DATA) else ""


def _package(component: Component, base: str, is_subclass: IsSubclass) -> str | None:
    """The package that the class of a component derives from; ``None`` when that is not known."""
    target = component.target or ""
    if target in _OWN or target.startswith(_OWN_CALLBACKS):
        return PACKAGES[0]
    by_name = [package for package in PACKAGES if target.startswith(f"{package}.")]
    if not by_name and target == f"{_SHORT}{base}":
        by_name = [PACKAGES[1]]
    found = by_name or [package for package in PACKAGES if is_subclass(target, f"{package}.{base}")]
    return found[0] if len(found) == 1 else None


def _finding(config: Config, component: Component, other: str, trainer: Component, package: str, base: str) -> Finding:
    section = format_path(component.path)
    where = f"{section}::_target_"
    trainers_place = config.place(f"{TRAINER}::_target_")
    target, trainers_target = component.target or "", trainer.target or ""
    change_trainer = _renamed(trainers_target, package, other)
    expected = f"a {package}.{base}, as the trainer at {trainers_place} is {trainers_target}"
    change = _renamed(target, other, package)
    if change:
        fix = change
    elif target.startswith("lighter."):
        expected = f"a {other}.Trainer, not {trainers_target} at {trainers_place}"
        fix = change_trainer or f"derive {trainers_target} from {other}.Trainer"
    else:
        fix = f"derive {target} from {package}.{base}" + (f", or {change_trainer}" if change_trainer else "")
    return Finding(
        message=f"{section} is of {_name(other)}, the trainer is of {_name(package)}",
        path=where,
        place=config.place(where),
        excerpt=config.excerpt(where),
        expected=(expected,),
        fix=fix,
    )


def _name(package: str) -> str:
    return package.partition(".")[0]


def _renamed(target: str, old: str, new: str) -> str:
    """Say which target to write in the other package; empty when the class is a user's own."""
    name = _in_package(target, old, new)
    return f"write `{name}` for `{target}`" if name else ""


def _in_package(target: str, old: str, new: str) -> str:
    """Return the target of the other package; empty when the class is a user's own."""
    for prefix in (f"{old}.", _SHORT) if old == PACKAGES[1] else (f"{old}.",):
        if target.startswith(prefix):
            return f"{new}.{target.removeprefix(prefix)}"
    return ""
