"""Make the curves of runs from their epochs."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

from lighter_cli.reports.figures import Axis, Band, Curve
from lighter_cli.runs.epochs import Epoch

MOST_POINTS = 2_000
"""The most points of a curve in a page; of more, the smallest and the largest of each stretch are kept."""


def training_times(epochs: Sequence[Epoch]) -> list[float]:
    """Return the seconds of training at the end of each epoch, over all runs that trained them."""
    found: list[float] = []
    before, run, last = 0.0, epochs[0].run if epochs else None, 0.0
    for epoch in epochs:
        if epoch.run != run:  # the clock of another run
            before, run = before + last, epoch.run
        last = epoch.time_s
        found.append(before + last)
    return found


def curve_of(epochs: Sequence[Epoch], name: str, label: str, *, colour: int = 0, is_dashed: bool = False) -> Curve:
    """Return the curve of a metric, thinned out if it is long.

    Args:
        epochs: The epochs of a run.
        name: The metric.
        label: What the legend calls it.
        colour: An index into the palette.
        is_dashed: Whether it is the second of a pair.
    """
    times = training_times(epochs)
    logged = [index for index, epoch in enumerate(epochs) if name in epoch.metrics]
    values = [epochs[index].metrics[name] for index in logged]
    kept = thinned(values)
    chosen = [logged[index] for index in kept]
    axis = Axis(
        tuple(epochs[index].epoch for index in chosen),
        tuple(epochs[index].step for index in chosen),
        tuple(round(times[index], 2) for index in chosen),
    )
    shown = tuple(values[index] for index in kept)
    return Curve(label, axis, shown, colour, is_dashed, num_points=len(values))


def thinned(values: Sequence[float], most: int = MOST_POINTS) -> list[int]:
    """Return the indices of the values to draw: all, or the ends and the extremes of equal stretches.

    Peaks stay, and a stretch that has a value that is not finite keeps one, so that the gap is seen.

    >>> thinned([0.0, 5.0, 1.0, 0.5, -3.0, 0.2, 0.1, 0.3], most=6)
    [0, 1, 4, 7]
    """
    length = len(values)
    if length <= most:
        return list(range(length))
    stretches = max((most - 2) // 2, 1)
    kept = {0, length - 1}
    for stretch in range(stretches):
        indices = range(stretch * length // stretches, (stretch + 1) * length // stretches)
        numbers = [index for index in indices if math.isfinite(values[index])]
        if numbers:
            kept.add(min(numbers, key=values.__getitem__))
            kept.add(max(numbers, key=values.__getitem__))
        if len(numbers) < len(indices):
            kept.add(next(index for index in indices if not math.isfinite(values[index])))
    return sorted(kept)


def band_of(curves: Sequence[Curve], label: str, colour: int) -> Band | None:
    """Return mean and deviation of curves at the epochs that all of them have; ``None`` of fewer than two."""
    if len(curves) < 2:
        return None
    by_epoch = [dict(zip(curve.axis.epochs, curve.values, strict=True)) for curve in curves]
    shared = [epoch for epoch in by_epoch[0] if all(math.isfinite(values.get(epoch, math.nan)) for values in by_epoch)]
    columns = [[values[epoch] for values in by_epoch] for epoch in shared]
    means, deviations = tuple(map(fmean, columns)), tuple(map(stdev, columns))
    return Band(label, colour, len(curves), tuple(shared), means, deviations) if shared else None


def notes_on(curves: Iterable[Curve]) -> str:
    """Return what lines do not show: values that are not finite, and points that were left out."""
    found: list[str] = []
    left_out = [
        (curve.label, curve.num_points, len(curve.values)) for curve in curves if curve.num_points > len(curve.values)
    ]
    if left_out:
        label, total, shown = left_out[0]
        text = f"{label}: {shown:,} of {total:,} points are drawn, the smallest and largest of each stretch among them"
        found.append(text + _and_more(left_out))
    broken = [
        (curve.label, epoch, value)
        for curve in curves
        for epoch, value in zip(curve.axis.epochs, curve.values, strict=True)
        if not math.isfinite(value)
    ]
    if broken:
        label, epoch, value = broken[0]
        found.append(f"{label} is {value} in epoch {epoch}{_and_more(broken)}; the line has a gap there")
    return ". ".join(found) + "." * bool(found)


def _and_more(found: Sequence[object]) -> str:
    return f", and {len(found) - 1:,} more" if len(found) > 1 else ""
