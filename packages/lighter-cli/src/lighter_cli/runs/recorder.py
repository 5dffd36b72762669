"""Write the record of one run: what ran, with which config, versions and machine, and its results."""

from __future__ import annotations

import json
import logging
import secrets
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lighter_cli.checkpoints.nan_weights import NanWeights
from lighter_cli.checkpoints.saved_by_callbacks import (
    best_checkpoint,
    checkpoint_folders,
    last_and_best,
    saved_checkpoints,
    saves_weights_alone,
)
from lighter_cli.lightning_internals import computed_metrics, deferred_saves, found_values, newest_save
from lighter_cli.lightning_package import class_beside, is_sigterm
from lighter_cli.runs import index
from lighter_cli.runs.epoch_recorder import EpochRecorder
from lighter_cli.runs.fit_end import Stop, earlier_stops, end_fields, nan_losses
from lighter_cli.runs.hyperparameters import hyperparameters
from lighter_cli.runs.leftovers import release_reserve, remove_partial_checkpoints
from lighter_cli.runs.logger_places import logger_places
from lighter_cli.runs.metric_values import numbers
from lighter_cli.runs.monitored import MonitoredValues, log_hyperparameters, monitor_of
from lighter_cli.runs.out_of_memory import note_out_of_memory
from lighter_cli.runs.peak_memory import peak_memory
from lighter_cli.runs.picture_recorder import PictureRecorder
from lighter_cli.runs.record_writer import RecordWriter, to_json
from lighter_cli.runs.recorder_errors import as_text, note_not_writable, warning_instead, was_interrupted
from lighter_cli.runs.request import Request, code_of, initial_record
from lighter_cli.runs.restored_values import recorded_values, warnings_of
from lighter_cli.runs.saved_metrics import SavedMetrics
from lighter_cli.runs.summary import summary_lines
from lighter_cli.runs.time_spent import TimeSpent
from lighter_cli.terminal.findings_log import log_findings
from lighter_config import (
    CHECKPOINT_KEY,
    RECORD_FILE,
    Stage,
)

if TYPE_CHECKING:
    from pytorch_lightning import Callback, LightningModule, Trainer

    from lighter.callbacks import Matrix, Picture
    from lighter.restored_values import RestoredValue
else:
    Callback = object  # `derived` adds that of the trainer's package

_logger = logging.getLogger(__name__)

_EXIT_CODE_OF_SIGTERM = 128 + signal.SIGTERM  # the exit code that a shell shows for a process ended by SIGTERM


class RunRecorder(Callback):
    """Write the record folder of a run, ``<default_root_dir>/lighter_runs/<time>-<id>/``, on rank zero.

    The folder holds ``config.yaml`` (complete without other files), ``provenance.json`` (the places of each value), the
    code (see ``lighter_cli.code``) and ``record.json`` (the rest), each written atomically and kept up to date; and of
    a fit ``epochs.jsonl``, which gets a line an epoch. Pictures are kept as `PictureRecorder` says. Checkpoints carry
    config, places and record, and loggers get the config as hyperparameters. A ``fast_dev_run`` is not recorded. If the
    folder cannot be written, the run continues with a warning.

    Args:
        request: What was asked for.
    """

    # Lightning calls and profiles every hook of a callback in each step, unless it is not callable
    on_train_batch_start = on_before_zero_grad = on_before_backward = None  # type: ignore[assignment]
    on_after_backward = on_before_optimizer_step = None  # type: ignore[assignment]
    on_validation_batch_start = on_validation_batch_end = None  # type: ignore[assignment]

    def __init__(self, request: Request) -> None:
        self._request = request
        self._writer = RecordWriter(request.config)
        self._name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        self._content: dict[str, Any] = {}
        self._checkpoints: dict[str, Any] = {}
        self._newest: list[tuple[str, int]] = []
        self._steps: dict[Path, int] = {}  # of the checkpoints that this fit has saved
        self._nan_weights = NanWeights()
        self._earlier_stops: list[Stop] = []
        self._time = TimeSpent()
        self._epochs = EpochRecorder()
        self._pictures = PictureRecorder()
        self._saved_metrics = SavedMetrics()
        self._monitored = MonitoredValues()
        self._interruption: BaseException | None = None

    def folder(self, trainer: Trainer) -> Path:
        """Return the folder of the record."""
        root = trainer.default_root_dir
        # loggers and checkpoints can write to an address such as that of a bucket; a record cannot
        return (Path.cwd() if "://" in root else Path(root).resolve()) / "lighter_runs" / self._name

    @contextmanager
    def recording(self, trainer: Trainer) -> Iterator[None]:
        """Record how the run inside ends.

        Raises:
            KeyboardInterrupt: The run was interrupted; Lightning alone would exit as after a failure.
            SIGTERMException: The run received a SIGTERM and exits with code 143; Lightning alone would exit with 0.
        """
        trainer.callbacks.append(self)  # type: ignore[attr-defined]  # after the checkpoint callbacks, to see their files
        try:
            yield
        except BaseException as error:
            if is_sigterm(error):
                self._close(trainer, "interrupted", error)
                error.code = error.code or _EXIT_CODE_OF_SIGTERM
                raise
            interrupted = was_interrupted(error) or isinstance(self._interruption, KeyboardInterrupt)
            self._close(trainer, "interrupted" if interrupted else "failed", error)
            if interrupted and not isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise
        self._close(trainer, "finished", None)

    def abandon(self, trainer: Trainer, error: Exception) -> None:
        """Record a failure while the main thread is stuck; the metrics cannot be read then."""
        if self._content:
            self._end("failed", error)
            self._writer.write_last(self.folder(trainer), self._record())

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the first record; from here on the process group exists and rank zero is known."""
        if not _is_recorded(trainer):
            return
        parameters = hyperparameters(self._request.config)
        has_monitor = self._request.stage is Stage.FIT and monitor_of(trainer) is not None
        for logger in trainer.loggers:
            log_hyperparameters(logger, parameters, has_monitor=has_monitor)
        code = code_of(self._request)
        self._content = initial_record(self._request, trainer, self.folder(trainer), code)
        with warning_instead("the record does not say where the loggers write"):
            self._content["loggers"] = self._request.secrets.hidden_in(logger_places(trainer))
        if self._request.stage is Stage.FIT:
            self._content["checkpoint_folders"] = checkpoint_folders(trainer)
            with warning_instead("partial checkpoints of killed runs are not removed"):
                remove_partial_checkpoints(self._content["checkpoint_folders"])
            self._time.start(trainer)
            self._saved_metrics.watch(trainer, self._time.saving)
        folder = self.folder(trainer)
        try:
            self._writer.create(folder, self._record())
            code.write(folder)
            self._enter(folder)
            self._pictures.start(folder)
            if self._request.stage is Stage.FIT:
                self._epochs.start(trainer, folder)
        except OSError as error:
            _logger.warning("this run is not recorded, so `last` and `best` will not find it: %s", error)

    def _enter(self, folder: Path) -> None:
        """Write the run into the list of the working directory; its record is complete without."""
        try:
            index.enter(folder, self._request.stage)
        except OSError as error:
            _logger.warning("this run is not in the list of runs, so `last` and `best` will not find it: %s", error)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add config and record to the checkpoint as plain text."""
        # the record on disk is updated later; a killed process would not do that
        best = best_checkpoint(trainer, partial(self._nan_weights.hold, is_nan=self._nan_weights.look(trainer)))
        saved = {"checkpoints": best, "at_best": self._saved_metrics.at(best["best"]), "step": trainer.global_step}
        saved |= self._epochs.for_checkpoint(trainer)
        config = {"config": self._writer.config_text, "provenance": self._writer.provenance()}
        checkpoint[CHECKPOINT_KEY] = to_json({**self._content, **saved, **config})

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Continue the curve and the best metrics of the run that wrote a checkpoint."""
        if not self._content or CHECKPOINT_KEY not in checkpoint:
            return
        with warning_instead("the epochs of the earlier run are not in the record"):
            content = json.loads(checkpoint[CHECKPOINT_KEY])
            if content.get("id") != self._name:  # a finder loads what it has saved
                self._saved_metrics.restore(content)
                file = self._request.options.get("ckpt_path")
                self._content |= self._epochs.resume(content, self.folder(trainer).parent, file)
                if earlier := self._epochs.resumed_record():
                    release_reserve(earlier)
                self._pictures.resume(earlier, content)

    def on_picture(self, trainer: Trainer, picture: Picture) -> None:
        """Keep a picture that a callback has drawn."""
        self._pictures.keep_picture(picture)

    def on_matrix(self, trainer: Trainer, matrix: Matrix) -> None:
        """Keep the numbers of a confusion matrix."""
        self._pictures.keep_matrix(matrix)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record what finders found, and remember what a checkpoint restored of earlier stops and checkpoints."""
        if self._content and (found := found_values(trainer)):
            self._content["found"] = found
            self._write(trainer)
        self._earlier_stops = earlier_stops(trainer)
        self._nan_weights.note(saved_checkpoints(trainer, self._steps, is_failing=False), -1)
        if self._content and self._request.stage is Stage.FIT:
            self._time.start_training(trainer)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Record checkpoints that were saved inside an epoch, and what parameter groups train."""
        self._update_checkpoints(trainer)
        if self._content and "parameter_groups" not in self._content:
            self._record_groups(trainer, pl_module)

    def on_restored_values(self, trainer: Trainer, values: Iterable[RestoredValue]) -> None:
        """Warn of values that a checkpoint restored in place of configured ones, and record both."""
        if not trainer.is_global_zero:
            return
        with warning_instead("the values that the checkpoint restored are not shown"):
            log_findings(warnings_of(values, self._request.config))
            if self._content:
                self._content["restored_values"] = recorded_values(values, self._request.config)
                self._write(trainer)

    def on_validation_end(self, trainer: Trainer, *args: Any) -> None:
        """Record checkpoints that were saved after validation, and tell the loggers the value of the monitor."""
        self._update_checkpoints(trainer)
        self._send_monitored(trainer)

    def on_train_epoch_end(self, trainer: Trainer, *args: Any) -> None:
        """Record checkpoints that were saved at the end of an epoch, and tell the loggers the value of the monitor."""
        self._epochs.note_end()
        if self._content and saves_weights_alone(trainer):
            self._nan_weights.look(trainer)  # Lightning does not tell callbacks of such a checkpoint
        self._update_checkpoints(trainer)
        self._send_monitored(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell the loggers the value of a monitor that is known only after the last epoch, and record waiting times."""
        self._send_monitored(trainer)
        self._time.end_training()
        if self._content and (measured := self._time.train_loader(trainer)):
            self._content["train_loader"] = measured
        if self._content and (monitors := deferred_saves(trainer)):
            self._content["deferred_saves"] = monitors

    def on_predict_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop after a SIGTERM, as Lightning's other loops do by themselves."""
        if trainer.received_sigterm:
            raise class_beside(trainer, "utilities.exceptions.SIGTERMException")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the results of a spawned rank zero."""
        self._write_for_parent(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remember why Lightning stops: it turns Ctrl-C into an ordinary exit. Say what needs less memory."""
        self._interruption = exception
        with warning_instead("no way to need less memory is shown"):
            note_out_of_memory(exception, trainer, self._request.config)
        with warning_instead("no other folder for the results is named"):
            note_not_writable(exception, trainer.default_root_dir)
        self._write_for_parent(trainer)

    def _record_groups(self, trainer: Trainer, pl_module: LightningModule) -> None:
        groups = self._content["parameter_groups"] = [
            asdict(group) for group in getattr(pl_module, "group_coverage", ())
        ]
        if groups:
            self._write(trainer)

    def _write_for_parent(self, trainer: Trainer) -> None:
        """In a spawned process, write what its parent needs to close the record."""
        if self._content and parent_process() is not None:
            with warning_instead("what the run reached is not recorded"):
                self._measure(trainer, self._interruption)
                self._write(trainer)

    def _send_monitored(self, trainer: Trainer) -> None:
        if self._content and self._request.stage is Stage.FIT and not trainer.sanity_checking:
            self._monitored.send(trainer)

    def _update_checkpoints(self, trainer: Trainer) -> None:
        if self._note_checkpoints(trainer):
            self._write(trainer)

    def _note_checkpoints(self, trainer: Trainer) -> bool:
        """Note the checkpoints for the record; return whether they have changed."""
        if self._request.stage is not Stage.FIT or not self._content or not trainer.checkpoint_callbacks:
            return False  # in other stages, the callbacks only know the checkpoint that the stage started from
        newest = [newest_save(callback) for callback in trainer.checkpoint_callbacks]
        is_failing = self._interruption is not None
        if newest == self._newest and not is_failing:  # runs after every batch, so it must not read the disk
            return False
        self._newest = newest
        self._steps |= {Path(path).absolute(): step for path, step in newest if path}
        saved = saved_checkpoints(trainer, self._steps, is_failing=is_failing)
        existing = {*saved, *(path.resolve() for path in saved)}
        self._steps = {path: step for path, step in self._steps.items() if path in existing}
        for path in saved:
            if path.is_dir() and not (path / RECORD_FILE).is_file():
                self._write_into_sharded_checkpoint(path)
        last_step = max(step for _, step in newest)
        self._nan_weights.note(saved, last_step)
        self._checkpoints = {**last_and_best(trainer, saved, self._nan_weights.hold), "last_step": last_step}
        self._saved_metrics.forget_others(saved)
        if at_best := self._saved_metrics.at(self._checkpoints.get("best")):
            self._content["at_best"] = at_best
        return True

    def _write_into_sharded_checkpoint(self, folder: Path) -> None:
        """Write the record as files into a sharded checkpoint, which has no single file to carry it."""
        try:
            self._writer.write_all(folder, self._record())
        except OSError as error:
            _logger.warning("the checkpoint %s carries no config, because it could not be written: %s", folder, error)

    def _close(self, trainer: Trainer, status: str, error: BaseException | None) -> None:
        """Record how the run ended. A problem in here is a warning: an error would hide that of the run."""
        has_run_here = bool(self._content)
        with warning_instead("the record of this run cannot be closed"):
            if not has_run_here and not self._has_loaded_record(trainer):
                if status == "finished" and trainer.is_global_zero:
                    self._say({"stage": self._request.stage, "metrics": self._final_metrics(trainer)}, None)
                return
            self._end(status, error)
            self._pictures.close()
            if has_run_here:
                self._measure(trainer, error)
            if status != "finished":  # a spawned rank zero may have recorded a fit that then failed
                self._content.pop("ended_by", None)
            self._writer.write_last(self.folder(trainer), self._record())
            if status in ("finished", "interrupted"):
                self._say(self._record(), self.folder(trainer) if self._writer.has_folder else None)

    @staticmethod
    def _say(record: Mapping[str, Any], folder: Path | None) -> None:
        for line in summary_lines({"checkpoints": {}, **record}, folder):
            _logger.info("%s", line)

    def _measure(self, trainer: Trainer, error: BaseException | None) -> None:
        self._content["progress"] = {"epoch": trainer.current_epoch, "step": trainer.global_step}
        if losses := nan_losses(trainer):
            self._content["nan_losses"] = losses
        self._content["peak_memory"] = peak_memory(trainer)
        if self._request.stage is Stage.FIT:
            self._measure_fit(trainer, error)
        with warning_instead("the record lacks the final metrics"):
            self._content["metrics"] = self._final_metrics(trainer)

    def _measure_fit(self, trainer: Trainer, error: BaseException | None) -> None:
        with warning_instead("the record lacks the last epoch"):
            self._epochs.close(trainer)
        if measured := self._time.measured():
            self._content["time_spent"] = measured
        if found := found_values(trainer):
            self._content["found"] = found
        self._content |= end_fields(trainer, error or self._interruption, self._earlier_stops)
        with warning_instead("the record lacks the newest checkpoints"):
            self._note_checkpoints(trainer)

    def _final_metrics(self, trainer: Trainer) -> dict[str, float]:
        if self._interruption is None or trainer.world_size == 1:
            return numbers(trainer.callback_metrics)
        return numbers(computed_metrics(trainer))  # the ranks to wait for may have ended

    def _has_loaded_record(self, trainer: Trainer) -> bool:
        """Load the record that a spawned rank zero wrote; return whether there is one."""
        file = self.folder(trainer) / RECORD_FILE
        if not file.is_file():
            return False
        self._content = json.loads(file.read_text(encoding="utf-8"))
        self._checkpoints = self._content.pop("checkpoints")
        self._writer.has_folder = True
        return True

    def _end(self, status: str, error: BaseException | None) -> None:
        self._content["status"] = status
        self._content["end"] = datetime.now(UTC).isoformat()
        self._content["error"] = self._request.secrets.hidden_in(as_text(error))

    def _write(self, trainer: Trainer) -> None:
        self._writer.write(self.folder(trainer), self._record())

    def _record(self) -> dict[str, Any]:
        return {**self._content, "checkpoints": self._checkpoints}


def _is_recorded(trainer: Trainer) -> bool:
    return trainer.is_global_zero and not getattr(trainer, "fast_dev_run", False)
