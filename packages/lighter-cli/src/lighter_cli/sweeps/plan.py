"""What a sweep is, as the words of the command say it; read without Optuna."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lighter_cli.checking.seeds import find_seed
from lighter_cli.runs.lookup import look_up_run
from lighter_cli.sweeps.freezing import space_facts
from lighter_cli.sweeps.layout import SWEEP_FILE, read_json
from lighter_config import Config, OverrideSource, RunSource, Source, load, parse_sources
from lighter_config.regular_files import exists
from lighter_config.space import Space, SpaceOptions, read_space


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a sweep is: its config and space, as the words of the command give them now.

    Attributes:
        config: The config, with its ``sweep`` section.
        space: The space.
        options: The options that the space was read with, as plain values.
        seed: The seed of the sampler.
        name: The name of the sweep; ``None`` for the one that the words give.
        folder: The folder that the words name; ``None`` if they name none.
    """

    config: Config
    space: Space
    options: Mapping[str, Any]
    seed: int
    name: str | None = None
    folder: Path | None = None

    @property
    def identity(self) -> str:
        """What distinguishes the sweep from others: files, overrides and space; not how far it goes, nor how."""
        files = [str(file) for file in self.config.files]
        sources = self.config.sources
        overrides = [
            one.text for one in sources if isinstance(one, OverrideSource) and not one.text.startswith("sweep")
        ]
        content = json.dumps([files, overrides, space_facts(self.space)], sort_keys=True, default=str)
        return hashlib.sha256(content.encode()).hexdigest()


def plan_of(words: Sequence[str], space_options: SpaceOptions, name: str | None = None) -> Plan:
    """Read what a sweep is from the words of the command.

    A word may be the folder of a sweep: its config and its options, which those of the command replace.

    Raises:
        ConfigError: The words or the space cannot be used.
    """
    folder = next((Path(word) for word in words if exists(Path(word) / SWEEP_FILE)), None)
    if folder is None:
        config = load(_parsed(words))
    else:
        rest = [word for word in words if Path(word) != folder]
        sources: list[Source] = [RunSource(folder, str(folder)), *_parsed(rest)]
        config = load(sources)
        stored = (read_json(folder / SWEEP_FILE) or {}).get("options", {})
        space_options = _merged(stored, space_options)
    space = read_space(config, space_options)
    return Plan(
        config=config,
        space=space,
        options=asdict(space_options),
        seed=find_seed(config),
        name=name,
        folder=None if folder is None else folder.absolute(),
    )


def _parsed(words: Sequence[str]) -> list[Source]:
    return parse_sources(words, from_command_line=True, look_up_run=look_up_run, sweeping=True)


def _merged(stored: Mapping[str, Any], given: SpaceOptions) -> SpaceOptions:
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
    now = {name: value for name, value in asdict(given).items() if value not in (None, ())}
    if {"maximize", "minimize"} & now.keys():
        values = {name: value for name, value in values.items() if name not in ("maximize", "minimize")}
    return SpaceOptions(**{**values, **now})
