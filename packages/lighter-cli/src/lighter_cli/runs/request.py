"""What was asked for, and how a record tells it when the run begins."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer

from lighter_cli.runs import environment
from lighter_config import Config, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for.

    Attributes:
        stage: The stage.
        config: The merged config, not pruned.
        files: The config files, those of runs among the words too.
        overrides: The overrides, those of runs among the words too.
        options: The arguments of the Trainer's method: flags over ``args``.
        seed: The seed in use.
        project: The folder of the user's code.
    """

    stage: Stage
    config: Config
    files: Sequence[str]
    overrides: Sequence[str]
    options: Mapping[str, Any]
    seed: int
    project: Path | None


def description(request: Request, trainer: Trainer, name: str) -> dict[str, Any]:
    """Return what a record holds when a run of this name begins, all but its checkpoints."""
    return {
        "format": 1,
        "id": name,
        "stage": request.stage,
        "status": "running",
        "start": datetime.now(UTC).isoformat(),
        "end": None,
        "error": None,
        "words": list(request.config.words),
        "files": list(request.files),
        "overrides": list(request.overrides),
        "options": dict(request.options),
        "working_directory": str(Path.cwd()),
        "project": None if request.project is None else str(request.project),
        "seed": request.seed,
        "git": environment.git_state(),
        "versions": environment.versions(),
        "process": environment.this_process(),
        "devices": {
            "accelerator": type(trainer.accelerator).__name__,
            "strategy": type(trainer.strategy).__name__,
            "num_devices": trainer.num_devices,
            "num_nodes": trainer.num_nodes,
            "names": [torch.cuda.get_device_name(i) for i in trainer.device_ids]
            if trainer.strategy.root_device.type == "cuda"
            else [platform.processor() or platform.machine()],
        },
        "progress": None,
        "metrics": {},
    }
