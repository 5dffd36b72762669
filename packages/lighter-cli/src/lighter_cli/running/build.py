"""Build the objects of an experiment from its config."""

from __future__ import annotations

import importlib
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lighter_cli.checking.seeds import VARIABLE
from lighter_cli.checkpoints.atomic_io import save_atomically
from lighter_cli.errors import BuildError
from lighter_cli.lightning_package import class_beside, is_a, is_of_release_of_core, package_of
from lighter_cli.running.notebook_progress import use_readable_progress
from lighter_cli.running.worker_server import import_once_for_workers
from lighter_config import Config, Finding
from lighter_config.building.imports import locate
from lighter_config.checks.components import components_in
from lighter_config.checks.lightning_packages import PACKAGES, mixed_packages

if TYPE_CHECKING:
    from pytorch_lightning import LightningDataModule, LightningModule, Trainer

_TRAINER = "pytorch_lightning.trainer.trainer.Trainer"

_LACKING = (
    ("No supported gpu backend found", "trainer::accelerator"),
    ("can not run on your system", "trainer::accelerator"),
    ("But your machine only has", "trainer::devices"),
)
"""What Lightning says of devices that are not there, and the path that asks for them."""

_SEED_VARIABLES = (VARIABLE, "PL_SEED_WORKERS")


@dataclass(frozen=True, slots=True)
class Experiment:
    """What Lightning needs to run a stage.

    Attributes:
        trainer: The trainer.
        model: The system, or the module under ``model``.
        datamodule: What ``data`` built; ``None`` if the model has its own loaders, as a system does.
    """

    trainer: Trainer
    model: LightningModule
    datamodule: LightningDataModule | None


def build(config: Config) -> Experiment:
    """Build the objects of a pruned config: trainer, model, data.

    Raises:
        BuildError: A section built an object of the wrong type, or would build one for another package's trainer.
    """
    experiment = _built(config)
    import_once_for_workers(config)
    return experiment


def _built(config: Config) -> Experiment:
    _refuse_mixed_packages(config)
    trainer: Trainer = _build_trainer(config)
    if not is_a(trainer, "Trainer"):
        raise _wrong_type(config, "trainer", trainer, _TRAINER)
    save_atomically(trainer)
    use_readable_progress(trainer, config)
    if package_of(trainer) == PACKAGES[0]:
        from lighter.lightning import failure_notes  # imports that package

        failure_notes.attach(trainer)  # a LighterModule attaches them itself
    if config.has("system"):
        return Experiment(trainer, build_system(config), None)
    model = build_model(config, class_beside(trainer, "LightningModule"))
    _resume_exactly(trainer, model)
    data_class = class_beside(trainer, "LightningDataModule")
    datamodule = _resolve(config, "data", data_class) if config.has("data") else None
    return Experiment(trainer, model, datamodule)


def _resume_exactly(trainer: Trainer, model: LightningModule) -> None:
    """Let a fit of a module that is not Lighter's resume exactly, if its loops are those that Lighter knows."""
    if not is_of_release_of_core(trainer):
        return
    from lighter import LighterModule
    from lighter.lightning import resumption

    if not isinstance(model, LighterModule):
        resumption.attach(trainer)


def _build_trainer(config: Config) -> Any:
    """Build what is under ``trainer``; note what to change where the machine lacks the devices that it asks for."""
    try:
        return config.resolve("trainer")
    except Exception as error:
        path = next((path for text, path in _LACKING if text in str(error)), None)
        if path is not None and config.has(path):
            error.add_note(f"this machine has no such device ({config.place(path)} asks for it); to try: {path}=auto")
        raise


def build_system(config: Config) -> LightningModule:
    """Build what is under ``system``.

    Raises:
        BuildError: It is no System.
    """
    from lighter import System

    return _resolve(config, "system", System)  # type: ignore[no-any-return]


def build_model(config: Config, expected: type | None = None) -> LightningModule:
    """Build what is under ``model``.

    Args:
        config: The pruned config.
        expected: The class of Lightning's modules in the package of its trainer; by default that of either package.

    Raises:
        BuildError: It is no such module.
    """
    if expected is None:
        built: LightningModule = config.resolve("model")
        if not is_a(built, "LightningModule"):
            raise _wrong_type(config, "model", built, "pytorch_lightning.core.module.LightningModule")
        return built
    return _resolve(config, "model", expected)  # type: ignore[no-any-return]


def import_lightning(config: Config) -> None:
    """Import the packages of Lightning that building needs, while that is fast (see ``gc_pause``) and safe: later, the
    working directory is importable, and its files could have the names of optional modules.
    """
    components = components_in(config.expanded().tree, lambda _: True)
    named = {(component.target or "").partition(".")[0] for component in components} | {"lighter"}
    for name in sorted(named & {"lightning", "pytorch_lightning", "lighter"}):
        # a package that is missing is reported where it is built
        with suppress(ImportError):
            importlib.import_module("lightning.pytorch" if name == "lightning" else name)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python, NumPy, torch and the loaders' workers; restore the environment variables afterwards."""
    before = {name: os.environ.get(name) for name in _SEED_VARIABLES}
    try:
        _seed_everything(seed)
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _seed_everything(seed: int) -> None:
    """Do what ``seed_everything(seed, workers=True)`` of both packages does; which one is used is not known yet."""
    os.environ.update(zip(_SEED_VARIABLES, (str(seed), "1"), strict=True))
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _refuse_mixed_packages(config: Config) -> None:
    """Import the classes of an experiment, and refuse a mixture of packages that their source did not show.

    Raises:
        BuildError: A section would build an object for another package's trainer.
    """
    components = tuple(components_in(config.expanded().tree, lambda _: True))
    findings = tuple(mixed_packages(config, components, _derives_from))
    if findings:
        raise BuildError(*findings)


def _derives_from(target: str, base: str) -> bool | None:
    package, _, _ = base.rpartition(".")
    try:
        found = locate(target)
    except Exception:  # building reports it, with its place
        return None
    return package_of(found) == package if isinstance(found, type) else None


def _resolve(config: Config, section: str, expected: type) -> Any:
    built = config.resolve(section)
    if not isinstance(built, expected):
        raise _wrong_type(config, section, built, f"{expected.__module__}.{expected.__qualname__}")
    return built


def _wrong_type(config: Config, section: str, built: object, expected: str) -> BuildError:
    name = expected.rpartition(".")[2]
    return BuildError(
        Finding(
            message=f"`{section}` must build a {name}, got {built!r:.80}",
            path=section,
            place=config.place(f"{section}::_target_") or config.place(section),
            excerpt=config.excerpt(f"{section}::_target_"),
            expected=(f"a `{expected}` or a subclass of it",),
            fix="name another `_target_`",
        )
    )
