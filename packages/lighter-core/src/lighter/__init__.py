"""PyTorch Lightning modules whose logged numbers are right: `system`, on `module`, with `adapters` and `callbacks`."""

from importlib.metadata import version

from lighter.datamodule import LighterDataModule
from lighter.errors import (
    AdapterError,
    BatchSizeError,
    CriterionError,
    DataError,
    LighterError,
    MetricError,
    MonitorError,
    OptimizerError,
    StepOutputError,
)
from lighter.mode import Mode
from lighter.module import LighterModule
from lighter.system import System

__all__ = [
    "AdapterError",
    "BatchSizeError",
    "CriterionError",
    "DataError",
    "LighterDataModule",
    "LighterError",
    "LighterModule",
    "MetricError",
    "Mode",
    "MonitorError",
    "OptimizerError",
    "StepOutputError",
    "System",
    "__version__",
]

__version__ = version("lighter-core")
