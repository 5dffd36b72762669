"""The loop that is running now."""

from enum import StrEnum

from pytorch_lightning import Trainer


class Mode(StrEnum):
    """The loop that is running now; ``fit`` runs ``train`` and ``val``.

    >>> Mode.TRAIN == "train"
    True
    """

    TRAIN = "train"
    VAL = "val"
    TEST = "test"
    PREDICT = "predict"

    @classmethod
    def of(cls, trainer: Trainer) -> "Mode":
        """Read the mode from the trainer; it is never stored, so it cannot be stale.

        Raises:
            RuntimeError: No loop is running.
        """
        if trainer.training:
            return cls.TRAIN
        if trainer.validating or trainer.sanity_checking:
            return cls.VAL
        if trainer.testing:
            return cls.TEST
        if trainer.predicting:
            return cls.PREDICT
        raise RuntimeError("there is no mode: the trainer runs no loop now")
