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


_MOST_IN_ALT = 6


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
        for curve in self.curves[-_MOST_IN_ALT:]:
            values = finite(curve.values)
            if values:
                first, last = number_text(values[0]), number_text(values[-1])
                least, most = number_text(min(values)), number_text(max(values))
                parts.append(f"{curve.label}: first {first}, smallest {least}, largest {most}, last {last}.")
        if self.best is not None:
            curve = self.curves[self.best[0]]
            value, epoch = curve.values[self.best[1]], curve.axis.epochs[self.best[1]]
            parts.append(f"Best: {number_text(value)} in epoch {epoch}.")
        if len(self.curves) > _MOST_IN_ALT:
            parts.append(f"{len(self.curves) - _MOST_IN_ALT} further curves.")
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


@dataclass(frozen=True, kw_only=True)
class Points(Figure):
    """Points, such as a trial each.

    Attributes:
        x_label, y_label: The names of the axes.
        labels: What each point is.
        x, y: Its place; text on a horizontal axis of choices.
        colours: The colour of each.
        line: The places of a line of steps: the best so far, or a front.
        best: The index of the best point.
        is_log_x: Whether the horizontal axis is logarithmic.
        is_small: Whether it is one of many, side by side.
    """

    kind: ClassVar[str] = "points"
    x_label: str
    y_label: str
    labels: tuple[str, ...]
    x: tuple[float | str, ...]
    y: tuple[float, ...]
    colours: tuple[int, ...]
    line: tuple[tuple[float, float], ...] = ()
    best: int | None = None
    is_log_x: bool = False
    is_small: bool = False

    @property
    def choices(self) -> list[str]:
        """The choices on the horizontal axis; empty if it has numbers."""
        return sorted({value for value in self.x if isinstance(value, str)}, key=choice_key)

    def alt(self) -> str:  # noqa: D102
        text = f"{self.y_label} by {self.x_label}: {len(self.x)} points"
        if self.y:
            text += f", from {number_text(min(self.y))} to {number_text(max(self.y))}"
        if self.best is not None:
            x = self.x[self.best]
            shown = x if isinstance(x, str) else number_text(x)
            text += f"; best {number_text(self.y[self.best])} at {shown}"
        return text + "."

    def data(self) -> dict[str, Any]:  # noqa: D102
        is_text = bool(self.choices)
        return {
            "xLabel": self.x_label,
            "yLabel": self.y_label,
            "labels": self.labels,
            "x": [str(value) for value in self.x] if is_text else for_json(self.x),  # type: ignore[arg-type]
            "y": for_json(self.y),
            "c": self.colours,
            "line": self.line,
            "best": self.best,
            "logX": self.is_log_x,
            "choices": self.choices,
        }

    def headings(self) -> Sequence[str]:  # noqa: D102
        return ("point", self.x_label, self.y_label)

    def rows(self) -> Rows:  # noqa: D102
        yield from zip(self.labels, self.x, self.y, strict=True)


@dataclass(frozen=True, kw_only=True)
class Bars(Figure):
    """One bar for each name, the longest first.

    Attributes:
        label: What the lengths are.
        values: Name and length of each bar.
    """

    kind: ClassVar[str] = "bars"
    label: str
    values: tuple[tuple[str, float], ...]

    def alt(self) -> str:  # noqa: D102
        shown = "; ".join(f"{name} {number_text(value)}" for name, value in self.values[:_MOST_IN_ALT])
        return f"{self.label}: {shown}."

    def data(self) -> dict[str, Any]:  # noqa: D102
        return {
            "label": self.label,
            "names": [name for name, _ in self.values],
            "v": [value for _, value in self.values],
        }

    def headings(self) -> Sequence[str]:  # noqa: D102
        return ("name", self.label)

    def rows(self) -> Rows:  # noqa: D102
        yield from self.values


@dataclass(frozen=True, kw_only=True)
class Parallel(Figure):
    """Parallel coordinates: an axis for each dimension, a line for each trial.

    Attributes:
        axes: The name of each axis, and whether it is logarithmic; the last is the objective.
        labels: What each line is.
        lines: The values of each line on the axes; ``None`` where it has none.
        shares: How good each line is, from 0 to 1.
        best: The index of the best line.
    """

    kind: ClassVar[str] = "parallel"
    axes: tuple[tuple[str, bool], ...]
    labels: tuple[str, ...]
    lines: tuple[tuple[float | str | None, ...], ...]
    shares: tuple[float, ...]
    best: int | None = None

    def alt(self) -> str:  # noqa: D102
        names = ", ".join(name for name, _ in self.axes)
        best = self.best
        shown = "" if best is None else f" The best, {self.labels[best]}: {', '.join(map(_shown, self.lines[best]))}."
        return f"{len(self.lines)} trials on the axes {names}.{shown}"

    def data(self) -> dict[str, Any]:  # noqa: D102
        return {
            "axes": [{"name": name, "log": is_log} for name, is_log in self.axes],
            "labels": self.labels,
            "lines": self.lines,
            "shares": for_json(self.shares),
            "best": self.best,
        }

    def headings(self) -> Sequence[str]:  # noqa: D102
        return ("trial", *(name for name, _ in self.axes))

    def rows(self) -> Rows:  # noqa: D102
        for label, line in zip(self.labels, self.lines, strict=True):
            yield (label, *line)


def _shown(value: float | str | None) -> str:
    return value if isinstance(value, str) else number_text(value)


@dataclass(frozen=True, kw_only=True)
class Timeline(Figure):
    """Who ran what when.

    Attributes:
        lanes: The names of the lanes, from above.
        spans: Lane, start and end in seconds since the first start, label, and colour.
    """

    kind: ClassVar[str] = "timeline"
    lanes: tuple[str, ...]
    spans: tuple[tuple[int, float, float, str, int], ...]

    def alt(self) -> str:  # noqa: D102
        end = max((span[2] for span in self.spans), default=0.0)
        return f"{len(self.spans)} runs of {len(self.lanes)} workers in {number_text(end / 60)} minutes."

    def data(self) -> dict[str, Any]:  # noqa: D102
        lanes, starts, ends, labels, colours = zip(*self.spans, strict=True) if self.spans else ((), (), (), (), ())
        return {
            "names": self.lanes,
            "lanes": lanes,
            "x1": for_json(starts),
            "x2": for_json(ends),
            "labels": labels,
            "c": colours,
        }

    def headings(self) -> Sequence[str]:  # noqa: D102
        return ("worker", "start_s", "end_s", "run")

    def rows(self) -> Rows:  # noqa: D102
        for lane, start, end, label, _ in self.spans:
            yield (self.lanes[lane], start, end, label)


@dataclass(frozen=True, kw_only=True)
class Matrix(Figure):
    """Confusion matrices of several epochs.

    Attributes:
        labels: The classes.
        epochs: The epoch of each matrix.
        matrices: Rows are targets, columns predictions.
    """

    kind: ClassVar[str] = "matrix"
    labels: tuple[str, ...]
    epochs: tuple[int, ...]
    matrices: tuple[tuple[tuple[float, ...], ...], ...]

    def alt(self) -> str:  # noqa: D102
        last = self.matrices[-1]
        total, right = sum(map(sum, last)), sum(last[index][index] for index in range(len(last)))
        confused = sorted(
            ((last[i][j], i, j) for i in range(len(last)) for j in range(len(last)) if i != j and last[i][j]),
            reverse=True,
        )[:3]
        pairs = "; ".join(f"{self.labels[i]} taken for {self.labels[j]}: {number_text(n)}" for n, i, j in confused)
        share = f"{right / total:.1%}" if total else "none"
        return f"{self.title}, epoch {self.epochs[-1]}: {share} on the diagonal. {pairs}".strip()

    def data(self) -> dict[str, Any]:  # noqa: D102
        return {"labels": self.labels, "epochs": self.epochs, "matrices": self.matrices}

    def headings(self) -> Sequence[str]:  # noqa: D102
        return ("epoch", "target", "pred", "value")

    def rows(self) -> Rows:  # noqa: D102
        for epoch, matrix in zip(self.epochs, self.matrices, strict=True):
            for target, line in zip(self.labels, matrix, strict=True):
                for pred, value in zip(self.labels, line, strict=True):
                    yield (epoch, target, pred, value)
