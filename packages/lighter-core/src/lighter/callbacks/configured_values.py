"""Let the config win over a checkpoint."""

from pytorch_lightning import Callback, LightningModule, Trainer

from lighter.errors import OptimizerError


class ConfiguredValues(Callback):
    """Resume with the configured arguments of optimizers, schedules and callbacks, not those of the checkpoint.

    A checkpoint restores the learning rate, a schedule's ``T_max``, the patience of EarlyStopping and so on, so changes
    of a config have no effect on a resumed run. With this callback the changed values are used; momentum, the step of a
    schedule and the count of a patience are still restored. It works for a `LighterModule`, whose checkpoints hold what
    their run was configured with.

    Raises:
        OptimizerError: The module is not a `LighterModule`.

    >>> callbacks = [ConfiguredValues()]
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check the module, which sets the values when it has been restored."""
        if not hasattr(pl_module, "restored_values"):  # LighterModule itself imports this class
            raise OptimizerError(
                f"ConfiguredValues cannot set the values of {type(pl_module).__name__}, which is not a LighterModule",
                expected="a lighter.LighterModule or lighter.System",
                fix="remove the callback, or derive the module from LighterModule",
            )
