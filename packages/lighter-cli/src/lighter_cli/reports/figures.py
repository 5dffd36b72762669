"""Figures as data: what each kind shows, without a library that draws it.

``assets/charts.js`` draws them in the page, ``drawing`` as files.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

NUM_COLOURS = 8
"""The colours of the palette, which ``assets/report.css`` and ``drawing`` define alike."""

GREY = -1
"""The colour of what stays in the background."""

Rows = Iterator[Sequence[Any]]


def number_text(value: float | None) -> str:
    """Return a number with four digits.

    >>> number_text(0.123456), number_text(1200.0), number_text(None)
    ('0.1235', '1200', '')
    """
    return "" if value is None else f"{value:.4g}"


def value_text(value: Any) -> str:
    """Return a value of a config with six digits at most.

    >>> value_text(0.006901214272618958), value_text(64), value_text("adam")
    ('0.00690121', '64', 'adam')
    """
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def finite(values: Sequence[float | None]) -> list[float]:
    """Return the values that are finite numbers."""
    return [value for value in values if value is not None and math.isfinite(value)]


def for_json(values: Sequence[float | None]) -> list[float | None]:
    """Return numbers with six digits as JSON holds them; nan and infinite ones are gaps."""
    return [float(f"{value:.6g}") if value is not None and math.isfinite(value) else None for value in values]


def choice_key(choice: str) -> tuple[bool, float, str]:
    """Return the key that orders choices: numbers by their size, then the rest.

    >>> sorted(["128", "adam", "32"], key=choice_key)
    ['32', '128', 'adam']
    """
    try:
        return False, float(choice), choice
    except ValueError:
        return True, 0.0, choice


@dataclass(frozen=True, slots=True)
class Axis:
    """Where the values of a curve are.

    Attributes:
        epochs: The epoch of each value, from 0.
        steps: The optimizer steps made when it ended; empty if they are not shown.
        times_s: Seconds of training when it ended; empty if they are not shown.
    """

    epochs: tuple[int, ...]
    steps: tuple[int, ...] = ()
    times_s: tuple[float, ...] = ()

    def data(self) -> dict[str, Any]:
        """Return it as JSON holds it. Epochs without a gap are only counted."""
        is_range = self.epochs == tuple(range(len(self.epochs)))
        found: dict[str, Any] = {"epoch": len(self.epochs) if is_range else self.epochs}
        return {**found, "step": self.steps, "time": self.times_s} if self.steps else found


@dataclass(frozen=True, slots=True)
class Curve:
    """The values of one metric in one run.

    Attributes:
        label: What the legend and the tooltip call it.
        axis: Where the values are.
        values: The values; nan and infinite ones break the line.
        colour: An index into the palette, or ``GREY``.
        is_dashed: Whether it is drawn as the second of a pair: values of training.
        num_points: How many values there are; more than ``values`` has if they are thinned out.
    """

    label: str
    axis: Axis
    values: tuple[float, ...]
    colour: int = 0
    is_dashed: bool = False
    num_points: int = 0


@dataclass(frozen=True, slots=True)
class Band:
    """Mean and deviation over runs that differ only in the seed.

    Attributes:
        label: What the runs have in common.
        colour: An index into the palette.
        num_runs: How many runs.
        epochs: The epochs that all of them logged.
        means: The mean at each epoch.
        deviations: The standard deviation of the sample at each epoch.
    """

    label: str
    colour: int
    num_runs: int
    epochs: tuple[int, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What all figures have.

    Attributes:
        title: Its heading.
        caption: A sentence below it; may be empty.
        keys: The legend: label and colour.
    """

    kind: ClassVar[str]
    title: str
    caption: str = ""
    keys: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """A name for files and links."""
        return re.sub(r"[^A-Za-z0-9.=-]+", "-", self.title).strip("-.")[:80] or "figure"

    def alt(self) -> str:
        """Return what the figure shows, for readers who do not see it."""
        raise NotImplementedError

    def data(self) -> dict[str, Any]:
        """Return what ``charts.js`` needs."""
        raise NotImplementedError

    def headings(self) -> Sequence[str]:
        """Return the columns of its data."""
        raise NotImplementedError

    def rows(self) -> Rows:
        """Yield the rows of its data, with exact values."""
        raise NotImplementedError


MOST_IN_ALT = 6
"""How many curves or bars the text beside a figure has."""


@dataclass(frozen=True, kw_only=True)
class Curves(Figure):
    """Curves over the epochs.

    Attributes:
        curves: The curves; the last is drawn on top.
        bands: Means with their deviations.
        best: Index of a curve and of the value in it that the run is judged by.
        is_log: Whether the values are first shown on a logarithmic scale.
    """

    kind: ClassVar[str] = "curves"
    curves: tuple[Curve, ...]
    bands: tuple[Band, ...] = ()
    best: tuple[int, int] | None = None
    is_log: bool = False

    def alt(self) -> str:  # noqa: D102  # as in the base class
        parts = [f"{self.title} over epochs."]
        for curve in self.curves[-MOST_IN_ALT:]:
            values = finite(curve.values)
            if values:
                first, last = number_text(values[0]), number_text(values[-1])
                least, most = number_text(min(values)), number_text(max(values))
                parts.append(f"{curve.label}: first {first}, smallest {least}, largest {most}, last {last}.")
        if self.best is not None:
            curve = self.curves[self.best[0]]
            value, epoch = curve.values[self.best[1]], curve.axis.epochs[self.best[1]]
            parts.append(f"Best: {number_text(value)} in epoch {epoch}.")
        if len(self.curves) > MOST_IN_ALT:
            parts.append(f"{len(self.curves) - MOST_IN_ALT} further curves.")
        return " ".join(parts)

    def data(self) -> dict[str, Any]:  # noqa: D102
        return {
            "curves": [
                {"label": one.label, "axis": one.axis, "v": for_json(one.values), "c": one.colour, "d": one.is_dashed}
                for one in self.curves
            ],
            "bands": [
                {
                    "label": band.label,
                    "c": band.colour,
                    "epoch": band.epochs,
                    "mean": for_json(band.means),
                    "std": for_json(band.deviations),
                }
                for band in self.bands
            ],
            "best": self.best,
            "log": self.is_log,
        }

    def headings(self) -> Sequence[str]:  # noqa: D102
        return ("curve", "epoch", "step", "time_s", "value")

    def rows(self) -> Rows:  # noqa: D102
        for curve in self.curves:
            steps, times = (
                curve.axis.steps or [None] * len(curve.values),
                curve.axis.times_s or [None] * len(curve.values),
            )
            for row in zip(curve.axis.epochs, steps, times, curve.values, strict=True):
                yield (curve.label, *row)
