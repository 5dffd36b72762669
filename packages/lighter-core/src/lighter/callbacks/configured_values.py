"""Let the config win over a checkpoint."""

from pytorch_lightning import Callback


class ConfiguredValues(Callback):
    """Resume with the configured arguments of optimizers, schedules and callbacks, not those of the checkpoint.

    A checkpoint restores the learning rate, a schedule's ``T_max``, the patience of EarlyStopping and so on, so changes
    of a config have no effect on a resumed run. With this callback the changed values are used; momentum, the step of a
    schedule and the count of a patience are still restored. It works for a `LighterModule`, whose checkpoints hold what
    their run was configured with.

    >>> callbacks = [ConfiguredValues()]
    """
