"""Make Optuna's samplers and pruners, by a short name or as a component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import optuna

from lighter_config import Finding, SourceError, load, nearest_names

T = TypeVar("T")
Spec = str | Mapping[str, Any]

_STARTUP_TRIALS = 5
_PATIENCE = 3

SAMPLERS: Mapping[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "qmc": lambda seed: optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
}
_OF_ONE_SEQUENCE = ("qmc", "cmaes")
"""Samplers whose trials are points of one sequence, which the seed begins."""

PRUNERS: Mapping[str, Callable[[int], optuna.pruners.BasePruner]] = {
    "median": lambda epochs: _median(epochs),
    "hyperband": lambda epochs: optuna.pruners.HyperbandPruner(max_resource=epochs or "auto"),
    "patient": lambda epochs: optuna.pruners.PatientPruner(_median(epochs), patience=_PATIENCE),
    "wilcoxon": lambda _: optuna.pruners.WilcoxonPruner(),
}


def make_sampler(spec: Spec, seed: int, number: int) -> optuna.samplers.BaseSampler:
    """Make the sampler that draws one trial.

    With a short name, what it draws depends only on the seed, the number and the trials before: a sweep that was
    killed and continued draws the same.

    Args:
        spec: A short name, or a component.
        seed: The seed of the sweep.
        number: The number of the trial.

    Raises:
        SourceError: The name is unknown, a package is missing, or the component is not a sampler.
    """
    if not isinstance(spec, str):
        return _built(spec, optuna.samplers.BaseSampler)
    if spec == "grid":
        spec = "random"  # every trial is given
    return _named(spec, SAMPLERS, seed if spec in _OF_ONE_SEQUENCE else (seed + number) % 2**32)


def make_pruner(spec: Spec | None, max_epochs: int) -> optuna.pruners.BasePruner:
    """Make a pruner; ``None`` prunes nothing.

    Args:
        spec: A short name, or a component.
        max_epochs: The epochs of a trial; 0 if unknown.

    Raises:
        SourceError: The name is unknown, or the component is not a pruner.
    """
    if spec is None:
        return optuna.pruners.NopPruner()
    return _named(spec, PRUNERS, max_epochs) if isinstance(spec, str) else _built(spec, optuna.pruners.BasePruner)


def _median(epochs: int) -> optuna.pruners.BasePruner:
    return optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=epochs // 3)


def _named(name: str, known: Mapping[str, Callable[[int], T]], argument: int) -> T:
    if name not in known:
        kind = "sampler" if known is SAMPLERS else "pruner"
        nearest = nearest_names(name, list(known))
        raise SourceError(Finding(message=f"unknown {kind} {name!r}", expected=tuple(known), nearest=nearest))
    try:
        return known[name](argument)
    except ImportError as error:
        text = str(error).partition("\n")[0]
        raise SourceError(Finding(message=f"{name!r} needs a package that is missing: {text}")) from error


def _built(spec: Mapping[str, Any], kind: Callable[..., T]) -> T:
    built: Any = load([{"component": dict(spec)}], strict=False).resolve("component")
    if not isinstance(built, cast("type", kind)):
        message = f"a component of the sweep is a {type(built).__name__}"
        raise SourceError(Finding(message=message, expected=("one of Optuna's classes",)))
    return cast("T", built)
