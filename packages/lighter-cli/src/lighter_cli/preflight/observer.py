"""Watch a rehearsed stage: time its batches, look at the first one, save a checkpoint in any case."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lighter_cli.lightning_package import class_beside
from lighter_cli.preflight.batch_facts import tensor_facts
from lighter_cli.preflight.checkpoint import kept_checkpoints, save_in_any_case
from lighter_cli.preflight.measures import LoopMeasures, StageMeasures
from lighter_cli.running.monitor_check import monitors_of, unlogged_monitor
from lighter_cli.runs.hyperparameters import hyperparameters
from lighter_cli.runs.metric_values import numbers
from lighter_cli.runs.monitored import log_hyperparameters, monitor_of
from lighter_cli.runs.out_of_memory import note_out_of_memory
from lighter_cli.runs.peak_memory import peak_memory
from lighter_config import Config, Stage

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule, Trainer

    from lighter.callbacks import Picture
else:
    LightningModule = Any

_LOADERS = {
    "train": "train_dataloader",
    "val": "val_dataloaders",
    "test": "test_dataloaders",
    "predict": "predict_dataloaders",
}


class StageObserver:
    """A callback that measures a stage.

    Args:
        stage: The stage.
        config: The config as the user wrote it.
        limits: The user's own limits of batches, by mode.
        folder: A temporary folder for checkpoints that no callback saves.
    """

    def __init__(self, stage: Stage, config: Config, limits: Mapping[str, Any], folder: Path) -> None:
        self.seen = StageMeasures()
        self._stage = stage
        self._config = config
        self._limits = limits
        self._folder = folder
        self._last_s = 0.0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give loggers the hyperparameters, as a run does."""
        self.seen.is_set_up = True
        parameters = hyperparameters(self._config)
        has_monitor = self._stage is Stage.FIT and monitor_of(trainer) is not None
        for logger in trainer.loggers:
            log_hyperparameters(logger, parameters, has_monitor=has_monitor)

    def on_picture(self, trainer: Trainer, picture: Picture) -> None:
        """Keep no picture; in a run, the record does."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of an epoch."""
        self._start("train", trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of a loop."""
        self._start("val", trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of a loop."""
        self._start("test", trainer)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of a loop."""
        self._start("predict", trainer)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Look at the first batch."""
        self._look("train", batch)

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Look at the first batch."""
        self._look("val", batch)

    def on_test_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Look at the first batch."""
        self._look("test", batch)

    def on_predict_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Look at the first batch."""
        self._look("predict", batch)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Time a batch."""
        self._end_batch("train", trainer)

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Time a batch."""
        self._end_batch("val", trainer)

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Time a batch."""
        self._end_batch("test", trainer)

    def on_predict_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Time a batch."""
        self._end_batch("predict", trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what was measured."""
        self._end(trainer)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what was measured."""
        self._end(trainer)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what was measured."""
        self._end(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look for what callbacks monitor, and save a checkpoint if no callback has."""
        self._end(trainer)
        for owner, name in monitors_of(trainer):
            is_logged = self.seen.monitors[name] = name in trainer.callback_metrics
            if not is_logged:
                self.seen.findings.append(
                    unlogged_monitor(self._config, trainer, owner, name, list(trainer.callback_metrics))
                )
        self.seen.epochs = _epochs(trainer, self.seen.epochs, self.seen.loops["train"].batches)
        self.seen.checkpoint = save_in_any_case(trainer, self._folder)
        self.seen.kept_files = kept_checkpoints(trainer, self.seen.epochs, self.seen.loops["train"].batches)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remember why the trainer stops; save what there is, so that the later stages have a checkpoint to load."""
        self.seen.interruption = exception
        if isinstance(exception, KeyboardInterrupt):
            return
        with suppress(Exception):
            note_out_of_memory(exception, trainer, self._config)
        with suppress(Exception):  # the error of the stage is the one to report
            self._end(trainer)
        if self._stage is Stage.FIT and self.seen.is_started and self.seen.checkpoint is None:
            with suppress(Exception):
                file = self._folder / "after-failure.ckpt"
                trainer.save_checkpoint(file)
                self.seen.checkpoint = file

    def _start(self, mode: str, trainer: Trainer) -> None:
        self.seen.is_started = True
        if mode not in self.seen.loops:
            loop = self.seen.loops[mode] = LoopMeasures(limit=self._limits.get(mode), is_parallel=mode == "train")
            for loader in _loaders(trainer, mode):
                loop.lengths.append(_length(loader))
                loop.batch_sizes.append(_batch_size(loader))
                loop.datasets.append(_length(getattr(loader, "dataset", None)))
        self._last_s = time.perf_counter()

    def _look(self, mode: str, batch: Any) -> None:
        if mode not in self.seen.batches:
            self.seen.batches[mode] = tensor_facts(batch)

    def _end_batch(self, mode: str, trainer: Trainer) -> None:
        if (device := trainer.strategy.root_device).type == "cuda":
            torch.cuda.synchronize(device)
        now = time.perf_counter()
        self.seen.loops[mode].times_s.append(now - self._last_s)
        self._last_s = now

    def _end(self, trainer: Trainer) -> None:
        self.seen.memory = peak_memory(trainer)
        self.seen.metrics |= numbers(trainer.callback_metrics)
        self._last_s = time.perf_counter()  # of training: what a validation took is not the next batch's


def _epochs(trainer: Trainer, max_epochs: int | None, batches: int | None) -> int | None:
    """Return the epochs of a whole fit, which its steps may limit; ``None`` without a limit."""
    if trainer.max_steps < 0 or not batches:
        return max_epochs
    by_steps = math.ceil(trainer.max_steps * trainer.accumulate_grad_batches / batches)
    return by_steps if max_epochs is None else min(by_steps, max_epochs)


def _loaders(trainer: Trainer, mode: str) -> list[Any]:
    combined_loader = class_beside(trainer, "utilities.combined_loader.CombinedLoader")
    loaders = getattr(trainer, _LOADERS[mode])
    combined = loaders if isinstance(loaders, combined_loader) else combined_loader(loaders, "sequential")
    return list(combined.flattened)


def _batch_size(loader: Any) -> int | None:
    """Return the batch size; of a loader that Lightning made anew to predict, only the batch sampler has it."""
    size = getattr(loader, "batch_size", None)
    return getattr(getattr(loader, "batch_sampler", None), "batch_size", None) if size is None else size


def _length(sized: Any) -> int | None:
    try:
        return len(sized)
    except (TypeError, NotImplementedError):
        return None
