"""Deprecated path of ``lighter_cli.running.loaded_experiment``, until the next minor release."""

import warnings

from lighter_cli.running.loaded_experiment import LoadedExperiment, load_experiment

__all__ = ["LoadedExperiment", "load_experiment"]

warnings.warn(
    "lighter_cli.loaded_experiment has moved to lighter_cli.running.loaded_experiment; "
    "import LoadedExperiment and load_experiment from lighter_cli",
    DeprecationWarning,
    stacklevel=2,
)
