"""Each value twice: for the step on the steps that are written, for the epoch once, exact over all its samples."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from lighter.lightning import state as lightning_state
from lighter.logging import metrics as metric_sets
from lighter.logging import resume, step_output
from lighter.logging.epoch_log import EpochLog
from lighter.logging.metrics import Metrics
from lighter.logging.optimizer_stats import optimizer_stats
from lighter.logging.running_sum import RunningSum
from lighter.logging.wrapper_metrics import KeptForward, forgets
from lighter.mode import Mode


class DualLogging:
    """Counts what the steps of one module return.

    Off the written steps it adds losses to running sums; nothing is computed and nothing waits for the device.
    """

    def __init__(self) -> None:
        self.is_in_step = False
        self.is_counting = True  # False while an optimizer's closure repeats a step
        self.is_written = False
        self.metrics: Metrics | None = None  # of the step's mode
        self.train_log: EpochLog | None = None
        self._log: EpochLog | None = None
        self._evaluation_logs: list[EpochLog] = []  # of this evaluation, one a loader
        self._names: dict[tuple[Mode, str], list[str]] = {}  # of the epoch values of each metric
        self._batch: object = None
        self._last_batch = 0
        self._forwards: dict[str, object] = {}
        self._hooks: list[RemovableHandle | KeptForward] = []
        self._known_nans: set[Mode] = set()
        self._checked_for_padding: set[Mode] = set()
        self._compiled: dict[Callable[..., Any], Callable[..., Any]] = {}
        self.resumed: dict[str, Any] = {}  # what a checkpoint holds and nothing has taken yet

    def __reduce__(self) -> tuple[type["DualLogging"], tuple[()]]:
        # the copy of a module, for another process or an average of weights, starts with empty books
        return type(self), ()

    def compiled(self, step: Callable[..., Any], compile_: Callable[..., Any]) -> Callable[..., Any]:
        """Compile a step of a compiled module once."""
        if step not in self._compiled:
            self._compiled[step] = compile_(step)
        return self._compiled[step]

    def start_run(self) -> None:
        """Forget the batch that was counted last: loops start anew, also after Lightning's finders."""
        self._last_batch = 0
        self._known_nans = set()

    def start_step(
        self, module: LightningModule, trainer: Trainer, mode: Mode, metrics: Metrics | None, batch: object
    ) -> None:
        """Open the log with the first step of an epoch, and decide whether the step is written."""
        self.is_in_step = True
        self.metrics = metrics
        self._batch = batch
        if mode is Mode.TRAIN:
            self._start_train_step(module, trainer, metrics)
        else:
            self._start_evaluation_step(module, trainer, mode, metrics)
        if self.is_written and metrics is not None:
            members = metric_sets.members(metrics)
            self._hooks = [
                metric.register_forward_hook(partial(self._keep_forward, name)) for name, metric in members.items()
            ]
            self._hooks += [KeptForward(metric) for metric in members.values() if forgets(metric)]

    def count(self, module: LightningModule, outputs: Mapping[str, Any], step: str) -> None:
        """Add a step's losses to the sums, and write its values if it is a written step."""
        log = self._log
        if log is None or not self.is_counting:
            return
        losses = step_output.loss_terms(outputs, step)
        if losses:
            self._add(module, log, losses, step_output.batch_size_of(outputs, self._batch, step))
        if log.unnamed:
            self._name_metrics(module, log)
        if self.is_written:
            self._write_row(log, losses)

    def end_step(self) -> None:
        """Let go of what only the step needed."""
        self.is_in_step = False
        self.is_counting = True
        self._batch = None
        if self.is_written:
            self.is_written = False
            self._forwards = {}
            for hook in self._hooks:
                hook.remove()
            self._hooks = []

    def end_epoch(self, module: LightningModule, trainer: Trainer, mode: Mode, metrics: Metrics | None) -> None:
        """Hand over the names that no step of this rank could know, before monitors look."""
        if trainer.sanity_checking:
            return
        if trainer.world_size > 1 and mode not in self._checked_for_padding:
            self._checked_for_padding.add(mode)
            if padded := lightning_state.num_padded(trainer, mode):
                rank_zero_warn(
                    f"the {mode} data is padded with {padded} sample(s) so that all ranks get equally many; the epoch's"
                    " values count these twice"
                )
        if mode is not Mode.TRAIN:
            for evaluation_log in self._evaluation_logs:
                evaluation_log.hand_over_late(module)
                self._warn_of_nan(evaluation_log, evaluation_log.values().get(f"{mode}/loss/epoch"))
            return
        log = self.train_log
        if (log is None or not log.is_open) and resume.is_of_this_epoch(self.resumed, trainer):
            # resumed at the end of the last batch's validation: no step of this epoch is left
            log = self._open(module, trainer, mode, None, metrics, goes_on=True)
        if log is not None and log.is_open:
            log.hand_over_late(module)
            self._warn_of_nan(log, log.values().get("train/loss/epoch"))

    def _start_train_step(self, module: LightningModule, trainer: Trainer, metrics: Metrics | None) -> None:
        in_epoch, in_total = lightning_state.batches_started(trainer)
        self.is_counting = in_total != self._last_batch
        if not self.is_counting:
            return
        self._last_batch = in_total
        log = self.train_log
        if (
            in_epoch == 1
            or log is None
            or not log.is_open
            or log.results is not lightning_state.result_collection(trainer)
        ):
            goes_on = in_epoch > 1 and resume.is_of_this_epoch(self.resumed, trainer)
            if goes_on:
                resume.warn_of_repeated_samples(trainer)
            log = self.train_log = self._open(module, trainer, Mode.TRAIN, None, metrics, goes_on=goes_on)
        self._log = log
        self.is_written = bool(trainer.loggers) and lightning_state.is_train_row_written(trainer)

    def _start_evaluation_step(
        self, module: LightningModule, trainer: Trainer, mode: Mode, metrics: Metrics | None
    ) -> None:
        loader = lightning_state.current_dataloader_idx(trainer)
        is_first = lightning_state.evaluation_batches_started(trainer) == 1
        if is_first:
            self._evaluation_logs = []
            resume.restore_val_batches_seen(self.resumed, trainer)
        log = self._evaluation_logs[-1] if self._evaluation_logs else None
        if log is None or not log.is_open or log.loader != loader:
            log = self._open(module, trainer, mode, loader, metrics)
            self._evaluation_logs.append(log)
        self._log = log
        every_n = lightning_state.log_every_n_steps(trainer)
        if trainer.loggers and every_n and not trainer.sanity_checking:
            self.is_written = (lightning_state.evaluation_batches_seen(trainer, loader or 0) + 1) % every_n == 0

    def _open(
        self,
        module: LightningModule,
        trainer: Trainer,
        mode: Mode,
        loader: int | None,
        metrics: Metrics | None,
        *,
        goes_on: bool = False,
    ) -> EpochLog:
        if metrics is not None:
            metrics.reset()
        log = EpochLog(trainer, mode, loader, metrics)
        log.hand_over_settlement(module)
        if mode is Mode.TRAIN:
            stats = optimizer_stats(trainer.optimizers)
            log.constants = {f"train/optimizer/{name}": value for name, value in stats.items()}
            if goes_on:
                resume.restore_epoch(self.resumed, trainer, log)
            log.hand_over(module, *log.constants, *(f"train/loss{term}/epoch" for term in log.sums))
        if metrics is not None:
            for name in metric_sets.members(metrics):
                if (mode, name) in self._names:
                    log.hand_over(module, *self._names[mode, name])
                else:
                    log.unnamed.append(name)
        return log

    def _add(self, module: LightningModule, log: EpochLog, losses: Mapping[str, Tensor], count: int) -> None:
        if count == 0:
            return  # the mean of nothing is nan
        for term, loss in losses.items():
            running = log.sums.get(term)
            if running is None:
                running = log.sums[term] = RunningSum()
                log.hand_over(module, f"{log.mode}/loss{term}/epoch")
            running.add(loss, count)

    def _name_metrics(self, module: LightningModule, log: EpochLog) -> None:
        """Learn the names of metric values after the first update; a vector's names depend on its length."""
        assert log.metrics is not None
        members = metric_sets.members(log.metrics)
        for name in [name for name in log.unnamed if metric_sets.num_updates(members[name])]:
            log.unnamed.remove(name)
            flat = metric_sets.names_of_value(name, members[name])
            if flat is not None:  # else it is handed over late
                names = self._names[log.mode, name] = [f"{log.mode}/metrics/{key}/epoch" for key in flat]
                log.hand_over(module, *names)

    def _keep_forward(self, name: str, _module: object, _args: object, value: object) -> None:
        self._forwards[name] = value

    def _write_row(self, log: EpochLog, losses: Mapping[str, Tensor]) -> None:
        trainer = log.trainer
        suffix = "/step" if log.loader is None else f"/step/dataloader_idx_{log.loader}"
        row = {f"{log.mode}/loss{term}{suffix}": loss.detach() for term, loss in losses.items()}
        for name, value in self._forwards.items():
            flat = metric_sets.flatten(name, value)
            row |= {f"{log.mode}/metrics/{key}{suffix}": number for key, number in flat.items()}
        if not row:
            return
        scalars: dict[str, float] = dict(zip(row, _to_floats(row.values()), strict=True))
        if log.mode is Mode.TRAIN:
            step = lightning_state.train_row(trainer)
        else:
            step = lightning_state.evaluation_batches_seen(trainer, log.loader or 0)
        self._warn_of_nan(log, scalars.get(f"{log.mode}/loss{suffix}"), is_of_step=True)
        scalars["epoch"] = trainer.current_epoch  # as Lightning adds it
        for logger in trainer.loggers:
            logger.log_metrics(scalars, step=step)
            logger.save()

    def _warn_of_nan(self, log: EpochLog, loss: float | Tensor | None, *, is_of_step: bool = False) -> None:
        if loss is None or loss == loss or log.mode in self._known_nans:  # only nan differs from itself
            return
        self._known_nans.add(log.mode)
        if is_of_step:
            rank_zero_warn(
                f"the {log.mode} loss is nan in {lightning_state.batch_in_step(log.trainer)}; the run goes on"
            )
            return
        loader = "" if log.loader is None else f" of dataloader_idx {log.loader}"
        rank_zero_warn(
            f"the {log.mode} loss is nan in the mean of epoch {log.trainer.current_epoch}{loader}; the run goes on;"
            " with a logger and `log_every_n_steps: 1` the first batch is named"
        )


def _to_floats(values: Iterable[Tensor]) -> list[float]:
    """Bring numbers to the host, waiting for the device once."""
    tensors = list(values)
    device = tensors[0].device
    dtype = torch.float32 if device.type == "mps" else torch.float64
    floats: list[float] = torch.stack([tensor.to(device, dtype) for tensor in tensors]).tolist()
    return floats
