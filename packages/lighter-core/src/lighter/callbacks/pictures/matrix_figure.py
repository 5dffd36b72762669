"""Draw a confusion matrix with matplotlib."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Counts = NDArray[np.int64]
"""The counts of pairs of classes, ``(true, pred)``."""

_MOST_WITH_NUMBERS = 20
_MOST_NAMES = 60
_LONGEST_NAME = 24
_INCHES_A_CLASS = 0.34
_INCHES_AROUND = 2.6
_MOST_INCHES = 14.0


def normalized(counts: Counts, normalize: str) -> NDArray[np.float64]:
    """Return counts as shares of ``true`` classes, ``pred`` classes or ``all``; as they are with ``none``.

    The shares of a class without samples are 0.

    >>> normalized(np.array([[3, 1], [0, 0]]), "true").tolist()
    [[0.75, 0.25], [0.0, 0.0]]
    """
    if normalize == "none":
        return counts.astype(np.float64)
    sums = counts.sum(axis={"true": 1, "pred": 0, "all": None}[normalize], keepdims=True)
    return np.asarray(np.divide(counts, sums, out=np.zeros(counts.shape), where=sums > 0), dtype=np.float64)


def caption_of(counts: Counts, labels: Sequence[str]) -> str:
    """Say in a line what a matrix shows: how much was counted, share of the diagonal, and what is confused most often.

    >>> caption_of(np.array([[8, 2], [1, 9]]), ["cat", "dog"])
    '20 counted, 85.0 % on the diagonal; most often confused: cat as dog (2), dog as cat (1)'
    """
    total = int(counts.sum())
    text = f"{total:,} counted, {100 * np.trace(counts) / max(total, 1):.1f} % on the diagonal"
    wrong = counts * (1 - np.eye(len(counts), dtype=np.int64))
    largest = np.argsort(wrong, axis=None, kind="stable")[::-1][:3]
    pairs = [(int(number) // len(counts), int(number) % len(counts)) for number in largest]
    confused = [f"{labels[i]} as {labels[j]} ({wrong[i, j]:,})" for i, j in pairs if wrong[i, j]]
    return f"{text}; most often confused: {', '.join(confused)}" if confused else text


def draw_matrix(counts: Counts, values: NDArray[np.float64], labels: Sequence[str], title: str) -> "Figure":
    """Draw a matrix; with up to 20 classes each cell shows its number.

    Args:
        counts: The counts, ``(true, pred)``.
        values: What the cells show: the counts, or shares.
        labels: The names of the classes.
        title: What is above the matrix.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    size = len(labels)
    longest = min(max(map(len, labels)), _LONGEST_NAME)
    inches = min(_INCHES_AROUND + 0.07 * longest + _INCHES_A_CLASS * size * (1.6 if size <= 10 else 1), _MOST_INCHES)
    figure = Figure(figsize=(inches + 0.6, inches), dpi=100, layout="constrained")
    axes = figure.subplots()
    # of many classes the errors are small shares of the diagonal: the root of a share makes them visible
    norm = PowerNorm(0.5 if size > _MOST_WITH_NUMBERS else 1.0, vmin=0, vmax=float(values.max()) or 1.0)
    image = axes.imshow(values, cmap="Blues", norm=norm, interpolation="nearest")
    figure.colorbar(image, ax=axes, shrink=0.8)
    _name_classes(axes, labels)
    if size <= _MOST_WITH_NUMBERS:
        is_share = not np.array_equal(values, counts)
        for (row, column), value in np.ndenumerate(values):
            text = f"{value:.2f}" if is_share else _short(int(value))
            color = "white" if norm(value) > 0.55 else "black"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9 if size <= 12 else 7)
    share = np.trace(counts) / max(int(counts.sum()), 1)
    # `$` would start a formula
    axes.set_title(f"{title}\n{counts.sum():,} counted, {share:.1%} right".replace("$", r"\$"), fontsize=10)
    return figure


def _name_classes(axes: Any, labels: Sequence[str]) -> None:
    names = [(label if len(label) <= _LONGEST_NAME else f"{label[: _LONGEST_NAME - 1]}…") for label in labels]
    names = [name.replace("$", r"\$") for name in names]
    step = -(-len(names) // _MOST_NAMES)  # every one, every second, ...
    ticks = list(range(0, len(names), step))
    shown = [names[tick] for tick in ticks]
    fontsize = 9 if len(names) <= 20 else 6.5
    is_upright = max(map(len, shown)) > (3 if len(names) <= 20 else 2)
    axes.set_xticks(ticks, shown, rotation=90 if is_upright else 0, fontsize=fontsize)
    axes.set_yticks(ticks, shown, fontsize=fontsize)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")


def _short(count: int) -> str:
    """Write a count in at most four characters.

    >>> _short(9999), _short(12345), _short(3_400_000)
    ('9999', '12k', '3.4M')
    """
    if count < 10_000:
        return str(count)
    size, unit = next(pair for pair in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if count >= pair[0])
    return f"{count / size:.{int(count < 10 * size)}f}{unit}"
