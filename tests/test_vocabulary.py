import inspect

from pytorch_lightning import Trainer
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.strategies import StrategyRegistry
from torchmetrics import classification

from lighter import LighterModule, Mode, parameter_groups
from lighter.optimizers import CombinedOptimizer
from lighter.system import ROLES
from lighter_config.checks.metric_values import MATRICES
from lighter_config.checks.parameter_groups import COMBINED, SELECTORS, TARGETS
from lighter_config.checks.trainer_names import REGISTERED
from lighter_config.sections import ADAPTER_ROLES, CLASS_NAMES, SECTIONS
from lighter_config.stages import MODES, Stage


def test_config_and_core_know_the_same_modes() -> None:
    assert tuple(mode.value for mode in Mode) == MODES


def test_config_and_core_know_the_same_adapter_roles() -> None:
    assert {mode.value: roles for mode, roles in ROLES.items()} == ADAPTER_ROLES


def test_config_and_core_know_the_same_metric_modes() -> None:
    arguments = inspect.signature(LighterModule.__init__).parameters
    of_core = tuple(name.removesuffix("_metrics") for name in arguments if name.endswith("_metrics"))
    assert SECTIONS["system"].modes_of["metrics"] == of_core


def test_config_names_classes_as_core_does() -> None:
    import lighter

    for defined, exported in CLASS_NAMES.items():
        cls = getattr(lighter, exported.removeprefix("lighter."))
        assert f"{cls.__module__}.{cls.__qualname__}" == defined


def test_every_stage_is_a_method_of_the_trainer() -> None:
    assert all(callable(getattr(Trainer, stage)) for stage in Stage)


def test_check_knows_the_names_that_lightning_registers() -> None:
    assert set(AcceleratorRegistry.available_accelerators()) <= set(REGISTERED["accelerator"])
    assert {"auto", *StrategyRegistry.available_strategies()} <= set(REGISTERED["strategy"])


def test_check_knows_the_matrices_of_torchmetrics() -> None:
    assert {name for name in classification.__all__ if name.endswith("ConfusionMatrix")} == MATRICES


def test_config_and_core_know_the_same_selections_of_parameters() -> None:
    assert parameter_groups.SELECTORS == SELECTORS
    assert f"{CombinedOptimizer.__module__}.{CombinedOptimizer.__qualname__}" in COMBINED
    assert f"{parameter_groups.groups.__module__}.{parameter_groups.groups.__qualname__}" in TARGETS
