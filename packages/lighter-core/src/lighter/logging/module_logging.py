"""Log each value twice: per step, on the steps that Lightning writes, and once per epoch, exactly over all samples."""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from lighter.errors import StepOutputError
from lighter.lightning.metric_states import Extremes
from lighter.lightning.resumption import Resumption
from lighter.lightning.state import (
    batch_in_step,
    batches_started,
    current_dataloader_idx,
    evaluation_batches_seen,
    evaluation_batches_started,
    is_train_row_written,
    log_every_n_steps,
    num_padded,
    result_collection,
    train_results,
    train_row,
)
from lighter.logging import resume
from lighter.logging.epoch_log import EpochLog
from lighter.logging.metrics import Metrics, flatten, members_of, names_of_value, not_targets
from lighter.logging.new_values import NewValues
from lighter.logging.optimizer_stats import optimizer_stats, rates
from lighter.logging.registered_names import RegisteredNames
from lighter.logging.running_sum import RunningSum
from lighter.logging.step_output import batch_size_of, loss_terms
from lighter.logging.wrapper_metrics import Wrappers
from lighter.mode import Mode

_STEPS = {Mode.TRAIN: "training_step", Mode.VAL: "validation_step", Mode.TEST: "test_step"}


class LoggedStep:
    """One running step: made when it starts, dropped when it ends.

    Attributes:
        batch: The step's batch.
        log: The log of the epoch; None when the step is not counted, as an optimizer's closure repeats it.
        is_written: Whether the step's own values are logged.
        metric_values: The batch's own values, by metric; filled on a written step.
    """

    __slots__ = ("_hooks", "batch", "is_written", "log", "metric_values")

    def __init__(self, batch: object) -> None:
        self.batch = batch
        self.log: EpochLog | None = None
        self.is_written = False
        self.metric_values: dict[str, object] = {}
        self._hooks: list[RemovableHandle] = []

    def __reduce__(self) -> tuple[type["LoggedStep"], tuple[None]]:
        # a metric that is copied in a step brings its hooks: its copy records into an empty step
        return type(self), (None,)

    def record_metric_values(self, metrics: Metrics) -> None:
        """Record what the metrics return when they are called in this step."""
        for name, metric in members_of(metrics).items():
            self._hooks.append(metric.register_forward_hook(partial(self._record, name)))

    def remove_hooks(self) -> None:
        """Stop recording."""
        for hook in self._hooks:
            hook.remove()

    def _record(self, name: str, _module: object, _args: object, value: object) -> None:
        if value is not None:
            self.metric_values[name] = value


class ModuleLogging:
    """Count and log what the steps of one module return.

    On a step that is not written it only adds losses to running sums: it computes no value and does not wait for the
    device.
    """

    def __init__(self) -> None:
        self.step: LoggedStep | None = None
        self.train_log: EpochLog | None = None
        self.resumption = Resumption()
        self.configured: dict[str, Any] = {}  # arguments of optimizers and schedules that this run uses
        self.configured_callbacks: list[dict[str, Any]] = []  # the arguments of each callback
        self.extremes: dict[str, dict[int | None, Extremes]] = {}  # of this run, by mode and loader
        self.nan_losses: dict[str, str] = {}  # where the loss of a mode was nan first
        self.new_values = NewValues()
        self._wrappers: dict[Mode, Wrappers] = {}
        self._evaluation_logs: list[EpochLog] = []  # of this evaluation, one for each loader
        self._names: dict[tuple[Mode, str], list[str]] = {}  # of the epoch values of each metric
        self._registered: dict[tuple[Mode, int | None], RegisteredNames] = {}
        self._last_batch = 0
        self._checked_arguments: set[Mode] = set()
        self._checked_for_padding: set[Mode] = set()
        self._compiled: dict[Callable[..., Any], Callable[..., Any]] = {}

    def __reduce__(self) -> tuple[type["ModuleLogging"], tuple[()]]:
        # the copy of a module, for another process or an average of weights, starts with empty logs
        return type(self), ()

    def compiled(self, step: Callable[..., Any], compile_: Callable[..., Any]) -> Callable[..., Any]:
        """Compile a step of a compiled module once."""
        if step not in self._compiled:
            self._compiled[step] = compile_(step)
        return self._compiled[step]

    def saved(self, trainer: Trainer) -> dict[str, Any]:
        """Return what a checkpoint keeps of the logged values; under DDP a collective call.

        What was loaded from an earlier checkpoint and not restored yet is saved again.
        """
        extremes = self.resumption.entry.get("extremes") or resume.plain_extremes(self.extremes)
        values = resume.epoch_values(trainer, self.train_log)
        return {"configured": self.configured, "extremes": extremes, "counted": {**self.new_values.counted}, **values}

    def start_run(self, extremes: dict[str, dict[int | None, Extremes]]) -> None:
        """Forget what was counted before: the loops start again, after the sanity check or Lightning's finders."""
        self._last_batch = 0
        self.extremes = extremes
        self.nan_losses = {}

    def start_step(
        self,
        module: LightningModule,
        trainer: Trainer,
        mode: Mode,
        metrics_of: Callable[[Mode], Metrics | None],
        batch: object,
    ) -> None:
        """Make the step's state, open the log in the first step of an epoch, and decide if the step is written."""
        step = self.step = LoggedStep(batch)
        if mode is Mode.TRAIN:
            self._start_train_step(module, trainer, metrics_of, step)
        else:
            self._start_evaluation_step(module, trainer, mode, metrics_of, step)
        if step.is_written and step.log is not None and step.log.metrics is not None:
            step.record_metric_values(step.log.metrics)

    def start_updates(self, log: EpochLog, metrics: Metrics, *, num_positional: int, has_target: bool) -> None:
        """Note the first update of an epoch, and warn once of metrics that take the target as something else."""
        log.has_metric_updates = True
        if log.groups is not None:
            log.groups.share()
        if num_positional < 2 or log.mode in self._checked_arguments:
            return
        self._checked_arguments.add(log.mode)
        if len(members_of(metrics)) == 1 and not has_target:
            return  # the step passes what this metric takes
        for name, argument in not_targets(metrics).items():
            rank_zero_warn(
                f"`{name}` of `{log.mode}_metrics` takes the second argument of the update, the target, as its"
                f" `{argument}`. Pass arguments by keyword, as in `update_metrics(preds=pred, target=target,"
                " value=loss)`: each metric gets those that it names. In a System, give such a callable as adapter."
            )

    def count(self, module: LightningModule, outputs: Mapping[str, Any]) -> None:
        """Add the running step's losses to the sums, and log its own values if it is written.

        Args:
            module: The module.
            outputs: What the step returned.
        """
        step = self.step
        log = None if step is None else step.log
        if step is None or log is None:
            return
        losses = loss_terms(outputs, log.step)
        if losses:
            self._add(module, log, losses, batch_size_of(outputs, step.batch, log.step))
        if log.unnamed:
            self._name_metrics(module, log)
        if step.is_written:
            self._write_row(module, log, losses, step.metric_values)

    def end_step(self) -> None:
        """Drop the step's state."""
        step, self.step = self.step, None
        if step is not None and step.is_written:
            step.remove_hooks()

    def end_epoch(self, module: LightningModule, trainer: Trainer, mode: Mode, metrics: Metrics | None) -> None:
        """Register the names that no step of this rank could know, before monitors read them."""
        if trainer.sanity_checking:
            return
        if trainer.world_size > 1 and mode not in self._checked_for_padding:
            self._checked_for_padding.add(mode)
            if padded := num_padded(trainer, mode):
                rank_zero_warn(
                    f"the {mode} data is padded with {padded} sample(s) so that all ranks get the same number; the"
                    " epoch's values count these samples twice"
                )
        if mode is not Mode.TRAIN:
            for evaluation_log in self._evaluation_logs:
                evaluation_log.register_remaining(module)
                self._look_for_nan(module, evaluation_log)
            return
        log = self.train_log
        if (log is None or not log.is_open) and resume.is_of_this_epoch(self.resumption.entry, trainer):
            # resumed at the end of the last batch's validation: no step of this epoch is left
            log = self._open(module, trainer, mode, None, metrics, is_resumed=True)
        if log is not None and log.is_open:
            log.register_remaining(module)
            self._look_for_nan(module, log)

    def _start_train_step(
        self,
        module: LightningModule,
        trainer: Trainer,
        metrics_of: Callable[[Mode], Metrics | None],
        step: LoggedStep,
    ) -> None:
        in_epoch, in_total = batches_started(trainer)
        if in_total == self._last_batch:  # an optimizer's closure repeats the step
            return
        self._last_batch = in_total
        log = self.train_log
        if in_epoch == 1 or log is None or not log.is_open or log.results is not train_results(trainer):
            is_resumed = in_epoch > 1 and resume.is_of_this_epoch(self.resumption.entry, trainer)
            if is_resumed:
                resume.warn_of_repeated_samples(self.resumption.entry)
            metrics = metrics_of(Mode.TRAIN)
            log = self.train_log = self._open(module, trainer, Mode.TRAIN, None, metrics, is_resumed=is_resumed)
        step.log = log
        step.is_written = is_train_row_written(trainer) and bool(trainer.loggers)

    def _start_evaluation_step(
        self,
        module: LightningModule,
        trainer: Trainer,
        mode: Mode,
        metrics_of: Callable[[Mode], Metrics | None],
        step: LoggedStep,
    ) -> None:
        loader = current_dataloader_idx(trainer)
        if evaluation_batches_started(trainer) == 1:
            self._evaluation_logs = []
            self.resumption.restore_val_batches_seen(trainer)
        log = self._evaluation_logs[-1] if self._evaluation_logs else None
        if log is None or not log.is_open or log.loader != loader:
            log = self._open(module, trainer, mode, loader, metrics_of(mode))
            self._evaluation_logs.append(log)
        step.log = log
        every_n = log_every_n_steps(trainer)
        if trainer.loggers and every_n and not trainer.sanity_checking:
            step.is_written = (evaluation_batches_seen(trainer, loader or 0) + 1) % every_n == 0

    def _open(
        self,
        module: LightningModule,
        trainer: Trainer,
        mode: Mode,
        loader: int | None,
        metrics: Metrics | None,
        *,
        is_resumed: bool = False,
    ) -> EpochLog:
        wrappers = None
        extremes = self.extremes.setdefault(mode.value, {}).setdefault(loader, {})
        if metrics is not None:
            metrics.reset()
            wrappers = self._wrappers.get(mode)
            if wrappers is None or wrappers.metrics is not metrics:
                wrappers = self._wrappers[mode] = Wrappers(metrics)
            wrappers.start_epoch(extremes)
        results = result_collection(trainer)
        names = self._registered.get((mode, loader))
        if names is None or names.results is not results:
            names = self._registered[mode, loader] = RegisteredNames(results)
        log = EpochLog(trainer, mode, loader, metrics, wrappers, extremes, names)
        log.step = f"{type(module).__name__}.{_STEPS[mode]}"
        names.start_epoch(log)
        names.register_synchronization(module, mode)
        if mode is Mode.TRAIN:
            stats = optimizer_stats(trainer.optimizers)
            log.has_rates_by_step = any(config.interval == "step" for config in trainer.lr_scheduler_configs)
            log.constants = {f"train/optimizer/{name}": value for name, value in stats.items()}
            if is_resumed:
                resume.restore_epoch(self.resumption.entry, trainer, log)
            log.register(module, *log.constants, *(f"train/loss{term}/epoch" for term in log.sums))
        if metrics is not None:
            for name in members_of(metrics):
                if (mode, name) in self._names:
                    log.register(module, *self._names[mode, name])
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
                log.register(module, f"{log.mode}/loss{term}/epoch")
            running.add(loss, count)

    def _name_metrics(self, module: LightningModule, log: EpochLog) -> None:
        """Find the names of metric values after the first update; the names of a vector depend on its length."""
        assert log.metrics is not None
        members = members_of(log.metrics)
        for name in [name for name in log.unnamed if log.is_updated(members[name])]:
            log.unnamed.remove(name)
            flat = names_of_value(name, members[name])
            if flat is not None:  # else it is registered at the epoch's end
                names = self._names[log.mode, name] = [f"{log.mode}/metrics/{key}/epoch" for key in flat]
                log.register(module, *names)

    def _write_row(
        self,
        module: LightningModule,
        log: EpochLog,
        losses: Mapping[str, Tensor],
        metric_values: Mapping[str, object],
    ) -> None:
        trainer = log.trainer
        suffix = "/step" if log.loader is None else f"/step/dataloader_idx_{log.loader}"
        row = {f"{log.mode}/loss{term}{suffix}": loss.detach() for term, loss in losses.items()}
        for name, value in metric_values.items():
            row |= {f"{log.mode}/metrics/{key}{suffix}": number for key, number in flatten(name, value).items()}
        if log.has_rates_by_step:
            row |= {f"train/optimizer/{name}/step": rate for name, rate in rates(trainer.optimizers).items()}
        if not row:
            return
        sums = [running.on_device() for running in log.sums.values()]
        numbers = _to_floats([*row.values(), *sums])
        scalars: dict[str, float] = dict(zip(row, numbers, strict=False))
        is_training = log.mode is Mode.TRAIN
        place = train_row(trainer) if is_training else evaluation_batches_seen(trainer, log.loader or 0)
        scalars["epoch"] = trainer.current_epoch  # as Lightning adds it
        for logger in trainer.loggers:
            logger.log_metrics(scalars, step=place)
            logger.save()
        if any(map(math.isnan, numbers[len(row) :])) and log.mode not in self.nan_losses:
            is_of_step = any(math.isnan(scalars[f"{log.mode}/loss{term}{suffix}"]) for term in losses)
            self._report_nan(module, log, f"{'in' if is_of_step else 'before'} {batch_in_step(trainer)}")
            if module.on_nan == "stop" and is_training and trainer.world_size == 1:
                trainer.should_stop = True  # a rank must not stop without the others: they stop at the epoch's end

    def _look_for_nan(self, module: LightningModule, log: EpochLog) -> None:
        """Report an epoch whose loss is nan, and stop the fit if the module wants that."""
        values, prefix = log.values(), f"{log.mode}/loss"
        loss = values.get(f"{prefix}/epoch")
        losses = [value for name, value in values.items() if name.startswith(prefix)] if loss is None else [loss]
        if not any(value != value for value in losses):  # only nan differs from itself
            return
        if log.mode not in self.nan_losses:
            loader = "" if log.loader is None else f" of dataloader_idx {log.loader}"
            self._report_nan(module, log, f"in the mean of epoch {log.trainer.current_epoch}{loader}")
        if module.on_nan == "stop" and log.trainer.state.fn is TrainerFn.FITTING:
            log.trainer.should_stop = True

    def _report_nan(self, module: LightningModule, log: EpochLog, where: str) -> None:
        """Warn of the first nan of a mode, or raise.

        Raises:
            StepOutputError: The module wants that.
        """
        self.nan_losses[log.mode.value] = where
        hint = "" if "batch" in where else "use a logger and `log_every_n_steps: 1` to find the first batch"
        what = f"the {log.mode} loss is nan {where}"
        if module.on_nan == "raise":
            raise StepOutputError(what, expected="a number, as `on_nan` is 'raise'", fix=hint)
        is_stopped = module.on_nan == "stop" and log.trainer.state.fn is TrainerFn.FITTING
        rank_zero_warn(f"{what}; the run {'stops' if is_stopped else 'continues'}{hint and f'; {hint}'}")


def _to_floats(values: Iterable[Tensor]) -> list[float]:
    """Copy numbers to the host, waiting for the device once."""
    tensors = list(values)
    device = tensors[0].device
    dtype = torch.float32 if device.type == "mps" else torch.float64
    floats: list[float] = torch.stack([tensor.to(device, dtype) for tensor in tensors]).tolist()
    return floats
