"""The words that a rehearsal adds to an experiment, so that it takes seconds, in one process, and reaches no server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lighter_config import MODES, Config, Finding, Severity, format_path, resolved
from lighter_config.checks.components import Component, components_in
from lighter_config.sections import TRAINER

_FIXED = {
    "num_sanity_val_steps": 0,
    "check_val_every_n_epoch": 1,
    "val_check_interval": 1.0,
}
_FINDERS = ("BatchSizeFinder", "LearningRateFinder")
_IN_OTHER_PROCESSES = ("spawn", "fork", "notebook")
_SERVICES = ("LitLogger",)
"""Loggers that have no mode without their server."""


class Words(NamedTuple):
    """What a rehearsal changes.

    Attributes:
        words: Overrides, as the command line has them.
        notes: What a user should know about them.
    """

    words: tuple[str, ...]
    notes: tuple[Finding, ...]


def rehearsal_words(config: Config, batches: int, folder: Path) -> Words:
    """Return the words of a rehearsal.

    Args:
        config: The config.
        batches: The number of batches of each loader.
        folder: A temporary folder for loggers.
    """
    known = resolved(config)
    words = [*_limits(known, batches), *_fixed(known)]
    notes: list[Finding] = []
    for word, note in (*_one_process(known), *_loggers(config, folder)):
        words += [word] if word else []
        notes += [note] if note is not None else []
    notes += [
        _note(config, component.path, f"{component.short_name} is left out of the rehearsal: it runs many short fits")
        for component in _components(config, "callbacks")
        if component.short_name in _FINDERS
    ]
    return Words(tuple(words), tuple(notes))


def _limits(known: Config, batches: int) -> Iterator[str]:
    for mode in MODES:
        given = known.get(f"trainer::limit_{mode}_batches", None)
        is_small = isinstance(given, int) and not isinstance(given, bool) and given <= batches
        if not is_small and given != 0.0:
            yield f"trainer::limit_{mode}_batches={batches}"
    if known.get("trainer::overfit_batches", None):
        yield f"trainer::overfit_batches={batches}"


def _fixed(known: Config) -> Iterator[str]:
    for name, value in _FIXED.items():
        if known.get(f"trainer::{name}", None) != value:
            yield f"trainer::{name}={value}"
    if known.get("trainer::log_every_n_steps", None) != 0:
        yield "trainer::log_every_n_steps=1"


def _one_process(known: Config) -> Iterator[tuple[str, Finding | None]]:
    """Yield what keeps the trainer in this process, on one device."""
    devices, nodes = known.get("trainer::devices", "auto"), known.get("trainer::num_nodes", 1)
    if devices not in (1, "1") and not (isinstance(devices, list) and len(devices) == 1):
        note = f"the rehearsal uses one device: trainer::devices is {devices!r}"
        yield "trainer::devices=1", None if devices == "auto" else _note(known, (TRAINER, "devices"), note)
    if nodes != 1:
        note = f"the rehearsal uses one machine: trainer::num_nodes is {nodes!r}"
        yield "trainer::num_nodes=1", _note(known, (TRAINER, "num_nodes"), note)
    strategy = known.get("trainer::strategy", None)
    if isinstance(strategy, str) and any(name in strategy for name in _IN_OTHER_PROCESSES):
        note = f"the rehearsal runs in one process: trainer::strategy is {strategy!r}"
        yield "trainer::strategy=auto", _note(known, (TRAINER, "strategy"), note)


def _loggers(config: Config, folder: Path) -> Iterator[tuple[str, Finding | None]]:
    """Yield what keeps loggers from logging in to a server."""
    for component in _components(config, "logger"):
        where, name = format_path(component.path), component.short_name
        is_offline = f"{name} is offline in the rehearsal"
        if name == "WandbLogger":
            yield f"{where}::offline=true", _note(config, component.path, is_offline)
            yield f"{where}::log_model=false", None
            yield f"{where}::save_dir={quoted(folder)}", None
        elif name == "CometLogger":
            yield f"{where}::online=false", _note(config, component.path, is_offline)
        elif name == "MLFlowLogger":
            file = f"sqlite:///{folder / 'mlflow.db'}"
            message = "MLFlowLogger writes into a temporary file in the rehearsal"
            yield f"{where}::tracking_uri={quoted(file)}", _note(config, component.path, message)
            yield f"{where}::artifact_location={quoted(folder / 'artifacts')}", None
        elif name in _SERVICES:
            package = (component.target or "").rpartition(".loggers")[0] or "pytorch_lightning"
            instead = json.dumps({"_target_": f"{package}.loggers.CSVLogger", "save_dir": str(folder)})
            message = f"{name} is replaced by a CSVLogger in the rehearsal"
            yield f"={where}={instead}", _note(config, component.path, message)


def quoted(value: Any) -> str:
    """Return a text as an override takes it, whatever characters it has."""
    return json.dumps(str(value))


def _components(config: Config, argument: str) -> Sequence[Component]:
    components = components_in(config.expanded().tree, lambda _: True)
    return [one for one in components if one.path[:2] == (TRAINER, argument)]


def _note(config: Config, path: tuple[Any, ...], message: str) -> Finding:
    where = format_path(path)
    return Finding(
        message=message,
        severity=Severity.NOTE,
        path=where,
        place=config.place(where),
        excerpt=config.excerpt(where),
    )
