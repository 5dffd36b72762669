"""A LightningModule around a network: it sets up the optimizer and logs what the steps return."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer

from lighter import dataloaders, restored_values
from lighter.errors import StepOutputError, nearest_names
from lighter.from_checkpoint import FromCheckpoint
from lighter.lightning import exact_weights, failure_notes
from lighter.lightning.restart import end_restart
from lighter.lightning.state import is_running
from lighter.lightning.wrapping import (
    check_steps_are_wrapped,
    keep_bookkeeping_out_of_compiled_steps,
    wrap_steps_and_hooks,
)
from lighter.logging.batch_values import batches_of_groups
from lighter.logging.metrics import Metrics, as_metrics, check_not_shared, describe_call
from lighter.logging.module_logging import ModuleLogging
from lighter.logging.new_values import NewValues
from lighter.logging.step_output import as_outputs, for_lightning
from lighter.logging.update_arguments import detached
from lighter.mode import Mode
from lighter.optimizers import configuration, modes
from lighter.optimizers.configuration import Scheduler
from lighter.optimizers.group_coverage import ParameterGroup, check_saved_groups, log_groups
from lighter.parameter_names import rename_as
from lighter.real_signature import real_signature
from lighter.restored_values import RestoredValue

_ON_NAN = ("warn", "stop", "raise")
_METRICS = ("train_metrics.", "val_metrics.", "test_metrics.")


class LighterModule(FromCheckpoint):
    """A LightningModule around a network; you write the steps, as in Lightning.

    It logs what a step returns: the loss (a tensor, or a dict with a ``total``) and the metrics of the step's mode. It
    logs each per step, on the steps that Lightning writes, and once per epoch, exactly over all samples. Callbacks
    monitor the epoch's values, such as ``val/loss/epoch`` or ``val/metrics/MulticlassAccuracy/epoch``.

    Args:
        network: Maps input to pred.
        criterion: Kept as ``self.criterion`` for the steps; a mean over the batch.
        optimizer: A torch optimizer over the network's parameters. A second fit continues with its state.
        scheduler: A torch scheduler of that optimizer, or Lightning's mapping ``{scheduler, interval, frequency,
            monitor, strict, name}``.
        train_metrics: A Metric, a list or mapping of them, or a MetricCollection; call ``self.update_metrics`` with
            the arguments of their ``update``. An entry of a mapping may be ``{metric, pred, target}``: a metric that
            gets parts of the first and second argument, such as ``logits.cls``.
        val_metrics: The same for validation; not the objects of training.
        test_metrics: The same for test.
        on_nan: What happens when a loss is nan: ``warn`` once for each mode, also ``stop`` the fit, or ``raise``. The
            loss is looked at on the steps that Lightning writes, which copy it to the host anyway, and at the epoch's
            end; on these steps, the sum over the epoch shows an earlier nan. With several processes, ``stop`` waits
            for the epoch's end.

    Attributes:
        group_coverage: In fit, what each parameter group trains, if an optimizer has several.
        nan_losses: Where the loss of a mode was nan first, by mode; empty if none was.
        restored_values: In a resumed fit, the values that the checkpoint restored in place of configured ones. Each is
            a warning, unless a callback has a method ``on_restored_values(trainer, values)``, which gets them instead.

    Raises:
        MetricError: Metrics are of another type, or two modes share an object.
        OptimizerError: The optimizer or scheduler cannot be used.
        StepOutputError: `on_nan` is something else, or in a run, with ``raise``, a loss is nan.

    Example:
        >>> class Classifier(LighterModule):
        ...     def training_step(self, batch, batch_idx):
        ...         input, target = batch
        ...         pred = self(input)
        ...         self.update_metrics(pred, target)
        ...         return {"loss": self.criterion(pred, target), "pred": pred, "target": target}
        >>> Classifier(nn.Linear(2, 3), criterion=nn.CrossEntropyLoss()).network
        Linear(in_features=2, out_features=3, bias=True)
    """

    on_nan: Literal["warn", "stop", "raise"] = "warn"  # of modules pickled by version 0.2.0
    _updates_with_target = False  # whether metrics certainly get pred and target

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        wrap_steps_and_hooks(cls)

    def __init__(
        self,
        network: nn.Module,
        criterion: Callable[..., Any] | None = None,
        optimizer: Optimizer | None = None,
        scheduler: Scheduler | Mapping[str, Any] | None = None,
        train_metrics: object = None,
        val_metrics: object = None,
        test_metrics: object = None,
        on_nan: Literal["warn", "stop", "raise"] = "warn",
    ) -> None:
        super().__init__()
        if on_nan not in _ON_NAN:
            raise StepOutputError(
                f"unknown `on_nan` {on_nan!r}",
                expected=", ".join(_ON_NAN),
                nearest=nearest_names(str(on_nan), _ON_NAN),
            )
        configuration.check(optimizer, scheduler, is_stepped_by_user=self._steps_schedulers_itself())
        self.network = network
        self.criterion = criterion
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.train_metrics = as_metrics(train_metrics, "train_metrics")
        self.val_metrics = as_metrics(val_metrics, "val_metrics")
        self.test_metrics = as_metrics(test_metrics, "test_metrics")
        check_not_shared(
            {"train_metrics": self.train_metrics, "val_metrics": self.val_metrics, "test_metrics": self.test_metrics}
        )
        self.group_coverage: tuple[ParameterGroup, ...] = ()
        self.restored_values: tuple[RestoredValue, ...] = ()
        self.on_nan = on_nan
        self._logging = ModuleLogging()
        self._running_hooks: set[str] = set()
        self._clock: tuple[str, ...] | None = None
        self._own_rate: float | None = None
        self._tuned_rate: float | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_dual_logging" in state:  # a module pickled by version 0.2.0
            state["_logging"] = state.pop("_dual_logging")
        super().__setstate__(state)  # type: ignore[no-untyped-call]

    @property
    def mode(self) -> Mode:
        """The loop that is running.

        Raises:
            RuntimeError: The trainer runs no loop, or the module has no trainer.
        """
        return Mode.of(self.trainer)

    @property
    def nan_losses(self) -> Mapping[str, str]:
        """Where the loss of a mode was nan first, by mode, such as ``in batch 3 of epoch 0``."""
        return MappingProxyType(self._logging.nan_losses)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the network, with ``epoch=`` and ``step=`` if its ``forward`` names them and a trainer is attached."""
        if self._clock != ():
            kwargs = {**self.clock_arguments(), **kwargs}
        return self.network(*args, **kwargs)

    def clock_arguments(self) -> dict[str, int]:
        """Return those of ``epoch`` and ``step`` that the network's ``forward`` names."""
        if self._clock is None:
            self._clock = self._clock_names()
        if not self._clock or self._trainer is None:
            return {}
        clock = {"epoch": self.trainer.current_epoch, "step": self.trainer.global_step}
        return {name: clock[name] for name in self._clock}

    def _clock_names(self) -> tuple[str, ...]:
        try:
            network = getattr(self.network, "_orig_mod", self.network)  # of torch.compile
            parameters = real_signature(network.forward).parameters
        except (TypeError, ValueError):  # a forward without a signature, such as that of a scripted network
            return ()
        return tuple(name for name in ("epoch", "step") if name in parameters)

    def update_metrics(self, *args: Any, **kwargs: Any) -> Any:
        """Update the metrics of the running mode with a batch; this is cheaper than to call them.

        On a written step it calls the metrics, which also computes the batch's own values. When an optimizer's closure
        repeats a step, nothing is updated again.

        Args:
            *args: The arguments of the metrics' ``update``.
            **kwargs: The same by keyword; a collection gives each metric those that its ``update`` names.

        Returns:
            The batch's values on written steps, else None.
        """
        if self._trainer is None:
            return None  # a step that is called without a trainer has no mode
        step = self._logging.step
        log = None if step is None else step.log
        if step is not None and log is None:
            return None
        metrics = self._metrics_of(self.mode) if log is None else log.metrics
        if metrics is None:
            return None
        # detached, as a metric that keeps preds would keep their graphs
        given = [
            (arg.detach() if arg.requires_grad else arg) if isinstance(arg, Tensor) else detached(arg) for arg in args
        ]
        if kwargs:
            kwargs = {name: detached(arg) for name, arg in kwargs.items()}
        try:
            if log is not None and not log.has_metric_updates:
                self._logging.start_updates(
                    log, metrics, num_positional=len(given), has_target=self._updates_with_target
                )
            if log is not None and log.groups is not None:
                log.groups.end_if_taken_apart()
            if step is not None and step.is_written:
                with batches_of_groups(metrics, given, kwargs):
                    return metrics(*given, **kwargs)
            metrics.update(*given, **kwargs)
        except Exception as error:
            error.add_note(describe_call(metrics, given, kwargs))
            raise
        return None

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the optimizer and the scheduler as Lightning expects them.

        Raises:
            OptimizerError: The module has no optimizer.
        """
        return configuration.configure(self.optimizer, self.scheduler, self)

    def lr_scheduler_step(self, scheduler: Any, metric: Any | None) -> None:
        """Step a scheduler of torch, or one of timm, which is told the number of epochs or optimizer steps.

        Override it for a scheduler of another form.
        """
        configuration.step_scheduler(scheduler, metric, self.trainer)

    def _steps_schedulers_itself(self) -> bool:
        return type(self).lr_scheduler_step is not LighterModule.lr_scheduler_step

    @property
    def learning_rate(self) -> float:
        """The rate of the optimizer's single parameter group, for Lightning's learning rate finder.

        Setting it also sets the schedule's base rate. Without an optimizer it is a plain number, for a
        ``configure_optimizers`` that you write.

        Raises:
            OptimizerError: The optimizer has several groups, the scheduler keeps the rate where it cannot be set, or
                the module has no optimizer and no rate was set.
        """
        if self.optimizer is None and self._own_rate is not None:
            return self._own_rate
        return configuration.learning_rate(self.optimizer)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if self.optimizer is None:
            self._own_rate = rate
        else:
            self._tuned_rate = configuration.set_learning_rate(self.optimizer, self.scheduler, rate)

    def _log_outputs(self, outputs: dict[str, Any], batch_idx: int) -> None:
        """Log what a step returned; override this to change what is logged.

        Args:
            outputs: What the step returned, as a dict; the loss is not divided by ``accumulate_grad_batches``, and may
                be a dict.
            batch_idx: The batch's index in this epoch or loader.
        """
        self._logging.count(self, outputs)

    def _run_step(self, step: Callable[..., Any], mode: Mode, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one of the user's steps and count what it returns; `wrap_steps_and_hooks` makes Lightning call this."""
        trainer = self._trainer
        logging = self._logging
        if self._compiler_ctx is not None:
            step = logging.compiled(step, self._compiler_ctx["dynamo_ctx"])
        if logging.step is not None or trainer is None or trainer.barebones or not is_running(trainer, mode):
            output = step(self, *args, **kwargs)
            if logging.step is not None or mode is not Mode.TRAIN or output is None or isinstance(output, Tensor):
                return output
            return for_lightning(as_outputs(output, step.__qualname__), step.__qualname__, self)
        try:
            batch = args[0] if args else next(iter(kwargs.values()), None)
            logging.start_step(self, trainer, mode, self._metrics_of, batch)
            output = step(self, *args, **kwargs)
            if output is None:
                return None
            outputs = as_outputs(output, step.__qualname__)
            batch_idx = args[1] if len(args) > 1 else kwargs.get("batch_idx", -1)
            self._log_outputs(outputs, batch_idx)
        finally:
            logging.end_step()
        if mode is not Mode.TRAIN or isinstance(output, Tensor):
            return output
        return for_lightning(outputs, step.__qualname__, self)

    def _metrics_of(self, mode: Mode) -> Metrics | None:
        return getattr(self, f"{mode}_metrics", None)

    def _before_setup(self, stage: str) -> None:
        if self._compiler_ctx is not None:
            keep_bookkeeping_out_of_compiled_steps(self)
        check_steps_are_wrapped(self)
        failure_notes.attach(self.trainer)
        exact_weights.attach(self.trainer)
        self._logging.resumption.forget()
        self.group_coverage = self.restored_values = ()
        self._logging.configured_callbacks = restored_values.configured_callbacks(self.trainer.callbacks)  # type: ignore[attr-defined]
        self._logging.extremes = {}
        self._logging.nan_losses = {}
        self._logging.new_values = NewValues()
        if stage == "fit":
            configuration.check_monitors(self.trainer, self.scheduler)

    def _before_on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._logging.resumption.load(checkpoint, self._trainer)
        self._logging.new_values.counted = self._logging.resumption.entry.pop("counted", {})
        weights = checkpoint.get("state_dict", {})  # FSDP and DeepSpeed have loaded them already, and left them out
        rename_as(own := self.state_dict(), weights)
        if self._trainer is None or self.trainer.state.fn is not TrainerFn.FITTING:
            self._leave_out_other_parts(own, weights)
        elif self.optimizer is not None and checkpoint.get("optimizer_states"):
            check_saved_groups(self.optimizer, checkpoint["optimizer_states"][0].get("param_groups"))

    def _leave_out_other_parts(self, own: dict[str, Any], saved: dict[str, Any]) -> None:
        """Drop what this evaluation lacks, a criterion or metrics; metrics that training lacked keep their weights."""
        absent = _METRICS if self.criterion is not None else ("criterion.", *_METRICS)
        for name in [name for name in saved if name.startswith(absent) and name not in own]:
            del saved[name]
        saved.update({name: own[name] for name in own if name.startswith(_METRICS) and name not in saved})

    def _before_on_fit_start(self) -> None:
        if self._tuned_rate is not None and self.optimizer is not None:
            # Lightning's finder has overwritten the rate of a warm-up with the base rate
            self.optimizer.param_groups[0]["lr"] = self._tuned_rate
            self._tuned_rate = None
        configuration.check_clipping(self.trainer)
        if not self._steps_schedulers_itself():
            configuration.check_schedulers(self.trainer)
        modes.attach(self.trainer)
        self._logging.configured = restored_values.configured_values(self.trainer)
        self._logging.resumption.prepare_loaders(self.trainer)

    def _before_on_train_start(self) -> None:
        resumed = self._logging.resumption.entry
        self._logging.start_run(resumed.pop("extremes", {}))
        if resumed:
            saved = resumed.pop("configured", {})
            if self._logging.configured:  # a finder restores its checkpoint before `on_fit_start` of the module
                self.restored_values, self._logging.configured = restored_values.compare_with_checkpoint(
                    self.trainer, self._logging.configured, self._logging.configured_callbacks, saved
                )
        self._logging.resumption.start(self.trainer)
        # now that parameters are frozen, and a checkpoint is restored
        self.group_coverage = log_groups(self.trainer, self.network)

    def _before_on_train_epoch_end(self) -> None:
        end_restart(self.trainer)
        self._logging.new_values.start(Mode.TRAIN)
        self._end_epoch(Mode.TRAIN)

    def _before_on_validation_epoch_end(self) -> None:
        configuration.follow_first_val_loader(self.trainer)
        if not self.trainer.sanity_checking:
            self._logging.new_values.start(Mode.VAL)
        self._end_epoch(Mode.VAL)

    def _before_on_test_epoch_end(self) -> None:
        self._end_epoch(Mode.TEST)

    def _before_on_fit_end(self) -> None:
        self._logging.resumption.continue_training(self.trainer)  # if nothing was left to train

    def _end_epoch(self, mode: Mode) -> None:
        dataloaders.check_num_batches(self.trainer, mode)
        if not self.trainer.barebones:
            self._logging.end_epoch(self, self.trainer, mode, self._metrics_of(mode))

    def _before_on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self._trainer is not None:
            modes.save_for_evaluation(checkpoint, self._trainer)
            own = [metrics for mode in Mode if (metrics := self._metrics_of(mode)) is not None]
            entry = self._logging.resumption.save(checkpoint, self._trainer, without=own)
            if entry is not None:
                entry |= self._logging.saved(self._trainer)


wrap_steps_and_hooks(LighterModule)
