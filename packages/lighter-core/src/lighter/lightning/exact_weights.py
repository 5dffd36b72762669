"""Correct which weights Lightning saves with averages of weights, and what it rounds in double precision."""

# ruff: noqa: SLF001  # Lightning has no public way to an average

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import WeightAveraging

_SWAPS = ("on_validation_epoch_start", "on_validation_epoch_end", "_swap_models", "on_save_checkpoint")


class SwappedWeights(Callback):
    """Knows whether a `WeightAveraging` has swapped the weights with their average, as it does for validation.

    Lightning 2.6 saves them exchanged then, and never swaps them back if validation raises an exception. Its place is
    directly after the `WeightAveraging`.

    Attributes:
        averaging: The callback that swaps.
        is_swapped: Whether the module has the average, and the average the weights of the optimizer.
    """

    # Lightning 2.6 calls every hook of a callback in each step, but skips those that are not callable
    on_train_batch_start = on_train_batch_end = on_before_zero_grad = None  # type: ignore[assignment]
    on_before_backward = on_after_backward = on_before_optimizer_step = None  # type: ignore[assignment]
    on_validation_batch_start = on_validation_batch_end = None  # type: ignore[assignment]

    def __init__(self, averaging: WeightAveraging) -> None:
        self.averaging = averaging
        self.is_swapped = False

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that they have been swapped."""
        self.is_swapped = True

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that they have been swapped back."""
        self.is_swapped = False

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Swap back, as at the end of a validation."""
        if self.is_swapped:
            self.averaging.on_validation_epoch_end(trainer, pl_module)
            self.is_swapped = False

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Give each its own key, if the checkpoint is saved inside a validation."""
        if self.is_swapped and "current_model_state" in checkpoint:
            average, weights = checkpoint["current_model_state"], checkpoint["state_dict"]
            checkpoint["state_dict"], checkpoint["current_model_state"] = average, weights


def attach(trainer: Trainer) -> None:
    """Make a trainer save and load exact weights; call it after the callbacks' ``setup``.

    Lightning converts the weights to double precision only after it has loaded a checkpoint, and never their average.
    A callback that overrides how it swaps is left alone.
    """
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    averages = [callback for callback in callbacks if isinstance(callback, WeightAveraging)]
    if trainer.precision == "64-true":
        for module in (trainer.lightning_module, *(averaging._average_model for averaging in averages)):
            if module is not None:
                module.double()
    attached = [callback.averaging for callback in callbacks if isinstance(callback, SwappedWeights)]
    for averaging in averages:
        if averaging not in attached and all(
            getattr(type(averaging), name) is getattr(WeightAveraging, name) for name in _SWAPS
        ):
            callbacks.insert(callbacks.index(averaging) + 1, SwappedWeights(averaging))
