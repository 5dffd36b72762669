"""Draw curves as text: with colours in dots of braille, without them in one letter a curve."""

import math
import string
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lighter_cli.terminal.control_characters import escaped
from lighter_cli.terminal.output import PLACE, Line, Part

LETTERS = string.ascii_uppercase + string.ascii_lowercase
COLOURS = (
    "cyan", "yellow", "magenta", "green", "red", "bright_blue",
    "dark_orange", "turquoise2", "hot_pink", "chartreuse1", "medium_purple1", "grey70",
)  # fmt: skip

_BLANK = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a character of braille: its rows from above
_LOG_FROM = 100  # the largest value in the smallest, for a logarithmic scale


class Curve(NamedTuple):
    """One curve.

    Attributes:
        label: What the legend calls it.
        points: Epoch and value, in the order of the epochs; nan and infinite values break the line.
    """

    label: str
    points: Sequence[tuple[int, float]]


class _Frame(NamedTuple):
    """The ranges that a plot shows; ``low`` and ``high`` are logarithms if ``is_log``."""

    first: int
    last: int
    low: float
    high: float
    is_log: bool


def plot_lines(curves: Sequence[Curve], *, width: int, height: int, is_braille: bool) -> Iterator[Line]:
    """Yield the lines of a plot with all curves in it, its axes and its legend.

    The vertical axis is logarithmic if all values are positive and the largest is at least 100 times the smallest. A
    later curve covers an earlier one. Fewer than two epochs with a finite value make no plot; the legend remains.

    Args:
        curves: The curves.
        width: The columns that a line may have.
        height: The lines of the plot itself.
        is_braille: Whether to draw dots, whose colours tell up to twelve curves apart, or letters, which are ASCII.
    """
    is_braille = is_braille and len(curves) <= len(COLOURS)
    finite = [(epoch, value) for curve in curves for epoch, value in curve.points if math.isfinite(value)]
    if len({epoch for epoch, _ in finite}) > 1:
        frame = _frame(finite)
        labels = _labels([value for _, value in finite], height)
        margin = max(map(len, labels.values()))
        canvas = _Canvas(max(width - margin - 2, 8), height, is_braille=is_braille)
        for index, curve in enumerate(curves):
            canvas.draw(curve, frame, index)
        bar = "│" if is_braille else "|"
        for row, line in enumerate(canvas.lines()):
            yield [(f"{labels.get(row, ''):>{margin}} {bar}", PLACE), *line]
        yield _epochs_axis(frame, margin + 2, canvas.width)
    yield from _legend(curves, width, is_braille=is_braille)


def _frame(points: Sequence[tuple[int, float]]) -> _Frame:
    epochs, values = [epoch for epoch, _ in points], [value for _, value in points]
    low, high = min(values), max(values)
    if is_log := low > 0 and high / low >= _LOG_FROM:
        low, high = math.log10(low), math.log10(high)
    return _Frame(min(epochs), max(epochs), low, high, is_log)


def _labels(values: Sequence[float], height: int) -> dict[int, str]:
    """Return the numbers at the vertical axis by their lines; a flat curve is in the middle."""
    low, high = min(values), max(values)
    return {height // 2: _number(low)} if low == high else {0: _number(high), height - 1: _number(low)}


def _epochs_axis(frame: _Frame, margin: int, width: int) -> Line:
    first, last, name = str(frame.first), str(frame.last), "epoch, logarithmic values" if frame.is_log else "epoch"
    if len(first) + len(name) + len(last) + 2 > width:
        name = ""
    inner = name.center(max(width - len(first) - len(last), 1))
    return [(f"{' ' * margin}{first}{inner}{last}", PLACE)]


def _legend(curves: Sequence[Curve], width: int, *, is_braille: bool) -> Iterator[Line]:
    """Yield the lines that say which curve is which, as many names on a line as fit."""
    line: list[Part] = []
    used = 0
    for index, curve in enumerate(curves):
        mark = "━━" if is_braille else LETTERS[index % len(LETTERS)]
        text = f" {escaped(curve.label, is_line=True)}{_broken(curve)}"
        length = len(mark) + len(text) + 3
        if line and used + length > width:
            yield line
            line, used = [], 0
        line += ["   "] * bool(line) + [(mark, COLOURS[index % len(COLOURS)]), text]
        used += length
    if line:
        yield line


def _broken(curve: Curve) -> str:
    """Return what the line of a curve does not show."""
    broken = [(epoch, value) for epoch, value in curve.points if not math.isfinite(value)]
    if not curve.points:
        return " (no epoch)"
    if not broken:
        return ""
    epoch, value = broken[0]
    return f" ({value} at epoch {epoch}{f' and {len(broken) - 1:,} more' if len(broken) > 1 else ''})"


class _Canvas:
    """A grid of characters, each with the curve that is drawn there last."""

    def __init__(self, width: int, height: int, *, is_braille: bool) -> None:
        self.width, self._height = width, height
        self._columns, self._rows = (2, 4) if is_braille else (1, 1)  # dots in a character
        self._is_braille = is_braille
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}

    def draw(self, curve: Curve, frame: _Frame, index: int) -> None:
        """Draw one curve; epochs without a value are crossed, those without a finite one are not."""
        last: tuple[int, int] | None = None
        for epoch, value in curve.points:
            dot = self._dot(epoch, value, frame) if math.isfinite(value) else None
            if dot is not None:
                for x, y in _between(dot if last is None else last, dot):
                    self._set(x, y, index)
            last = dot

    def lines(self) -> Iterator[list[Part]]:
        """Yield the lines from above, each without the blanks at its end."""
        for row in range(self._height):
            line: list[Part] = []
            for column in range(self.width):
                cell = self._cells.get((column, row))
                line.append(" " if cell is None else self._character(*cell))
            while line and line[-1] == " ":
                line.pop()
            yield line

    def _character(self, index: int, bits: int) -> Part:
        text = chr(_BLANK + bits) if self._is_braille else LETTERS[index % len(LETTERS)]
        return text, COLOURS[index % len(COLOURS)]

    def _dot(self, epoch: int, value: float, frame: _Frame) -> tuple[int, int]:
        value = math.log10(value) if frame.is_log else value
        last_x, last_y = self.width * self._columns - 1, self._height * self._rows - 1
        x = _share(epoch, frame.first, frame.last) * last_x
        return round(x), round((1 - _share(value, frame.low, frame.high)) * last_y)

    def _set(self, x: int, y: int, index: int) -> None:
        place = x // self._columns, y // self._rows
        before, bits = self._cells.get(place, (index, 0))
        dot = _DOTS[y % self._rows][x % self._columns]
        self._cells[place] = index, (bits | dot if before == index else dot)


def _share(value: float, low: float, high: float) -> float:
    """Return where a value is between two others, from 0 to 1; halved, so that no difference overflows."""
    span = high / 2 - low / 2
    return (value / 2 - low / 2) / span if span > 0 else 0.5


def _between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the dots of a line."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for step in range(steps + 1):
        share = step / steps
        yield round(start[0] + share * (end[0] - start[0])), round(start[1] + share * (end[1] - start[1]))


def _number(value: float) -> str:
    return f"{value:.4g}"
