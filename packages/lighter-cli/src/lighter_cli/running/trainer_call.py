"""Call the Trainer's method for a stage: record the run, end all ranks together, requeue a SLURM job."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from lighter_cli.checkpoints.moved_state import MovedCheckpoints
from lighter_cli.distributed.rank_failures import ending_together
from lighter_cli.distributed.slurm_requeue import requeuing
from lighter_cli.lightning_package import class_beside, derived
from lighter_cli.running.build import Experiment
from lighter_cli.running.first_error import raising_the_first_error
from lighter_cli.running.kept_numbers import keep_numbers
from lighter_cli.running.monitor_check import checking_monitors
from lighter_cli.running.start_checkpoint import cannot_be_loaded
from lighter_cli.runs.recorder import RunRecorder
from lighter_cli.runs.request import Request
from lighter_cli.terminal.findings_log import log_findings
from lighter_config import Finding, Severity, Stage

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

_FINDERS = ("callbacks.BatchSizeFinder", "callbacks.LearningRateFinder")


def make_recorder(trainer: Trainer, request: Request) -> RunRecorder:
    """Make the callback that records the run."""
    return derived(RunRecorder, trainer, "Callback")(request)


def call_trainer(experiment: Experiment, request: Request, recorder: RunRecorder) -> Any:
    """Call the method of the Trainer that the request names, and return what it returns.

    Args:
        experiment: The trainer, model and data.
        request: What to run, with the arguments of the method.
        recorder: Records it, see ``make_recorder``.

    Raises:
        CheckpointError: The checkpoint holds more than tensors and plain values.
        MonitorError: A callback or scheduler monitors what the fit does not log.
    """
    trainer = experiment.trainer
    checkpoint = request.options["ckpt_path"]
    if request.stage is Stage.FIT and checkpoint is not None:
        trainer.callbacks.append(derived(MovedCheckpoints, trainer, "Callback")())  # type: ignore[attr-defined]
    if request.trial is not None:
        trainer.callbacks += request.trial.callbacks(trainer)  # type: ignore[attr-defined]
    keep_numbers(trainer)
    with (
        requeuing(trainer, recorder.folder(trainer), is_trial=request.trial is not None),
        recorder.recording(trainer),
        ending_together(trainer, checkpoint, abandon=partial(recorder.abandon, trainer)),
    ):
        method = getattr(trainer, request.stage)
        try:
            is_fit = request.stage is Stage.FIT
            stage = checking_monitors(trainer, request.config) if is_fit else _evaluating(trainer, request)
            with stage, raising_the_first_error(trainer):
                return method(experiment.model, datamodule=experiment.datamodule, **request.options)
        except pickle.UnpicklingError as error:
            raise cannot_be_loaded(str(checkpoint), error) from error


@contextmanager
def _evaluating(trainer: Trainer, request: Request) -> Iterator[None]:
    """Let a stage other than fit tune nothing, warn if it has no batches, and be quiet about what only fit uses."""
    remove_finders(trainer)
    _warn_of_no_batches(trainer, request)
    with quiet_about_fit():
        yield


@contextmanager
def quiet_about_fit() -> Iterator[None]:
    """Let a stage other than fit be quiet about what only fit uses."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The dirpath has changed from")
        # the weights that are loaded are the averages; only fit restores those before averaging
        warnings.filterwarnings("ignore", message="You're using the WeightAveraging callback, but loading")
        yield


def _warn_of_no_batches(trainer: Trainer, request: Request) -> None:
    """Warn if the trainer is limited to no batches: Lightning then ends without a word, and without a result."""
    (mode,) = request.stage.modes
    path = f"trainer::limit_{mode}_batches"
    if getattr(trainer, f"limit_{mode}_batches") != 0 or not trainer.is_global_zero:
        return
    config = request.config.expanded()
    finding = Finding(
        message=f"{request.stage} runs no batch: {path} is 0",
        severity=Severity.WARNING,
        path=path,
        place=config.place(path),
        excerpt=config.excerpt(path),
        fix=f"set {path}=1.0 to use all batches",
    )
    log_findings([finding])


def remove_finders(trainer: Trainer) -> None:
    """Remove Lightning's finders: they tune a fit, but the one of the batch size acts, and fails, in other stages too.

    A class that the user derived from one stays.
    """
    finders = [class_beside(trainer, name) for name in _FINDERS]
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    callbacks[:] = [callback for callback in callbacks if type(callback) not in finders]
