"""Group the trials of a sweep where loggers keep many runs: what the config of a trial says besides the config.

Loggers that write files, such as those of TensorBoard and CSV, write below the folder of the trial, so
``tensorboard --logdir lighter_sweeps/NAME`` shows a sweep already.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lighter_cli.runs.trial import Trial, name_of_trial
from lighter_config import Config, format_path
from lighter_config.checks.components import components_in

_PACKAGES = ("pytorch_lightning", "lightning")


def logger_settings(config: Config, trial: Trial) -> dict[str, Any]:
    """Return arguments of loggers that a trial adds, by their paths; none that the config gives.

    ``WandbLogger`` gets the sweep as its group and the trial as its name. ``MLFlowLogger`` gets the trial as the name
    of its run, and both as tags.

    Args:
        config: The config of the trial.
        trial: The trial.
    """
    return {format_path(path): value for path, value in _settings(config, trial)}


def _settings(config: Config, trial: Trial) -> Iterator[tuple[tuple[str | int, ...], str]]:
    name = name_of_trial({"trial": trial.recorded})
    # as written: what copies a logger by `%` copies these, too
    for component in components_in(config.tree, lambda _: True):
        if (component.target or "").partition(".")[0] not in _PACKAGES:
            continue
        given, path = component.keywords, component.path
        # a name may be among arguments by position
        names = (
            ()
            if component.positional != ()
            else {"WandbLogger": ("name",), "MLFlowLogger": ("run_name",)}.get(component.short_name, ())
        )
        yield from (((*path, key), name) for key in names if key not in given)
        if component.short_name == "WandbLogger" and "group" not in given:
            yield (*path, "group"), trial.sweep
        if component.short_name == "MLFlowLogger" and component.positional == ():
            tags = given.get("tags", {})
            found = {"lighter.sweep": trial.sweep, "lighter.trial": name}
            if isinstance(tags, dict):
                yield from (((*path, "tags", key), value) for key, value in found.items() if key not in tags)
