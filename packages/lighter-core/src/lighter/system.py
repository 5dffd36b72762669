"""The module whose steps come from configuration alone."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from torch import nn
from torch.optim import Optimizer

from lighter.adapters import BatchAdapter, CriterionAdapter, MetricsAdapter
from lighter.dataloaders import GivenDataloaders
from lighter.errors import AdapterError, CriterionError, MetricError, nearest_names
from lighter.lightning.state import global_step_and_epoch
from lighter.logging.step_output import batch_size_of
from lighter.mode import Mode
from lighter.module import LighterModule
from lighter.optimizers.configuration import Scheduler

ROLES = {
    Mode.TRAIN: ("batch", "criterion", "metrics", "logging"),
    Mode.VAL: ("batch", "criterion", "metrics", "logging"),
    Mode.TEST: ("batch", "metrics", "logging"),
    Mode.PREDICT: ("batch", "logging"),
}


class System(GivenDataloaders, LighterModule):
    """All four steps from configuration alone: a LighterModule whose ``network`` is ``model``.

    Each step gets input, target and identifier from the batch and calls the network; in training and validation also
    the criterion. It updates the metrics of its mode and returns a dict for callbacks, with ``identifier``, ``input``,
    ``target``, ``pred``, ``loss``, ``metrics``, ``step`` and ``epoch``; with a logging adapter and a loss also
    ``batch_size``. Adapters decide how data is passed between these parts. By default a batch is ``(input, target)``,
    and criterion and metrics take ``(pred, target)``.

    Args:
        model: The network.
        dataloaders: Loaders under ``train``, ``val``, ``test`` and ``predict``; the last three may be lists or mappings
            of loaders, for several data sets.
        optimizer: A torch optimizer over the network's parameters; needed to fit.
        scheduler: A torch scheduler or Lightning's mapping.
        criterion: Takes pred and target, returns the mean over the batch, or a dict with a ``total``; needed to fit.
        metrics: Under ``train``, ``val`` and ``test`` a Metric, a list, a mapping, or a MetricCollection; a Metric may
            also be a cumulative metric of MONAI. An entry of a mapping may be ``{metric, pred, target}``: a metric that
            gets parts of pred and target, such as ``logits.cls``.
        adapters: Under each mode ``batch``, ``criterion``, ``metrics`` and ``logging``; see ``lighter.adapters``.
        inferer: Called as ``inferer(input, network)`` instead of the network in validation, test and predict, such as
            MONAI's ``SlidingWindowInferer``.
        on_nan: What happens when a loss is nan: ``warn``, ``stop`` the fit or ``raise``; see `LighterModule`.

    Raises:
        AdapterError: `adapters` has an unknown mode or role, or an adapter is not callable.
        DataError: `dataloaders` has an unknown mode, or a loader is not iterable.
        MetricError: `metrics` has an unknown mode, or metrics of another type.
        OptimizerError: The optimizer or scheduler cannot be used.
        StepOutputError: `on_nan` is something else, or in a run, with ``raise``, a loss is nan.
    """

    _updates_with_target = True

    def __init__(
        self,
        model: nn.Module,
        dataloaders: Mapping[str, Any] | None = None,
        optimizer: Optimizer | None = None,
        scheduler: Scheduler | Mapping[str, Any] | None = None,
        criterion: Callable[..., Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
        adapters: Mapping[str, Mapping[str, Any]] | None = None,
        inferer: Callable[..., Any] | None = None,
        on_nan: Literal["warn", "stop", "raise"] = "warn",
    ) -> None:
        metrics = metrics or {}
        for mode in metrics:
            if mode not in ("train", "val", "test"):
                raise MetricError(
                    f"unknown mode {mode!r} in `metrics`",
                    expected="train, val, test",
                    nearest=nearest_names(str(mode), ["train", "val", "test"]),
                )
        super().__init__(
            network=model,
            criterion=criterion,
            optimizer=optimizer,
            scheduler=scheduler,
            train_metrics=metrics.get("train"),
            val_metrics=metrics.get("val"),
            test_metrics=metrics.get("test"),
            on_nan=on_nan,
        )
        self.inferer = inferer
        self._adapters = _checked(adapters or {})
        self._offer_dataloaders(dataloaders or {})

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
        """Train on a batch."""
        return self._step(Mode.TRAIN, batch)

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Any]:
        """Validate on a batch."""
        return self._step(Mode.VAL, batch)

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Any]:
        """Test on a batch; no loss is computed."""
        return self._step(Mode.TEST, batch)

    def predict_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Any]:
        """Predict a batch; nothing is logged."""
        return self._step(Mode.PREDICT, batch)

    def _step(self, mode: Mode, batch: Any) -> dict[str, Any]:
        adapters = self._adapters[mode]
        input, target, identifier = adapters["batch"](batch)  # noqa: A001  # the role's name
        if self.inferer is not None and mode is not Mode.TRAIN:
            pred = self.inferer(input, self.network, **self.clock_arguments())
        else:
            pred = self(input)
        loss = values = None
        criterion, trainer, step = self.criterion, self.trainer, self._logging.step
        log = None if step is None else step.log
        if criterion is not None and "criterion" in adapters:
            loss = adapters["criterion"](criterion, input, target, pred)
        if (self._metrics_of(mode) if log is None else log.metrics) is not None:
            values = adapters["metrics"](self.update_metrics, input, target, pred)
        batch_size = None
        if "logging" in adapters:
            if loss is not None:  # the loss is weighted by it, and a transform may keep one sample or none
                roles = {"input": input, "target": target, "pred": pred}
                batch_size = batch_size_of(roles, batch, type(self).__name__)
            input, target, pred = adapters["logging"](input, target, pred)  # noqa: A001
        global_step, epoch = global_step_and_epoch(trainer, is_automatic=self.automatic_optimization)
        outputs = {
            "identifier": identifier,
            "input": input,
            "target": target,
            "pred": pred,
            "loss": loss,
            "metrics": values,
            "step": global_step,
            "epoch": epoch,
        }
        if batch_size is not None:
            outputs["batch_size"] = batch_size
        return outputs

    def _before_setup(self, stage: str) -> None:
        super()._before_setup(stage)
        if stage == "fit" and self.criterion is None:
            raise CriterionError(
                "fit needs the System's `criterion`, which is missing",
                expected="a callable that takes pred and target and returns the loss",
                fix="give `criterion=torch.nn.CrossEntropyLoss()`",
            )


def _checked(adapters: Mapping[str, Mapping[str, Any]]) -> dict[Mode, dict[str, Callable[..., Any]]]:
    """Check the adapters and add the defaults."""
    by_mode: dict[Mode, dict[str, Callable[..., Any]]] = {}
    for name, given in adapters.items():
        if name not in list(Mode):
            raise AdapterError(
                f"unknown mode {name!r} in `adapters`",
                expected=", ".join(Mode),
                nearest=nearest_names(str(name), Mode),
            )
        roles = ROLES[Mode(name)]
        if not isinstance(given, Mapping):
            raise AdapterError(
                f"`adapters[{name!r}]` must be a mapping, got a {type(given).__name__}",
                expected=f"a mapping of {', '.join(roles)}",
            )
        for role, adapter in given.items():
            if role not in roles:
                raise AdapterError(
                    f"unknown role {role!r} in `adapters[{name!r}]`",
                    expected=", ".join(roles),
                    nearest=nearest_names(str(role), roles),
                )
            if adapter is not None and not callable(adapter):
                raise AdapterError(
                    f"`adapters[{name!r}][{role!r}]` must be a callable, got {adapter!r}",
                    expected="an adapter, or a callable",
                )
    for mode, roles in ROLES.items():
        defaults: dict[str, Callable[..., Any]] = {
            "batch": _first_of_batch if mode is Mode.PREDICT else BatchAdapter(input_accessor=0, target_accessor=1),
            "criterion": CriterionAdapter(pred_argument=0, target_argument=1),
            "metrics": MetricsAdapter(pred_argument=0, target_argument=1),
        }
        given = {role: adapter for role, adapter in (adapters.get(mode) or {}).items() if adapter is not None}
        by_mode[mode] = {role: adapter for role, adapter in (defaults | given).items() if role in roles}
    return by_mode


def _first_of_batch(batch: Any) -> tuple[Any, None, None]:
    return (batch[0] if isinstance(batch, tuple | list) else batch), None, None
