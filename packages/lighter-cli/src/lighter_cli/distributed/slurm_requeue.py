"""Requeue a SLURM job whose time limit is near: save at the end of a batch, stop, and requeue the job.

Lightning's own handler saves between any two instructions, even in the middle of a step. It saves under a name in
``default_root_dir`` that every later job in that folder would start from.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeGuard

from lighter_cli.lightning_internals import cluster_environment, loader_workers_outlive_sigterm, save_checkpoint
from lighter_cli.lightning_package import class_beside, derived, is_a
from lighter_cli.runs.environment import slurm_job

if TYPE_CHECKING:
    from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
    from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
    from pytorch_lightning import LightningModule, Trainer
    from pytorch_lightning.callbacks import ModelCheckpoint
else:
    ModelCheckpoint = object  # `derived` adds that of the trainer's package

_logger = logging.getLogger(__name__)

_EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: a temporary failure, try again


class Requeued(SystemExit):
    """A run that stopped so that its job can be requeued."""

    def __init__(self, signal_name: str) -> None:
        super().__init__(_EXIT_CODE)
        self._signal_name = signal_name

    def __str__(self) -> str:
        return f"{self._signal_name}: stopped to be requeued"


@contextmanager
def requeuing(trainer: Trainer, folder: Path, *, is_trial: bool = False) -> Iterator[None]:
    """Requeue the SLURM job if it receives the requeue signal while a stage runs inside; outside SLURM do nothing.

    A trial of a sweep stops in the same way, at a SIGUSR1, and its sweep continues it later: it requeues nothing.

    Args:
        trainer: The trainer that runs inside. The plugin
            ``SLURMEnvironment(auto_requeue=False)`` turns this off.
        folder: Where a fit saves the checkpoint that the restarted job resumes from.
        is_trial: Whether the stage is a trial of a sweep.

    Raises:
        Requeued: The stage has stopped, and the job is requeued; the process exits with code 75.
    """
    environment = cluster_environment(trainer)
    is_main_thread = threading.current_thread() is threading.main_thread()
    is_requeued = _is_slurm(environment) and environment.auto_requeue and not is_trial
    if not (is_requeued or is_trial) or not is_main_thread:
        yield
        return
    requeue_signal = signal.SIGUSR1
    if _is_slurm(environment):
        environment.auto_requeue = False  # Lightning then installs no handler of its own
        requeue_signal = environment.requeue_signal or requeue_signal
    sigterm = class_beside(trainer, "utilities.exceptions.SIGTERMException")
    checkpoint = derived(RequeueCheckpoint, trainer, "callbacks.ModelCheckpoint")(folder, requeue_signal, sigterm)
    trainer.callbacks.append(checkpoint)  # type: ignore[attr-defined]
    is_in_job = slurm_job(os.environ) is not None
    before = signal.signal(requeue_signal, checkpoint.on_signal)
    try:
        with loader_workers_outlive_sigterm() if is_in_job else nullcontext():
            yield
    except Requeued:
        if trainer.is_global_zero and is_requeued:
            _requeue()
        raise
    finally:
        signal.signal(requeue_signal, before)


class RequeueCheckpoint(ModelCheckpoint):
    """Save once and stop, at the end of the batch in which any rank received the signal.

    A validation inside a fit runs to its end first. A stage that only evaluates saves nothing.

    In a SLURM job it saves at a SIGTERM, too: so SLURM says that another job needs the node, before it requeues.
    """

    def __init__(self, folder: Path, requeue_signal: signal.Signals, sigterm: type[BaseException]) -> None:
        super().__init__(dirpath=folder, filename="requeue")
        self._signal = requeue_signal
        self._sigterm = sigterm
        self._has_received_signal = False

    def on_signal(self, signum: int, frame: FrameType | None) -> None:
        """Remember the signal: nothing else is safe between any two instructions."""
        self._has_received_signal = True

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Save and stop all ranks after the same batch."""
        must_stop = self._has_received_signal
        if trainer.world_size > 1:
            must_stop = trainer.strategy.reduce_boolean_decision(must_stop, all=False)
        if must_stop:
            self._save(trainer)
            raise _requeued(trainer, self._signal)

    def on_validation_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop a validate stage, not a validation inside a fit."""
        self._stop_evaluation(trainer)

    def on_test_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop the stage."""
        self._stop_evaluation(trainer)

    def on_predict_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Stop the stage."""
        self._stop_evaluation(trainer)

    def _stop_evaluation(self, trainer: Trainer) -> None:
        # SLURM signals every rank, and ranks may have different numbers of batches: each stops after its own batch
        if self._has_received_signal and trainer.state.fn != "fit":
            raise _requeued(trainer, self._signal)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save nothing."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save nothing."""

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save nothing."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save if SLURM ends the job; Lightning stops after a batch. Save nothing after another error."""
        is_ending = isinstance(exception, self._sigterm) and not isinstance(exception, Requeued)
        if is_ending and trainer.state.fn == "fit" and slurm_job(os.environ) is not None:
            self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        save_checkpoint(self, trainer, Path(str(self.dirpath)) / "requeue.ckpt")

    def state_dict(self) -> dict[str, Any]:
        """Store nothing in checkpoints: runs outside SLURM lack this callback."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load nothing from checkpoints."""


def _is_slurm(environment: ClusterEnvironment | None) -> TypeGuard[SLURMEnvironment]:
    return is_a(environment, "plugins.environments.SLURMEnvironment")


def _requeued(trainer: Trainer, received: signal.Signals) -> Requeued:
    return derived(Requeued, trainer, "utilities.exceptions.SIGTERMException")(received.name)


def _requeue() -> None:
    job = slurm_job(os.environ)
    _logger.info("requeuing job %s", job)  # logged first: SLURM may end this process before `scontrol` returns
    try:
        done = subprocess.run(["scontrol", "requeue", str(job)], capture_output=True, text=True, check=False)
        problem = done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else ""
    except OSError as error:
        problem = str(error)
    if problem:
        _logger.error("job %s cannot be requeued: %s", job, problem)
