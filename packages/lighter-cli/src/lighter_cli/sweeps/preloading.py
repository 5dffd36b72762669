"""Decide which modules a warm server imports: those of installed packages that the config names."""

from __future__ import annotations

import sysconfig
from importlib.util import find_spec
from pathlib import Path

from lighter_config import Config
from lighter_config.checks.components import components_in

_LIGHTNING = {"lightning": "lightning.pytorch", "pytorch_lightning": "pytorch_lightning"}
_NEVER = ("triton", "__main__", "project")


def modules_of(config: Config) -> list[str]:
    """Return the modules to import; none of the user's own code, which each trial imports itself."""
    targets = [component.target or "" for component in components_in(config.expanded().tree, lambda _: True)]
    packages = {target.partition(".")[0] for target in targets}
    names = dict.fromkeys(name for package, name in _LIGHTNING.items() if package in packages)
    installed = {package for package in packages if package not in _NEVER and _is_installed(package)}
    for target in targets:
        if target.partition(".")[0] in installed:
            names[_module_of(target)] = None
    logger = config.expanded().get("trainer::logger", True)
    if logger is True or any(target.endswith(".TensorBoardLogger") for target in targets):
        # what the logger imports when it writes first
        names["torch.utils.tensorboard"] = names["tensorboard.plugins.hparams.metadata"] = None
    return [name for name in names if name]


def _module_of(target: str) -> str:
    """Return the module of a target by its name alone: the parts before the first with a capital letter, or the last.

    >>> _module_of("sklearn.datasets.load_digits"), _module_of("torch.nn.Linear"), _module_of("torchmetrics.Accuracy")
    ('sklearn.datasets', 'torch.nn', 'torchmetrics')
    """
    parts = target.split(".")[:-1]
    for index, part in enumerate(parts):
        if part[:1].isupper():
            return ".".join(parts[:index])
    return ".".join(parts)


def _is_installed(package: str) -> bool:
    """Return whether a package is one of Python or lies where packages are installed."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return False
    origin = None if spec is None else spec.origin or next(iter(spec.submodule_search_locations or ()), None)
    if origin is None:
        return False
    folders = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib")}
    return any(Path(origin).resolve().is_relative_to(folder) for folder in folders)
