"""Let Lightning run one step of each mode on a described batch, up to its backward pass."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import nn

from lighter import LighterModule
from lighter_cli.lightning_package import class_beside, derived, package_of
from lighter_cli.shapes.fakes import Fakes
from lighter_cli.shapes.unfollowed import is_unfollowed
from lighter_config import Stage
from lighter_config.checks.lightning_packages import PACKAGES

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule, Trainer

STEPS = {
    Stage.FIT: "training_step",
    Stage.VALIDATE: "validation_step",
    Stage.TEST: "test_step",
    Stage.PREDICT: "predict_step",
}

_ON_A_CPU = {"16-mixed": "bf16-mixed", 16: "bf16-mixed", "16": "bf16-mixed"}
"""Precisions that need a GPU, and what has the same places of conversion on a CPU."""


class StepDoneError(Exception):
    """A step has run: what follows it, such as the optimizer's, says nothing about shapes."""


class StopAfterStep:
    """A callback that ends a stage after its first step.

    Attributes:
        is_started: Whether the step began.
        loss: The loss of a training step.
    """

    def __init__(self) -> None:
        self.is_started = False
        self.loss: Any = None

    def on_train_batch_start(self, *_: Any) -> None:
        """Note that the step begins."""
        self.is_started = True

    def on_validation_batch_start(self, *_: Any) -> None:
        """Note that the step begins."""
        self.is_started = True

    def on_test_batch_start(self, *_: Any) -> None:
        """Note that the step begins."""
        self.is_started = True

    def on_predict_batch_start(self, *_: Any) -> None:
        """Note that the step begins."""
        self.is_started = True

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Any) -> None:
        """End the stage, unless the step itself goes backward."""
        self.loss = loss
        if pl_module.automatic_optimization:
            raise StepDoneError

    def on_train_batch_end(self, *_: Any) -> None:
        """End the stage."""
        raise StepDoneError

    def on_validation_batch_end(self, *_: Any) -> None:
        """End the stage."""
        raise StepDoneError

    def on_test_batch_end(self, *_: Any) -> None:
        """End the stage."""
        raise StepDoneError

    def on_predict_batch_end(self, *_: Any) -> None:
        """End the stage."""
        raise StepDoneError


class OneBatch:
    """A loader of one batch.

    Args:
        batch: The batch.
    """

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        yield self._batch


def run_step(
    stage: Stage, module: LightningModule, batch: Any, precision: Any
) -> tuple[StopAfterStep, Exception | None]:
    """Run the step of a stage with Lightning's trainer; validation is a stage of its own here.

    Args:
        stage: The stage.
        module: The module, built on tensors without values.
        batch: The batch.
        precision: The ``precision`` of the config's trainer; ``None`` for Lightning's default.

    Returns:
        What was seen of the step, and what it raised.
    """
    seen = derived(StopAfterStep, module, "Callback")()  # type: ignore[arg-type]  # any object of Lightning will do
    package = importlib.import_module(package_of(module) or PACKAGES[0])
    trainer = package.Trainer(
        accelerator="cpu",
        devices=1,
        precision=_ON_A_CPU.get(precision, precision),
        max_epochs=1,
        num_sanity_val_steps=0,
        logger=False,
        log_every_n_steps=10**9,  # what is written is computed from values
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        inference_mode=False,  # tensors of that mode cannot be followed
        callbacks=[seen],
    )
    loader = OneBatch(batch)
    try:
        if stage is Stage.FIT:
            trainer.fit(module, train_dataloaders=loader)
        elif stage is Stage.PREDICT:
            trainer.predict(module, dataloaders=loader, return_predictions=False)
        else:
            getattr(trainer, stage)(module, dataloaders=loader, verbose=False)
    except StepDoneError:
        return seen, None
    except Exception as error:
        return seen, error
    return seen, None


def has_step(module: LightningModule, stage: Stage) -> bool:
    """Return whether a module has the step of a stage."""
    is_overridden = class_beside(module, "utilities.model_helpers.is_overridden")  # type: ignore[arg-type]
    return bool(is_overridden(STEPS[stage], module))


def give_zeros(module: LightningModule, fakes: Fakes) -> None:
    """Let the criterion, the metrics and the log of a module get zeros, as they look at values."""
    criterion = getattr(module, "criterion", None)
    if isinstance(criterion, nn.Module):
        criterion.register_forward_pre_hook(lambda _, args, kwargs: fakes.zeros_for((args, kwargs)), with_kwargs=True)
    if isinstance(module, LighterModule):
        _give_zeros_to_metrics(module, fakes)


def _give_zeros_to_metrics(module: LighterModule, fakes: Fakes) -> None:
    update_metrics, log_outputs = module.update_metrics, module._log_outputs  # noqa: SLF001  # what a class may override

    def update_with_zeros(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = fakes.zeros_for((args, kwargs))
        try:
            return update_metrics(*args, **kwargs)
        except Exception as error:
            if is_unfollowed(error):  # by then, metrics have compared the shapes
                return None
            raise

    def log_zeros(outputs: dict[str, Any], batch_idx: int) -> None:
        loss = {"loss": fakes.zeros_for(outputs["loss"])} if "loss" in outputs else {}
        log_outputs({**outputs, **loss}, batch_idx)

    module.update_metrics = update_with_zeros  # type: ignore[method-assign]
    module._log_outputs = log_zeros  # type: ignore[method-assign]  # noqa: SLF001
