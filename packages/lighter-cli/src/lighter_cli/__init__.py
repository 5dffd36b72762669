"""The command line, from `app` down; in Python ``Runner``, ``load_experiment``, ``load_network``, ``read_runs``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lighter_cli.running.fit_result import FitResult
    from lighter_cli.running.loaded_experiment import LoadedExperiment, load_experiment
    from lighter_cli.running.runner import Runner
    from lighter_cli.running.trained_network import load_network
    from lighter_cli.runs.run import Run, RunList, read_runs

__all__ = ["FitResult", "LoadedExperiment", "Run", "RunList", "Runner", "load_experiment", "load_network", "read_runs"]

_LATE = {
    "FitResult": "lighter_cli.running.fit_result",
    "LoadedExperiment": "lighter_cli.running.loaded_experiment",
    "Run": "lighter_cli.runs.run",
    "RunList": "lighter_cli.runs.run",
    "Runner": "lighter_cli.running.runner",
    "load_experiment": "lighter_cli.running.loaded_experiment",
    "load_network": "lighter_cli.running.trained_network",
    "read_runs": "lighter_cli.runs.run",
}


def __getattr__(name: str) -> Any:
    # `lighter --help` imports this package, so what runs experiments is imported on first use
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
