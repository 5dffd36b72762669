"""Trainers, models, data and callbacks of different packages of Lightning.

``pytorch_lightning`` and ``lightning`` hold the same code twice. A trainer of one refuses what derives from a class of
the other.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.config import Config
from lighter_config.findings import Finding
from lighter_config.sections import DATA, DATA_MODULE_CLASS, MODEL, MODULE_CLASS, SYSTEM, SYSTEM_CLASS, TRAINER
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
    """Report models, data and callbacks that derive from another package of Lightning than the trainer does."""
    yield from mixed_packages(context.subject, context.components, context.reader.is_subclass)


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
    if target.startswith(f"{old}."):
        name = target.removeprefix(f"{old}.")
    elif old == PACKAGES[1] and target.startswith(_SHORT):
        name = target.removeprefix(_SHORT)
    else:
        return ""
    return f"write `{new}.{name}` for `{target}`"
