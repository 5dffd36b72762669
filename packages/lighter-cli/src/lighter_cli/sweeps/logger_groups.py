"""Group the trials of a sweep where loggers keep many runs: what the config of a trial says besides the config.

Loggers that write files, such as those of TensorBoard and CSV, write below the folder of the trial, so
``tensorboard --logdir lighter_sweeps/NAME`` shows a sweep already.
"""

from __future__ import annotations

from typing import Any

from lighter_cli.runs.trial import Trial, name_of_trial
from lighter_config import Config, format_path
from lighter_config.checks.components import Component, components_in

_PACKAGES = ("pytorch_lightning", "lightning")


def logger_settings(config: Config, trial: Trial) -> dict[str, Any]:
    """Return arguments of loggers that a trial adds, by their paths; none that the config gives.

    ``WandbLogger`` gets the sweep as its group and the trial as its name. ``MLFlowLogger`` gets the trial as the name
    of its run, and both as tags.

    Args:
        config: The config of the trial.
        trial: The trial.
    """
    name = name_of_trial({"trial": trial.recorded})
    wanted: dict[str, dict[tuple[str, ...], str]] = {
        "WandbLogger": {("group",): trial.sweep, ("name",): name},
        "MLFlowLogger": {
            ("run_name",): name,
            ("tags", "lighter.sweep"): trial.sweep,
            ("tags", "lighter.trial"): name,
        },
    }
    settings: dict[str, Any] = {}
    # the config as it is written: what copies a logger by `%` copies these arguments, too
    for component in components_in(config.tree, lambda _: True):
        if (component.target or "").partition(".")[0] in _PACKAGES:
            for keys, value in wanted.get(component.short_name, {}).items():
                if not _is_given(component, keys):
                    settings[format_path((*component.path, *keys))] = value
    return settings


def _is_given(component: Component, keys: tuple[str, ...]) -> bool:
    """Return whether the config gives an argument, or a key in it; true also where it may: by position or reference."""
    if component.positional != () and keys != ("group",):  # that one has no position
        return True
    given: Any = component.keywords
    for key in keys:
        if not isinstance(given, dict):
            return True
        if key not in given:
            return False
        given = given[key]
    return True
