"""What the command line uses of the private state of Lightning and torch, one named function for each use.

No other module of the command line reads a private name of theirs. Each function has a contract test with real
Lightning objects, so that a new version that differs fails there. The module is at the bottom of the package because
``distributed``, ``runs`` and ``checkpoints`` all use it.
"""

# ruff: noqa: SLF001  # this module exists to read private names

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import parent_process
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.distributed import Store  # type: ignore[attr-defined]
from torch.distributed.distributed_c10d import _get_default_store
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data._utils import signal_handling, worker

from lighter_cli.lightning_package import is_a, is_model_checkpoint

if TYPE_CHECKING:
    from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
    from pytorch_lightning import Callback, Trainer
    from pytorch_lightning.callbacks import LearningRateFinder, ModelCheckpoint
    from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger
    from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher

_SET_WORKER_SIGNAL_HANDLERS = signal_handling._set_worker_signal_handlers  # type: ignore[attr-defined]
_WORKER_LOOP = worker._worker_loop


class ChildRanks:
    """The ranks that Lightning starts on this machine by running the command again.

    Args:
        launcher: The launcher of the trainer's strategy.
    """

    def __init__(self, launcher: _SubprocessScriptLauncher) -> None:
        self._launcher = launcher
        self._taken = False

    @property
    def processes(self) -> Sequence[subprocess.Popen[bytes]]:
        """The processes of local ranks 1, 2, ... in order; empty until ``take`` returned them."""
        return self._launcher.procs if self._taken else ()

    def take(self) -> None:
        """Take the processes, if they have started, from Lightning's observer thread.

        The observer kills this process as soon as a child fails, so the run record would never be closed. The observer
        looks at the list that it was given: emptied, it has nothing to do.
        """
        observed = self._launcher.procs
        if observed and not self._taken:
            self._launcher.procs = list(observed)
            self._taken = True
            observed.clear()

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to the ranks that still run, taken or not."""
        self._launcher.kill(signum)


def child_ranks(trainer: Trainer) -> ChildRanks | None:
    """Return the ranks that this trainer starts by running the command again.

    Returns:
        ``None`` for a single process, and for spawned processes, which their parent ends.
    """
    launcher = trainer.strategy.launcher
    is_script = is_a(launcher, "strategies.launchers._SubprocessScriptLauncher")
    return ChildRanks(launcher) if is_script else None  # type: ignore[arg-type]


def replace_sigterm_handler(trainer: Trainer, handler: Callable[[int, FrameType | None], None]) -> None:
    """Replace what Lightning does at a SIGTERM; call it before the stage starts.

    Lightning's own handler broadcasts in the middle of whatever the ranks exchange, and the ranks then wait for each
    other forever.
    """
    trainer._signal_connector._sigterm_notifier_fn = handler  # type: ignore[method-assign,assignment]


def set_received_sigterm(trainer: Trainer) -> None:
    """Let Lightning's loops stop after the current batch, as after a SIGTERM."""
    trainer._signal_connector.received_sigterm = True


@contextmanager
def loader_workers_outlive_sigterm() -> Iterator[None]:
    """Let the workers of loaders that start inside ignore a SIGTERM, unless their own process sends it.

    SLURM sends it to every process of a job, and a loader without its workers ends the batch that is to be saved. Torch
    sets the signal handlers of a worker by one function, which a forked worker finds replaced. Since Python 3.14
    workers are not forked by default. The loop that torch starts them with replaces the function in them.
    """
    signal_handling._set_worker_signal_handlers = _set_handlers_of_lasting_worker  # type: ignore[attr-defined]
    worker._worker_loop = _lasting_worker_loop  # type: ignore[assignment]
    try:
        yield
    finally:
        signal_handling._set_worker_signal_handlers = _SET_WORKER_SIGNAL_HANDLERS  # type: ignore[attr-defined]
        worker._worker_loop = _WORKER_LOOP


def _lasting_worker_loop(*arguments: Any) -> None:
    signal_handling._set_worker_signal_handlers = _set_handlers_of_lasting_worker  # type: ignore[attr-defined]
    _WORKER_LOOP(*arguments)


def _set_handlers_of_lasting_worker() -> None:
    _SET_WORKER_SIGNAL_HANDLERS()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # before the thread, which inherits it
    threading.Thread(target=_end_at_sigterm_of_starter, daemon=True).start()


def _end_at_sigterm_of_starter() -> None:
    starter = parent_process()  # not os.getppid(): the parent may be a server that forks workers
    assert starter is not None
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != starter.pid:
        pass
    os._exit(0)  # as torch's own handler


def cluster_environment(trainer: Trainer) -> ClusterEnvironment | None:
    """Return the cluster environment that Lightning found or that the config's plugins name."""
    return trainer._accelerator_connector.cluster_environment


def process_group_store() -> Store:
    """Return the key-value store that all ranks met at.

    Raises:
        ValueError: The process group does not exist yet.
    """
    return _get_default_store()


def newest_save(callback: Callback) -> tuple[str, int]:
    """Return the file that a checkpoint callback saved last, and its global step.

    Only these two fields name a file of ``save_on_exception``.

    Returns:
        ``("", 0)`` before the first save, and for callbacks other than ``ModelCheckpoint``.
    """
    if not is_model_checkpoint(callback):
        return "", 0
    return callback._last_checkpoint_saved, callback._last_global_step_saved


def deferred_saves(trainer: Trainer) -> list[str]:
    """Return the monitors of checkpoint callbacks that put off a save, because there was no value, and never made it.

    Lightning 2.6 puts off a save of ``every_n_train_steps`` or ``train_time_interval`` until a validation gives the
    value, but saves after a validation only without ``save_on_train_epoch_end``, which is usually on by default.
    """
    return [
        str(callback.monitor)
        for callback in trainer.checkpoint_callbacks
        if is_model_checkpoint(callback) and callback._defer_save_until_validation
    ]


def save_checkpoint(callback: ModelCheckpoint, trainer: Trainer, file: Path) -> None:
    """Save a checkpoint now, on all ranks, and record it as the newest one of the callback."""
    callback._save_checkpoint(trainer, str(file))


def error_without_monitor(error: BaseException, owner: object, monitor: str) -> bool:
    """Return whether an error says that a callback or scheduler did not find what it monitors."""
    starts = (
        (is_a(owner, "callbacks.EarlyStopping"), f"Early stopping conditioned on metric `{monitor}` which is not"),
        (is_model_checkpoint(owner), f"`ModelCheckpoint(monitor={monitor!r})` could not find the monitored key"),
        (isinstance(owner, ReduceLROnPlateau), f"ReduceLROnPlateau conditioned on metric {monitor} which is not"),
    )
    text = error.args[0] if error.args else None  # the text of a user's error may fail itself
    return isinstance(text, str) and any(is_owner and text.startswith(start) for is_owner, start in starts)


def is_save_due(callback: ModelCheckpoint, trainer: Trainer) -> bool:
    """Return whether a checkpoint callback looked for its monitor at the end of the last epoch, or of a step before."""
    epochs, steps = callback._every_n_epochs, callback._every_n_train_steps
    by_epoch = epochs >= 1 and trainer.current_epoch % epochs == 0
    by_step = 1 <= steps <= trainer.global_step
    return callback.save_top_k != 0 and (by_epoch or by_step or callback._train_time_interval is not None)


def num_saves(callback: ModelCheckpoint, epochs: int | None, batches: int | None) -> int | None:
    """Return how many times a checkpoint callback saves in a fit; ``None`` if that is not known.

    Args:
        callback: The callback.
        epochs: The epochs of the fit, if they are known.
        batches: The batches of an epoch, if they are known.
    """
    if epochs is None:
        return None
    if callback._every_n_epochs >= 1:
        return epochs // callback._every_n_epochs
    if callback._every_n_train_steps >= 1 and batches is not None:
        return epochs * batches // callback._every_n_train_steps
    return None


def computed_metrics(trainer: Trainer) -> Mapping[str, Tensor]:
    """Return the callback metrics that are already computed.

    ``trainer.callback_metrics`` would compute those of the current epoch, together with the other ranks.
    """
    return trainer._logger_connector._callback_metrics


def time_train_fetches(trainer: Trainer, start: Callable[[], None], end: Callable[[], None]) -> None:
    """Call functions before and after each fetch of a training batch; call it before the first epoch starts."""
    loop = trainer.fit_loop.epoch_loop

    def before_fetch() -> None:
        type(loop)._on_before_fetch(loop)
        start()

    def after_fetch() -> None:
        end()
        type(loop)._on_after_fetch(loop)

    loop._on_before_fetch = before_fetch  # type: ignore[method-assign]
    loop._on_after_fetch = after_fetch  # type: ignore[method-assign]


def call_around_epochs(trainer: Trainer, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Call functions in a fit when an epoch has begun, and when it has ended with all of its hooks.

    No hook of a callback is the last: those of the module and of checkpoint callbacks come later, and log too.
    """
    loop = trainer.fit_loop

    def on_advance_start() -> None:
        type(loop).on_advance_start(loop)
        begin()

    def on_advance_end() -> None:
        type(loop).on_advance_end(loop)
        end()

    loop.on_advance_start = on_advance_start  # type: ignore[method-assign]
    loop.on_advance_end = on_advance_end  # type: ignore[method-assign]


def wrap_validations(trainer: Trainer, around: Callable[[], AbstractContextManager[None]]) -> None:
    """Run each validation of a fit inside a context, with the start of its loaders, which no hook announces."""
    loop = trainer.fit_loop.epoch_loop.val_loop
    wrapped = loop.run  # a fit that can resume exactly has wrapped it too

    def run() -> Any:
        with around():
            return wrapped()

    loop.run = run  # type: ignore[method-assign]


def train_loaders(trainer: Trainer) -> Sequence[object]:
    """Return the loaders of a fit, which has begun."""
    combined = trainer.fit_loop._combined_loader
    return [] if combined is None else combined.flattened


def found_values(trainer: Trainer) -> dict[str, float]:
    """Return what ``BatchSizeFinder`` and ``LearningRateFinder`` have found, by the name of the attribute they set.

    Before they have run, in ``on_fit_start``, the size is the one that the finder starts with.
    """
    found: dict[str, float] = {}
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if is_a(callback, "callbacks.BatchSizeFinder") and callback.optimal_batch_size is not None:
            found[callback._batch_arg_name] = callback.optimal_batch_size
        elif is_a(callback, "callbacks.LearningRateFinder") and callback.optimal_lr is not None:
            rate = _found_rate(callback)
            if rate is not None:
                found[callback._attr_name or "learning_rate"] = rate
    return found


def _found_rate(callback: LearningRateFinder) -> float | None:
    """Return the rate that Lightning has set, or would set; computing it again would log again why there is none."""
    finder = callback.optimal_lr
    assert finder is not None
    if not callback._update_attr:
        return finder.suggestion()
    rate: float | None = None if finder._optimal_idx is None else finder.results["lr"][finder._optimal_idx]
    return rate


def has_hp_metric(logger: TensorBoardLogger) -> bool:
    """Return whether a logger shows ``hp_metric``: ``default_hp_metric=False`` turns that off."""
    return logger._default_hp_metric


def started_experiment(logger: Logger) -> object | None:
    """Return the experiment of a logger if it has one; asking the logger itself would start one."""
    return getattr(logger, "_experiment", None)


def mlflow_run(logger: MLFlowLogger) -> tuple[str, str | None, str | None]:
    """Return the tracking address of an MLflow logger and, if its run exists, the ids of experiment and run."""
    return logger._tracking_uri, logger._experiment_id, logger._run_id
