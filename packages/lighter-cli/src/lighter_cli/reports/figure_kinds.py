"""The other kinds of figures: points, bars, parallel coordinates, timelines and confusion matrices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lighter_cli.reports.figures import MOST_IN_ALT, Figure, Rows, choice_key, for_json, number_text


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
        shown = "; ".join(f"{name} {number_text(value)}" for name, value in self.values[:MOST_IN_ALT])
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
