"""The sections of a config: what each is, and which stage uses and needs what is in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lighter_config.stages import MODES, Stage

TRAINER, SYSTEM, MODEL, DATA, ARGS = "trainer", "system", "model", "data", "args"
VARS, PROJECT, SEED, IMPORTS, REQUIRES = "vars", "project", "seed", "_imports_", "_requires_"
SWEEP, SHAPES = "sweep", "shapes"

GIVEN_BY_STAGES = ("model", "datamodule")
"""Arguments of the Trainer's methods that come from the sections of a config, not from ``args``."""

TRAINER_CLASS = "pytorch_lightning.Trainer"
SYSTEM_CLASS = "lighter.System"
MODULE_CLASS = "lighter.LighterModule"
DATA_MODULE_CLASS = "lighter.LighterDataModule"

CLASS_NAMES = {
    "lighter.system.System": SYSTEM_CLASS,
    "lighter.module.LighterModule": MODULE_CLASS,
    "lighter.datamodule.LighterDataModule": DATA_MODULE_CLASS,
}
"""Where Lighter's classes are defined, and the name that configs use for them."""


@dataclass(frozen=True, slots=True)
class Section:
    """A key at the root of a config that has a meaning.

    Attributes:
        target: What an example of it is made of; empty when it is not an object.
        is_run: Whether a run builds it; everything else is built only when something refers to it.
        is_open: Whether it has no fixed shape, so that an override may create any path in it.
        is_value: Whether it is one value, so that nothing can be set inside it.
        old_names: What earlier versions called it.
        used_in: The stages that use an argument of it; an argument that is not named here is used in all.
        needed_to_fit: The arguments that fit cannot run without, unless the user's own class does their work.
        modes_of: The modes that a mapping inside it may have as keys.
    """

    target: str = ""
    is_run: bool = False
    is_open: bool = False
    is_value: bool = False
    old_names: tuple[str, ...] = ()
    used_in: Mapping[str, tuple[Stage, ...]] = field(default_factory=dict)
    needed_to_fit: tuple[str, ...] = ()
    modes_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_OPTIMIZATION = {"optimizer": (Stage.FIT,), "scheduler": (Stage.FIT,)}

SECTIONS: dict[str, Section] = {
    TRAINER: Section(TRAINER_CLASS, is_run=True),
    SYSTEM: Section(
        SYSTEM_CLASS,
        is_run=True,
        used_in={**_OPTIMIZATION, "criterion": (Stage.FIT, Stage.VALIDATE)},
        needed_to_fit=("optimizer", "criterion"),
        modes_of={"dataloaders": MODES, "metrics": ("train", "val", "test"), "adapters": MODES},
    ),
    MODEL: Section(
        "project.MyModule",
        is_run=True,
        old_names=("lightning_module",),
        used_in=_OPTIMIZATION,
        needed_to_fit=("optimizer",),
    ),
    DATA: Section(DATA_MODULE_CLASS, is_run=True, old_names=("data_module", "datamodule")),
    ARGS: Section(is_run=True, is_open=True),
    VARS: Section(is_open=True),
    PROJECT: Section(is_value=True),
    SEED: Section(is_value=True),
    SWEEP: Section(is_open=True),
    SHAPES: Section(is_open=True),
    IMPORTS: Section(is_open=True),
    REQUIRES: Section(),
}
"""Every section, in the order in which messages list them."""

ADAPTER_ROLES: dict[str, tuple[str, ...]] = {
    "train": ("batch", "criterion", "metrics", "logging"),
    "val": ("batch", "criterion", "metrics", "logging"),
    "test": ("batch", "metrics", "logging"),
    "predict": ("batch", "logging"),
}
"""What the adapters of each mode of a ``System`` are for; the same as ``lighter.system.ROLES``."""

NETWORK_PATHS = ((SYSTEM, "model"), (MODEL, "network"))
"""Where the network is, whose ``compile`` is ours."""
