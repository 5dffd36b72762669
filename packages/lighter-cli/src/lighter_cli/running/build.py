"""Build the objects of an experiment from its config."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pytorch_lightning import LightningDataModule, LightningModule, Trainer, seed_everything

from lighter import System
from lighter.lightning import failure_notes
from lighter_cli.checking.seeds import VARIABLE
from lighter_cli.checkpoints.atomic_io import save_atomically
from lighter_cli.errors import BuildError
from lighter_config import Config, Finding

T = TypeVar("T")

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
        BuildError: A section built an object of the wrong type.
    """
    trainer = _resolve(config, "trainer", Trainer)
    save_atomically(trainer)
    failure_notes.attach(trainer)  # a LighterModule attaches them itself
    if config.has("system"):
        return Experiment(trainer, _resolve(config, "system", System), None)
    model = _resolve(config, "model", LightningModule)
    datamodule = _resolve(config, "data", LightningDataModule) if config.has("data") else None
    return Experiment(trainer, model, datamodule)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python, NumPy, torch and the loaders' workers; restore the environment variables afterwards."""
    before = {name: os.environ.get(name) for name in _SEED_VARIABLES}
    try:
        seed_everything(seed, workers=True, verbose=False)
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _resolve(config: Config, section: str, expected: type[T]) -> T:
    built: Any = config.resolve(section)
    if not isinstance(built, expected):
        raise BuildError(
            Finding(
                message=f"`{section}` must build a {expected.__name__}, got {built!r:.80}",
                path=section,
                place=config.place(f"{section}::_target_") or config.place(section),
                excerpt=config.excerpt(f"{section}::_target_"),
                expected=(f"a `{expected.__module__}.{expected.__qualname__}` or a subclass of it",),
                fix="name another `_target_`",
            )
        )
    return built
