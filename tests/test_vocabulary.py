import inspect
import re
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer, loggers
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.strategies import StrategyRegistry
from torchmetrics import classification

from lighter import LighterModule, MetricError, Mode
from lighter.logging import keyed_metrics as keyed_by_core
from lighter.logging.metrics import flatten
from lighter.optimizers import CombinedOptimizer, parameter_groups
from lighter.system import ROLES
from lighter_config import Finding, check, load
from lighter_config.checks.keyed_metrics import KEYS
from lighter_config.checks.logger_names import DROPPED
from lighter_config.checks.metric_values import MATRICES, check_metric_values
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


def test_config_and_core_know_the_same_keys_of_a_metric() -> None:
    assert keyed_by_core.KEYS == KEYS


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


def test_check_drops_from_names_what_loggers_of_lightning_drop() -> None:
    """Where Lightning replaces characters in a name, it does so by a pattern in the logger's own source."""
    for file in Path(loggers.__file__).parent.glob("*.py"):
        source = re.search(r"def log_metrics.*?(?=\n    def |\Z)", file.read_text(), re.DOTALL)
        patterns = re.findall(r're\.sub\("(.+?)"', source.group() if source else "")
        of_check = [pattern.pattern for logger, pattern in DROPPED.items() if logger.lower() == f"{file.stem}logger"]
        assert patterns == of_check, file.name


def test_advice_for_a_matrix_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[1] / "docs/how-to/metrics.md").read_text()
    assert page.startswith("# Metrics\n")
    assert "class WriteMatrix(Callback)" in page
    with pytest.raises(MetricError) as raised:
        flatten("Matrix", torch.ones(2, 2))
    assert "WriteMatrix of the documentation's page Metrics" in raised.value.fix
    (finding,) = check_metric_values_of("{_target_: torchmetrics.ConfusionMatrix, task: binary}")
    assert "WriteMatrix of the documentation's page Metrics" in finding.fix


def check_metric_values_of(metric: str) -> list[Finding]:
    return check(load([{}, f"=system::metrics::val::a={metric}"]), checks=[check_metric_values], is_fragment=True)
