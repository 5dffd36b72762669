"""The loop that is running."""

from enum import StrEnum

from pytorch_lightning import Trainer


class Mode(StrEnum):
    """The loop that is running; ``fit`` runs ``train`` and ``val``.

    >>> Mode.TRAIN == "train"
    True
    """

    TRAIN = "train"
    VAL = "val"
    TEST = "test"
    PREDICT = "predict"

    @classmethod
    def of(cls, trainer: Trainer) -> "Mode":
        """Return the mode of the trainer's running loop; it is never stored, so it cannot be outdated.

        Raises:
            RuntimeError: The trainer runs no loop.
        """
        if trainer.training:
            return cls.TRAIN
        if trainer.validating or trainer.sanity_checking:
            return cls.VAL
        if trainer.testing:
            return cls.TEST
        if trainer.predicting:
            return cls.PREDICT
        raise RuntimeError("the mode is not known: the trainer runs no loop")
