"""The command line, from `app` down; in Python: ``Runner().run("fit", ["config.yaml"])``, ``load_experiment``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lighter_cli.running.loaded_experiment import LoadedExperiment, load_experiment
    from lighter_cli.running.runner import Runner
    from lighter_cli.running.trained_network import load_network

__all__ = ["LoadedExperiment", "Runner", "load_experiment", "load_network"]

_LATE = {
    "LoadedExperiment": "lighter_cli.running.loaded_experiment",
    "Runner": "lighter_cli.running.runner",
    "load_experiment": "lighter_cli.running.loaded_experiment",
    "load_network": "lighter_cli.running.trained_network",
}


def __getattr__(name: str) -> Any:
    # `lighter --help` imports this package, so what runs experiments is imported on first use
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
