"""Call the Trainer's method for a stage: record the run, end all ranks together, requeue a SLURM job."""

import pickle
from contextlib import nullcontext
from functools import partial
from typing import Any

from lighter_cli.distributed.rank_failures import ending_together
from lighter_cli.distributed.slurm_requeue import requeuing
from lighter_cli.lightning_package import derived
from lighter_cli.running.build import Experiment
from lighter_cli.running.monitor_check import checking_monitors
from lighter_cli.running.start_checkpoint import cannot_be_loaded
from lighter_cli.runs.recorder import RunRecorder
from lighter_cli.runs.request import Request
from lighter_config import Stage


def call_trainer(experiment: Experiment, request: Request) -> Any:
    """Call the method of the Trainer that the request names, and return what it returns.

    Args:
        experiment: The trainer, model and data.
        request: What to run, with the arguments of the method.

    Raises:
        CheckpointError: The checkpoint holds more than tensors and plain values.
        MonitorError: A callback or scheduler monitors what the fit does not log.
    """
    trainer, recorder = experiment.trainer, derived(RunRecorder, experiment.trainer, "Callback")(request)
    checkpoint = request.options["ckpt_path"]
    with (
        requeuing(trainer, recorder.folder(trainer)),
        recorder.recording(trainer),
        ending_together(trainer, checkpoint, abandon=partial(recorder.abandon, trainer)),
    ):
        method = getattr(trainer, request.stage)
        try:
            with checking_monitors(trainer, request.config) if request.stage is Stage.FIT else nullcontext():
                return method(experiment.model, datamodule=experiment.datamodule, **request.options)
        except pickle.UnpicklingError as error:
            raise cannot_be_loaded(str(checkpoint), error) from error
