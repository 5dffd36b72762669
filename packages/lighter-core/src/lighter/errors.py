"""The errors of this package. Every error keeps its parts as attributes, which tests and tools read."""

from collections.abc import Iterable
from difflib import get_close_matches


class LighterError(Exception):
    """Base class of this package's errors: something the user asked for cannot be done.

    The message shows the given parts, one on each line, in the order of the arguments.

    Args:
        what: What is wrong, with the name or value that the user gave.
        where: Where it is wrong: a class, a step, a parameter.
        expected: What was expected instead.
        nearest: The nearest valid names, best first.
        fix: How to fix it.

    >>> print(LighterError("unknown mode 'colour'", expected="train, val, test, predict", fix="name a mode"))
    unknown mode 'colour'
      expected   train, val, test, predict
      to fix     name a mode
    """

    def __init__(
        self, what: str, *, where: str = "", expected: str = "", nearest: Iterable[str] = (), fix: str = ""
    ) -> None:
        super().__init__(what)  # only this: pickle passes `args` to `__init__` and keeps the attributes in `__dict__`
        self.what = what
        self.where = where
        self.expected = expected
        self.nearest = tuple(nearest)
        self.fix = fix

    def __str__(self) -> str:
        parts = {
            "where": self.where,
            "expected": self.expected,
            "nearest": ", ".join(self.nearest),
            "to fix": self.fix,
        }
        indent = "\n" + " " * 13
        lines = [f"  {label:<10} {text.replace(chr(10), indent)}" for label, text in parts.items() if text]
        return "\n".join([self.what, *lines])


class AdapterError(LighterError):
    """An adapter's arguments contradict each other, or it cannot read a batch."""


class BatchSizeError(LighterError):
    """The number of samples of a step is not known."""


class CorruptBatchError(LighterError):
    """Corrupt samples of a batch could not be replaced."""


class CriterionError(LighterError):
    """The criterion is missing."""


class DataError(LighterError):
    """Dataloaders cannot be used as the user asked."""


class FreezerError(LighterError):
    """Parameters cannot be selected, frozen or released as the user asked."""


class LayerError(LighterError):
    """A layer does not exist, or cannot be replaced or removed."""


class MetricError(LighterError):
    """Metrics cannot be used, or their values cannot be logged."""


class MonitorError(LighterError):
    """A callback or scheduler monitors a name that callbacks never see."""


class OptimizerError(LighterError):
    """An optimizer or scheduler is missing, or cannot do what the user asked."""


class PictureError(LighterError):
    """What a step returned cannot be drawn, or a callback that draws is not configured right."""


class StepOutputError(LighterError):
    """A step returned something that cannot be trained on or logged."""


class WeightsError(LighterError):
    """A file of weights cannot be read, or does not fit the network."""


class WriterError(LighterError):
    """Predictions cannot be written, or their path cannot be used."""


def nearest_names(name: str, valid: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Return the valid names most similar to ``name``, best first, ignoring case.

    >>> nearest_names("val/los/epoch", ["val/loss/epoch", "train/optimizer/SGD/lr"])
    ('val/loss/epoch',)
    """
    by_folded: dict[str, str] = {}
    for candidate in valid:
        by_folded.setdefault(candidate.casefold(), candidate)
    return tuple(by_folded[match] for match in get_close_matches(name.casefold(), by_folded, n=count, cutoff=0.6))
