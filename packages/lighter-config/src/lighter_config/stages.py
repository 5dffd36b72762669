"""The words for what a user asks for (stage) and for the loops that then run (mode)."""

from enum import StrEnum


class Stage(StrEnum):
    """What the user asks for: the name of a ``Trainer`` method."""

    FIT = "fit"
    VALIDATE = "validate"
    TEST = "test"
    PREDICT = "predict"

    @property
    def modes(self) -> tuple[str, ...]:
        """The loops that run in this stage, by the keys that configs use for them.

        >>> Stage.FIT.modes
        ('train', 'val')
        """
        return _MODES[self]


_MODES: dict[Stage, tuple[str, ...]] = {
    Stage.FIT: ("train", "val"),
    Stage.VALIDATE: ("val",),
    Stage.TEST: ("test",),
    Stage.PREDICT: ("predict",),
}

MODES: tuple[str, ...] = ("train", "val", "test", "predict")
"""Every mode, in the order of an experiment."""
