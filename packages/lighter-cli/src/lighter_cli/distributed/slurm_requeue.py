"""A fit in a SLURM job whose time is up: save at the end of a batch, stop, and be requeued.

Lightning's own handler saves between any two instructions, in the middle of a step, under a name in
``default_root_dir`` that each later job in that folder would start from.
"""

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.exceptions import SIGTERMException

from lighter_cli.runs.environment import slurm_job

_logger = logging.getLogger(__name__)

_EXIT_CODE = 75  # of sysexits.h: a failure that passes, try again


class Requeued(SIGTERMException):
    """The run stopped to be requeued."""

    def __init__(self, signal_name: str) -> None:
        super().__init__(_EXIT_CODE)
        self._signal_name = signal_name

    def __str__(self) -> str:
        return f"{self._signal_name}: stopped to be requeued"


@contextmanager
def requeuing(trainer: Trainer, folder: Path) -> Iterator[None]:
    """Requeue the SLURM job when it gets the signal for that while a stage runs inside; elsewhere do nothing.

    Args:
        trainer: The trainer that runs inside. ``SLURMEnvironment(auto_requeue=False)`` among its plugins declines.
        folder: Where to save what a fit goes on from.

    Raises:
        Requeued: The stage has stopped and the job is requeued; an exit with 75.
    """
    environment = trainer._accelerator_connector.cluster_environment  # noqa: SLF001
    is_main_thread = threading.current_thread() is threading.main_thread()
    if not isinstance(environment, SLURMEnvironment) or not environment.auto_requeue or not is_main_thread:
        yield
        return
    environment.auto_requeue = False  # the handler of Lightning stays away
    told_by = environment.requeue_signal or signal.SIGUSR1
    checkpoint = RequeueCheckpoint(folder, told_by)
    trainer.callbacks.append(checkpoint)  # type: ignore[attr-defined]
    before = signal.signal(told_by, checkpoint.on_signal)
    try:
        yield
    except Requeued:
        if trainer.is_global_zero:
            _requeue()
        raise
    finally:
        signal.signal(told_by, before)


class RequeueCheckpoint(ModelCheckpoint):
    """Save once, at the end of the batch in which any rank got the signal, and stop.

    A validation inside a fit is run to its end first. Where a stage only evaluates, there is nothing to save.
    """

    def __init__(self, folder: Path, requeue_signal: signal.Signals) -> None:
        super().__init__(dirpath=folder, filename="requeue")
        self._signal = requeue_signal
        self._is_told = False

    def on_signal(self, signum: int, frame: FrameType | None) -> None:
        """Remember that the time is up; nothing else can be done between any two instructions."""
        self._is_told = True

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Save and stop, in all ranks at the same batch."""
        is_told = self._is_told
        if trainer.world_size > 1:
            is_told = trainer.strategy.reduce_boolean_decision(is_told, all=False)
        if is_told:
            self._save_checkpoint(trainer, str(Path(str(self.dirpath)) / "requeue.ckpt"))
            raise Requeued(self._signal.name)

    def on_validation_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop a stage that only validates."""
        self._stop_evaluation(trainer)

    def on_test_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop."""
        self._stop_evaluation(trainer)

    def on_predict_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop."""
        self._stop_evaluation(trainer)

    def _stop_evaluation(self, trainer: Trainer) -> None:
        # SLURM tells all ranks, and their numbers of batches may differ: there is nothing to agree on
        if self._is_told and trainer.state.fn != TrainerFn.FITTING:
            raise Requeued(self._signal.name)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save nothing."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save nothing."""

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save nothing."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Leave nothing in checkpoints: runs outside SLURM do not know this callback."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take nothing from them."""


def _requeue() -> None:
    job = slurm_job(os.environ)
    _logger.info("requeuing job %s", job)  # now: SLURM may end this process before the command below does
    try:
        done = subprocess.run(["scontrol", "requeue", str(job)], capture_output=True, text=True, check=False)
        problem = done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else ""
    except OSError as error:
        problem = str(error)
    if problem:
        _logger.error("job %s cannot be requeued: %s", job, problem)
