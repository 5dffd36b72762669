"""Tell schedules that monitor a value whether it is new, or one that they have counted before."""

import re

from pytorch_lightning import Trainer

from lighter.lightning.state import loop_of_epoch_value
from lighter.mode import Mode

_OWN_NAME = re.compile(r"(train|val)/(loss|metrics|optimizer)/.+")


class NewValues:
    """Which schedules have counted the newest values of each loop.

    Lightning shows monitors the last value of a name until there is another. An epoch without validation has no new
    value of validation, and the steps within an epoch have none of the epoch.

    Attributes:
        counted: By loop, the indices of the schedules that have counted its newest values.
    """

    def __init__(self) -> None:
        self.counted: dict[str, list[int]] = {}

    def start(self, mode: Mode) -> None:
        """Note that a loop has new values."""
        self.counted[mode.value] = []

    def take(self, trainer: Trainer, scheduler: object) -> bool:
        """Return whether a schedule has not counted the value of its monitor yet, and note that it has now."""
        for index, config in enumerate(trainer.lr_scheduler_configs):
            if config.scheduler is scheduler and config.monitor is not None:
                own = _OWN_NAME.fullmatch(config.monitor)
                loop = own[1] if own else loop_of_epoch_value(trainer, config.monitor)
                counted = self.counted.setdefault(loop, []) if loop is not None else []
                if index in counted:
                    return False
                counted.append(index)
        return True
