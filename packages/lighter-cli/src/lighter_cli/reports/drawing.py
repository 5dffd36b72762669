"""Draw figures with matplotlib: as SVG for pages without scripts, and as files for papers."""

import io
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lighter_cli.reports.figure_kinds import Bars, Matrix, Parallel, Points, Timeline
from lighter_cli.reports.figures import GREY, Curves, Figure, choice_key, finite
from lighter_config import Finding, SourceError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_PALETTE = ("#1f6fb4", "#c2410c", "#2e7d32", "#8e44ad", "#a16207", "#0e7490", "#be185d", "#4b5563")
_GREY = "#8c959f"
_LEVELS = ("#b9c6e4", "#8fa3d1", "#6a80bd", "#4b5ea6", "#34408c", "#1d2266")
"""From worse to better, as in ``assets/report.css``."""
_INK = "#1b1f24"
_WIDTH, _HEIGHT = 7.0, 3.2  # inches: across one column of text
_MANY = 40
_LONGEST_NAME = 36
_MOST_NUMBERS = 20
_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "pdf.fonttype": 42,  # text in a PDF stays text
    "svg.fonttype": "none",
    "figure.constrained_layout.use": True,
}


_CSS_COLOURS = {
    _INK: "currentColor",
    _GREY: "var(--grey)",
    **{colour: f"var(--c{index})" for index, colour in enumerate(_PALETTE)},
    **{colour: f"var(--s{index})" for index, colour in enumerate(_LEVELS)},
}
"""What stands for each colour in a page, which may be light or dark."""


def draw(figure: Figure, *, has_legend: bool = True) -> "Drawing":
    """Return a figure of matplotlib.

    Args:
        figure: What to draw.
        has_legend: Whether it has its own legend; a page has one beside it.

    Raises:
        SourceError: matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure as Drawing
    except ImportError as error:
        message, fix = "figures as files need matplotlib", "pip install 'lighter-cli[report]'"
        raise SourceError(Finding(message=message, fix=fix)) from error
    with rc_context(_STYLE):
        drawing = Drawing(figsize=_size_of(figure))
        axes = drawing.subplots()
        _KINDS[figure.kind](axes, figure)
        if has_legend and figure.keys:
            _legend(axes, figure)
        drawing.draw_without_rendering()  # in this style
        return drawing


def svg_of(figure: Figure) -> str:
    """Return a figure as SVG for a page: without a background, its text in the colour of the page.

    Raises:
        SourceError: matplotlib is not installed.
    """
    drawing = draw(figure, has_legend=False)
    text = saved(drawing, "svg", figure.name).decode()
    text = text[text.index("<svg") :]
    for colour, name in _CSS_COLOURS.items():
        text = text.replace(colour, name)
    return text.replace("<svg ", '<svg aria-hidden="true" ', 1)


def saved(drawing: "Drawing", kind: str, name: str) -> bytes:
    """Return a drawing as ``pdf``, ``svg`` or ``png``; the same drawing gives the same bytes.

    Args:
        drawing: The drawing.
        kind: The format.
        name: What its ids begin with, so that those of two drawings in one page differ.
    """
    from matplotlib import rc_context

    metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[kind]
    stream = io.BytesIO()
    with rc_context({**_STYLE, "svg.hashsalt": name}):
        drawing.savefig(stream, format=kind, dpi=200, transparent=kind == "svg", metadata=metadata)
    return stream.getvalue()


def _size_of(figure: Figure) -> tuple[float, float]:
    if isinstance(figure, Points) and figure.is_small:
        return _WIDTH / 2, _HEIGHT * 0.75
    if isinstance(figure, Bars):
        return _WIDTH, 0.8 + 0.26 * len(figure.values)
    if isinstance(figure, Timeline):
        return _WIDTH, 0.9 + 0.26 * len(figure.lanes)
    return _WIDTH, _WIDTH * 0.8 if isinstance(figure, Matrix) else _HEIGHT


def _colour(index: int) -> str:
    return _GREY if index == GREY else _PALETTE[index % len(_PALETTE)]


def _legend(axes: "Axes", figure: Figure) -> None:
    from matplotlib.lines import Line2D

    dashed = {curve.label for curve in figure.curves if curve.is_dashed} if isinstance(figure, Curves) else set()
    handles = [
        Line2D([], [], color=_colour(colour), linestyle="--" if label in dashed else "-")
        for label, colour in figure.keys
    ]
    names = [_plain(_short(label)) for label, _ in figure.keys]
    axes.legend(handles, names, loc="lower left", bbox_to_anchor=(0, 1), ncols=min(len(names), 3), borderaxespad=0)


def _plain(text: str) -> str:
    """Return a text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"


def _curves(axes: "Axes", figure: Curves) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.ticker import MaxNLocator

    is_many = len(figure.curves) > _MANY
    banded = {band.colour for band in figure.bands}
    for band in figure.bands:
        low = [mean - one for mean, one in zip(band.means, band.deviations, strict=True)]
        high = [mean + one for mean, one in zip(band.means, band.deviations, strict=True)]
        axes.fill_between(band.epochs, low, high, color=_colour(band.colour), alpha=0.18, linewidth=0)
    segments: dict[int, list[Sequence[tuple[float, float]]]] = {}
    for curve in figure.curves:
        if is_many and curve.colour == GREY:
            segments.setdefault(curve.colour, []).append(list(zip(curve.axis.epochs, curve.values, strict=True)))
            continue
        is_faint = curve.colour in banded
        style = {"linewidth": 0.7, "alpha": 0.45} if is_faint else {}
        marker = "o" if len(curve.values) == 1 else None
        axes.plot(curve.axis.epochs, curve.values, color=_colour(curve.colour), marker=marker, markersize=3,
                  linestyle="--" if curve.is_dashed else "-", **style)  # type: ignore[arg-type]  # fmt: skip
    for colour, lines in segments.items():
        axes.add_collection(LineCollection(lines, colors=_colour(colour), linewidths=0.4, alpha=0.5, zorder=1))
        axes.autoscale()
    for band in figure.bands:
        axes.plot(band.epochs, band.means, color=_colour(band.colour), linewidth=2)
    if figure.best is not None:
        curve = figure.curves[figure.best[0]]
        at = curve.axis.epochs[figure.best[1]], curve.values[figure.best[1]]
        axes.plot(*at, marker="o", markersize=6, markerfacecolor="none", color=_INK)
    if figure.is_log:
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(_plain(_short(figure.title)))


def _points(axes: "Axes", figure: Points) -> None:
    x: Sequence[Any] = figure.x
    if choices := figure.choices:
        x = [choices.index(str(value)) for value in figure.x]
        axes.set_xticks(range(len(choices)), [_plain(_short(choice)) for choice in choices])
    if figure.line:
        axes.step(*zip(*figure.line, strict=True), where="post", color=_colour(1))
    axes.scatter(x, figure.y, c=[_colour(colour) for colour in figure.colours], s=12, alpha=0.7, zorder=2)
    if figure.best is not None:
        at = x[figure.best], figure.y[figure.best]
        axes.plot(*at, marker="o", markersize=8, markerfacecolor="none", color=_INK)
    if figure.is_log_x:
        axes.set_xscale("log")
    axes.set_xlabel(_plain(_short(figure.x_label)))
    axes.set_ylabel(_plain(_short(figure.y_label)))


def _bars(axes: "Axes", figure: Bars) -> None:
    names = [_plain(_short(name)) for name, _ in figure.values]
    bars = axes.barh(range(len(names)), [value for _, value in figure.values], color=_colour(0), height=0.7)
    axes.set_yticks(range(len(names)), names)
    axes.bar_label(bars, fmt="{:.0%}", padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xlabel(_plain(_short(figure.label)))


def _parallel(axes: "Axes", figure: Parallel) -> None:
    columns = list(zip(*figure.lines, strict=True)) or [()] * len(figure.axes)
    places = [_places(column, is_log=is_log) for column, (_, is_log) in zip(columns, figure.axes, strict=True)]
    for index in sorted(range(len(figure.lines)), key=figure.shares.__getitem__):
        line = [places[axis][index] for axis in range(len(places))]
        axes.plot(
            range(len(line)), line, color=_LEVELS[min(5, int(figure.shares[index] * 6))], linewidth=0.8, alpha=0.7
        )
    if figure.best is not None:
        axes.plot(range(len(places)), [place[figure.best] for place in places], color=_colour(1), linewidth=2)
    for index, column in enumerate(columns):
        axes.axvline(index, color=_INK, linewidth=0.8, alpha=0.6)
        for value, place in {
            value: place
            for value, place in zip(column, places[index], strict=True)
            if value is not None and (isinstance(value, str) or place in (0.0, 1.0))
        }.items():
            text = value if isinstance(value, str) else f"{value:.4g}"
            axes.annotate(_plain(_short(text)), (index, place), (4, 0), textcoords="offset points", fontsize=7)
    axes.set_xticks(range(len(places)), [_plain(name.rpartition("::")[2]) for name, _ in figure.axes], fontsize=8)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False)


def _places(column: Sequence[Any], *, is_log: bool) -> list[float]:
    """Return where the values of an axis are, from 0 to 1; nan where there is none."""
    texts = sorted({value for value in column if isinstance(value, str)}, key=choice_key)
    if texts:
        return [math.nan if value is None else texts.index(str(value)) / max(len(texts) - 1, 1) for value in column]
    numbers = [math.nan if value is None else math.log(value) if is_log and value > 0 else value for value in column]
    shown = finite(numbers)
    if not shown:
        return numbers
    low, high = min(shown), max(shown)
    return [(value - low) / (high - low) if high > low else 0.5 for value in numbers]


def _timeline(axes: "Axes", figure: Timeline) -> None:
    for lane, start, end, _, colour in figure.spans:
        axes.barh(
            lane,
            (end - start) / 60,
            left=start / 60,
            color=_colour(colour),
            height=0.7,
            edgecolor="white",
            linewidth=0.4,
        )
    axes.set_yticks(range(len(figure.lanes)), [_plain(_short(lane)) for lane in figure.lanes])
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xlabel("minutes since the first start")


def _matrix(axes: "Axes", figure: Matrix) -> None:
    last = figure.matrices[-1]
    shares = [[value / (sum(row) or 1) for value in row] for row in last]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    names = [_plain(_short(label)) for label in figure.labels]
    axes.set_xticks(range(len(names)), names, rotation=40 if len(names) > 6 else 0)
    axes.set_yticks(range(len(names)), names)
    if len(names) <= _MOST_NUMBERS:
        for row, values in enumerate(last):
            for column, value in enumerate(values):
                colour = "white" if shares[row][column] > 0.55 else _INK
                axes.text(column, row, f"{value:g}", ha="center", va="center", fontsize=8, color=colour)
    axes.grid(visible=False)
    axes.set_xlabel("prediction")
    axes.set_ylabel("target")
    axes.set_title(f"epoch {figure.epochs[-1]}", loc="left")


_KINDS: dict[str, Callable[[Any, Any], None]] = {
    "curves": _curves,
    "points": _points,
    "bars": _bars,
    "parallel": _parallel,
    "timeline": _timeline,
    "matrix": _matrix,
}
