"""Write the record of one run: what ran, with which config, versions and machine, and what came of it."""

import json
import logging
import os
import platform
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from lighter_cli import environment
from lighter_cli.closing import closing_lines
from lighter_cli.records import INDEX, RECORD_FILE
from lighter_config import CHECKPOINT_KEY, RECORDED_CONFIG, RECORDED_PLACES, Config, Stage, to_yaml

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for.

    Attributes:
        stage: The stage.
        config: The merged config, not pruned.
        words: The sources as given.
        options: The arguments of the Trainer's method: flags over ``args``.
        seed: The seed in use.
        project: The folder of the user's code.
    """

    stage: Stage
    config: Config
    words: Sequence[str]
    options: Mapping[str, Any]
    seed: int
    project: Path | None


class ConfigRecorder(Callback):
    """Write a run's folder ``<default_root_dir>/lighter_runs/<time>-<id>/`` on rank zero, and keep it up to date.

    The folder holds ``config.yaml`` (standing alone), ``provenance.json`` (the places of each value) and
    ``record.json`` (the rest). Each file appears whole or not at all. Checkpoints carry the same, and loggers get the
    config as hyperparameters. A ``fast_dev_run`` leaves nothing.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._config_text = to_yaml(request.config, standalone=True)
        self._name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        self._content: dict[str, Any] = {}
        self._checkpoints: dict[str, Any] = {}
        self._interruption: BaseException | None = None

    def folder(self, trainer: Trainer) -> Path:
        """Return the folder of the record."""
        return Path(trainer.default_root_dir).resolve() / "lighter_runs" / self._name

    @contextmanager
    def recording(self, trainer: Trainer) -> Iterator[None]:
        """Write the status that the run inside ends with.

        Raises:
            KeyboardInterrupt: The run was interrupted; Lightning itself exits as if it had failed.
        """
        trainer.callbacks.append(self)  # type: ignore[attr-defined]  # after the checkpoint callbacks, to see what they saved
        try:
            yield
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt) or isinstance(self._interruption, KeyboardInterrupt)
            self._close(trainer, "interrupted" if interrupted else "failed", error)
            if interrupted and not isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise
        self._close(trainer, "finished", None)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the record; the process group exists now, so that rank zero is known."""
        if not _leaves_a_record(trainer):
            return
        for logger in trainer.loggers:
            logger.log_hyperparams(self._request.config.tree)
        folder = self.folder(trainer)
        folder.mkdir(parents=True)
        self._content = self._describe(trainer)
        _write_whole(folder / RECORDED_CONFIG, self._config_text)
        _write_whole(folder / RECORDED_PLACES, _to_json(_provenance(self._request.config)))
        self._write(trainer)
        index = Path.cwd() / INDEX
        index.parent.mkdir(exist_ok=True)
        with index.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"folder": str(folder), "stage": self._request.stage}) + "\n")

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Put config and record into the checkpoint as plain text."""
        provenance = _provenance(self._request.config)
        checkpoint[CHECKPOINT_KEY] = _to_json({**self._content, "config": self._config_text, "provenance": provenance})

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Note checkpoints that were saved inside an epoch."""
        self._note_checkpoints(trainer)

    def on_validation_end(self, trainer: Trainer, *args: Any) -> None:
        """Note checkpoints that were saved after validation."""
        self._note_checkpoints(trainer)

    def on_train_epoch_end(self, trainer: Trainer, *args: Any) -> None:
        """Note checkpoints that were saved at the end of an epoch."""
        self._note_checkpoints(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remember why Lightning stops: it turns Ctrl-C into an ordinary exit."""
        self._interruption = exception

    def _note_checkpoints(self, trainer: Trainer) -> None:
        if self._request.stage is not Stage.FIT:
            return  # what the callbacks say there was read from the checkpoint that the stage started from
        callbacks = [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)]
        paths = [(callback.best_model_path, callback.last_model_path) for callback in callbacks]
        if paths != self._checkpoints.get("paths"):
            self._checkpoints = {"paths": paths, **_last_and_best(callbacks)}
            if self._content:
                self._write(trainer)

    def _close(self, trainer: Trainer, status: str, error: BaseException | None) -> None:
        if not self._content:
            return
        self._note_checkpoints(trainer)
        self._content["status"] = status
        self._content["end"] = datetime.now(UTC).isoformat()
        self._content["error"] = None if error is None else f"{type(error).__name__}: {error}"
        self._content["metrics"] = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self._write(trainer)
        if status in ("finished", "interrupted"):
            for line in closing_lines(self._written(), self.folder(trainer)):
                _logger.info(line)

    def _write(self, trainer: Trainer) -> None:
        _write_whole(self.folder(trainer) / RECORD_FILE, _to_json(self._written()))

    def _written(self) -> dict[str, Any]:
        checkpoints = {key: value for key, value in self._checkpoints.items() if key != "paths"}
        return {**self._content, "checkpoints": checkpoints}

    def _describe(self, trainer: Trainer) -> dict[str, Any]:
        request = self._request
        return {
            "format": 1,
            "id": self._name,
            "stage": request.stage,
            "status": "running",
            "start": datetime.now(UTC).isoformat(),
            "end": None,
            "error": None,
            "words": list(request.words),
            "files": [str(file) for file in request.config.files],
            "overrides": list(request.config.overrides),
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
            "metrics": {},
        }


def _leaves_a_record(trainer: Trainer) -> bool:
    return trainer.is_global_zero and not getattr(trainer, "fast_dev_run", False)


def _last_and_best(callbacks: Sequence[ModelCheckpoint]) -> dict[str, Any]:
    """Find what a later process will ask for as ``last`` and ``best``."""
    if not callbacks:
        return {}
    saved = {path for callback in callbacks for path in (*callback.best_k_models, callback.best_model_path)}
    explicit = [callback.last_model_path for callback in callbacks if callback.last_model_path]
    existing = [path for path in explicit or saved if path and Path(path).exists()]
    newest = max(existing, key=lambda path: Path(path).stat().st_mtime_ns, default=None)
    judged = next((callback for callback in callbacks if callback.monitor is not None), callbacks[0])
    score = judged.best_model_score
    return {
        "last": newest and str(Path(newest).resolve()),
        "best": str(Path(judged.best_model_path).resolve()) if judged.best_model_path else None,
        "monitor": judged.monitor,
        "best_score": None if score is None else float(score),
    }


def _provenance(config: Config) -> dict[str, list[str]]:
    return {path: [str(place) for place in config.chain(path)] for path in config.leaf_paths()}


def _to_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)


def _write_whole(file: Path, text: str) -> None:
    """Write a file beside its place and rename it, so that a reader sees all of it or the one before."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    Path(temporary).replace(file)
