"""What this package raises on purpose. Every error keeps its parts as attributes, which tests and tools read."""

from collections.abc import Iterable
from difflib import get_close_matches


class LighterError(Exception):
    """Something the user asked for that cannot be done; the base of everything this package raises on purpose.

    The message shows the parts that are given, one a line, in the order of the arguments.

    Args:
        what: What happened, naming what was given.
        where: Where it happened: a class, a step, a parameter.
        expected: What was expected instead.
        nearest: The nearest valid names, best first.
        fix: How to fix it.

    >>> print(LighterError("`colour` is not a mode", expected="train, val, test, predict", fix="name a mode"))
    `colour` is not a mode
      expected   train, val, test, predict
      to fix     name a mode
    """

    def __init__(
        self, what: str, *, where: str = "", expected: str = "", nearest: Iterable[str] = (), fix: str = ""
    ) -> None:
        super().__init__(what)  # only this: `args` is what pickle passes on, the attributes travel in `__dict__`
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
    """An adapter that was given arguments that contradict each other, or data that it cannot take apart."""


class BatchSizeError(LighterError):
    """A step whose number of samples cannot be known."""


class CorruptBatchError(LighterError):
    """A batch whose corrupt samples could not be replaced."""


class CriterionError(LighterError):
    """A criterion that is missing."""


class DataError(LighterError):
    """Dataloaders that cannot be used for what was asked."""


class FreezerError(LighterError):
    """A selection of parameters that cannot be frozen or released as asked."""


class LayerError(LighterError):
    """A layer that is not there, or that cannot be replaced or removed."""


class MetricError(LighterError):
    """Metrics that cannot be used, or whose values cannot be logged."""


class MonitorError(LighterError):
    """A callback or scheduler that monitors a name which is never there."""


class OptimizerError(LighterError):
    """An optimizer or scheduler that is missing, or that cannot do what was asked."""


class StepOutputError(LighterError):
    """A step that returned something that cannot be trained on or logged."""


class WeightsError(LighterError):
    """A file of weights that cannot be read, or that does not fit the network."""


class WriterError(LighterError):
    """Predictions that cannot be written, or a place where they cannot be written to."""


def nearest_names(name: str, valid: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Find the valid names that look most like ``name``, best first, ignoring case.

    >>> nearest_names("val/los/epoch", ["val/loss/epoch", "train/optimizer/SGD/lr"])
    ('val/loss/epoch',)
    """
    by_folded: dict[str, str] = {}
    for candidate in valid:
        by_folded.setdefault(candidate.casefold(), candidate)
    return tuple(by_folded[match] for match in get_close_matches(name.casefold(), by_folded, n=count, cutoff=0.6))
