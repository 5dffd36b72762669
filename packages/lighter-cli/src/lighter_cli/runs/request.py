"""What a run was asked to do, and the record that it starts with."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lighter_cli.code.snapshot import Snapshot, take_snapshot
from lighter_cli.runs import environment
from lighter_cli.runs.config_values import values_to_record
from lighter_cli.runs.monitored import monitor_of
from lighter_cli.runs.record_fields import FORMAT
from lighter_cli.runs.trial import Trial
from lighter_config import RECORDED_CONFIG, Config, RunSource, Secrets, Stage

if TYPE_CHECKING:
    from pytorch_lightning import Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a run was asked to do.

    Attributes:
        stage: The stage.
        config: The merged config, not pruned, as it is recorded: with the seed, without secrets.
        secrets: The secrets of the config, to hide in the rest of the record.
        files: The config files, including those of runs among the inputs.
        overrides: The overrides, including those of runs among the inputs.
        options: The arguments of the Trainer's method.
        seed: The seed in use.
        project: The folder of the user's code, if there is one.
        labels: The name, the tags and the note of the run, as far as they are given.
        trial: The trial of a sweep that the run belongs to.
    """

    stage: Stage
    config: Config
    secrets: Secrets
    files: Sequence[str]
    overrides: Sequence[str]
    options: Mapping[str, Any]
    seed: int
    project: Path | None
    labels: Mapping[str, Any] = field(default_factory=dict)
    trial: Trial | None = None


def code_of(request: Request) -> Snapshot:
    """Take a snapshot of the code that a run uses."""
    config = request.config
    places = chain.from_iterable(map(config.chain, config.leaf_paths()))
    bases = {place.source for place in places if place.word is None and place.source.endswith((".yaml", ".yml"))}
    runs = {str(Path(source.name, RECORDED_CONFIG)) for source in config.sources if isinstance(source, RunSource)}
    return take_snapshot(request.project, [*map(str, config.files), *sorted(bases - runs)], request.secrets)


def initial_record(request: Request, trainer: Trainer, folder: Path, code: Snapshot) -> dict[str, Any]:
    """Return the record that a run with this folder starts with, without its checkpoints."""
    monitor = monitor_of(trainer) if request.stage is Stage.FIT else None
    return {
        "format": FORMAT,
        "id": folder.name,
        "folder": str(folder),  # its paths are found from here after a move
        **request.secrets.hidden_in(request.labels),
        **({} if request.trial is None else {"trial": request.trial.recorded}),
        "stage": request.stage,
        "status": "running",
        "start": datetime.now(UTC).isoformat(),
        "end": None,
        "error": None,
        "words": list(request.config.words),
        "files": list(request.files),
        "overrides": list(request.overrides),
        "options": request.secrets.hidden_in(request.options),
        "working_directory": str(Path.cwd()),
        "project": None if request.project is None else str(request.project),
        "seed": request.seed,
        "git": code.git,
        "versions": environment.versions(),
        "process": environment.this_process(),
        "devices": {
            "accelerator": type(trainer.accelerator).__name__,
            "strategy": type(trainer.strategy).__name__,
            "num_devices": trainer.num_devices,
            "num_nodes": trainer.num_nodes,
            "gpu_driver": environment.gpu_driver(),
            "names": [torch.cuda.get_device_name(i) for i in trainer.device_ids]
            if trainer.strategy.root_device.type == "cuda"
            else [platform.processor() or platform.machine()],
        },
        **({} if monitor is None else {"monitor": {"name": monitor.name, "mode": monitor.mode}}),
        **({} if (values := values_to_record(request.config)) is None else {"values": values}),
        "progress": None,
        "metrics": {},
    }
