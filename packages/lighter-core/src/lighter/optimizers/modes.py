"""Switch optimizers that have a mode for training and one for evaluation, such as those of schedulefree."""

import copy
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from pytorch_lightning import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from lighter.optimizers.combined_optimizer import flat


@runtime_checkable
class SwitchedOptimizer(Protocol):
    """An optimizer that changes the weights themselves between training and evaluation."""

    def train(self) -> None:
        """Set the weights to those that training steps need."""

    def eval(self) -> None:
        """Set the weights to those that the network is evaluated with."""


class OptimizerModes(Callback):
    """Switches optimizers: to evaluation for validation and when training ends, to training before the next step.

    Attributes:
        is_training: Whether the optimizers are in the mode for training.
    """

    # Lightning 2.6 calls every hook of a callback in each step, but skips those that are not callable
    on_train_batch_start = on_train_batch_end = on_before_zero_grad = None  # type: ignore[assignment]
    on_before_backward = on_after_backward = on_before_optimizer_step = None  # type: ignore[assignment]
    on_validation_batch_start = on_validation_batch_end = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.is_training = False
        self._was_training = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Switch to training, when a checkpoint has been restored."""
        self.switch(trainer, to_training=True)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Switch to evaluation; checkpoints that are saved when validation ends need no other switch."""
        self._was_training = self.is_training
        self.switch(trainer, to_training=False)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Switch back to training; not after the sanity check, which runs before it."""
        self.switch(trainer, to_training=self._was_training)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Switch to evaluation: the network is tested next, or used."""
        self.switch(trainer, to_training=False)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Switch to evaluation: training has ended."""
        self.switch(trainer, to_training=False)

    def switch(self, trainer: Trainer, *, to_training: bool) -> None:
        """Switch all optimizers that have modes."""
        if to_training is self.is_training:
            return
        for optimizer in _switched(trainer.optimizers):
            optimizer.train() if to_training else optimizer.eval()
        self.is_training = to_training


def attach(trainer: Trainer) -> None:
    """Make a trainer switch its optimizers, if they have modes."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if _switched(trainer.optimizers) and not any(isinstance(callback, OptimizerModes) for callback in callbacks):
        callbacks.append(OptimizerModes())  # after those that save checkpoints


def save_for_evaluation(checkpoint: dict[str, Any], trainer: Trainer) -> None:
    """Replace the weights and optimizer states of a checkpoint by those for evaluation, and continue to train.

    They are copied, as the optimizers change them again before the checkpoint is written. A checkpoint that is saved
    when validation ends needs no copy.
    """
    modes = next((one for one in trainer.callbacks if isinstance(one, OptimizerModes)), None)  # type: ignore[attr-defined]
    if modes is None or not modes.is_training:
        return
    modes.switch(trainer, to_training=False)
    weights = trainer.strategy.lightning_module_state_dict()
    key = "current_model_state" if "current_model_state" in checkpoint else "state_dict"  # of averaged weights
    checkpoint[key] = {name: value.detach().clone() for name, value in weights.items()}
    if "optimizer_states" in checkpoint:
        states = [trainer.strategy.optimizer_state(optimizer) for optimizer in trainer.optimizers]
        checkpoint["optimizer_states"] = copy.deepcopy(states)
    modes.switch(trainer, to_training=True)


def _switched(optimizers: Iterable[Optimizer]) -> list[SwitchedOptimizer]:
    return [optimizer for optimizer in flat(optimizers) if isinstance(optimizer, SwitchedOptimizer)]
