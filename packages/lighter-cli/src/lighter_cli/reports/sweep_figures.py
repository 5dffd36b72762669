"""The figures of a sweep."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate

from lighter_cli.reports.curves import curve_of, notes_on
from lighter_cli.reports.figure_kinds import Bars, Parallel, Points, Timeline
from lighter_cli.reports.figures import GREY, Axis, Curve, Curves, finite
from lighter_cli.reports.sweep_trials import Scale, TrialRun, dimension_value, moment, value_of
from lighter_cli.sweeps.overview import Overview, Row
from lighter_cli.sweeps.trial_table import short_name

_MOST_AXES = 10
_MOST_LINES = 1_000
_MOST_WITH_STEPS = 20_000  # points of all trials together; of more, steps and times would be most of the page
_STATE_COLOURS: Mapping[str, int] = {"finished": 2, "pruned": 4, "failed": 6, "running": 0, "open": GREY}
_BEST, _OTHERS = 1, 0


def history(sweep: Overview, objective: str, direction: str) -> Points:
    """Return the value of each trial by its number, and the best so far as a line."""
    rows = _valued(sweep, objective)
    x, y = [float(row["trial"]) for row in rows], [value_of(row, objective) for row in rows]
    best_of = max if direction == "maximize" else min
    line = tuple(zip(x, accumulate(y, best_of), strict=True))
    best = y.index(best_of(y)) if y else None
    without = len(sweep.rows) - len(rows)
    caption = f"{without} trials that were pruned or failed have no value." if without else ""
    keys = (("a trial", _OTHERS), ("the best so far", _BEST))
    return Points(
        title=objective, x_label="trial", y_label=objective, labels=_labels(rows), x=tuple(x), y=tuple(y),
        colours=(_OTHERS,) * len(rows), line=line, best=best, keys=keys, caption=caption,
    )  # fmt: skip


def slices(sweep: Overview, scales: Sequence[Scale], objective: str, direction: str) -> list[Points]:
    """Return the objective by each dimension."""
    rows = _valued(sweep, objective)
    names = [scale.name for scale in scales]
    found: list[Points] = []
    for scale in scales:
        used = [(row, value) for row in rows if (value := dimension_value(row.get(scale.name, ""), scale)) is not None]
        if not used:
            continue
        y = [value_of(row, objective) for row, _ in used]
        best = y.index((max if direction == "maximize" else min)(y))
        found.append(
            Points(
                title=short_name(scale.name, names),
                x_label=scale.name,
                y_label=objective,
                labels=_labels([row for row, _ in used]),
                x=tuple(value for _, value in used),
                y=tuple(y),
                colours=(_OTHERS,) * len(used),
                best=best,
                is_log_x=scale.is_log,
                is_small=True,
            )
        )
    return found


def parallel(sweep: Overview, scales: Sequence[Scale], objective: str, direction: str) -> Parallel:
    """Return a line through the values of each trial; of many trials, the best thousand."""
    rows = [row for row in sweep.ranked if math.isfinite(value_of(row, objective))]
    shown = rows[:_MOST_LINES]
    used = list(scales)[:_MOST_AXES]
    lines = tuple(
        (*(dimension_value(row.get(scale.name, ""), scale) for scale in used), value_of(row, objective))
        for row in shown
    )
    values = sorted({line[-1] for line in lines}, reverse=direction != "maximize")  # type: ignore[type-var]
    place = {value: index / max(len(values) - 1, 1) for index, value in enumerate(values)}
    left = [f"the best {len(shown):,} of {len(rows):,} trials are shown"] * (len(rows) > len(shown))
    left += [f"{len(scales) - len(used)} dimensions are left out"] * (len(scales) > len(used))
    return Parallel(
        title="Parallel coordinates",
        axes=(*((scale.name, scale.is_log) for scale in used), (objective, False)),
        labels=_labels(shown),
        lines=lines,
        shares=tuple(place[line[-1]] for line in lines),
        best=next((index for index, row in enumerate(shown) if row is sweep.best), None),
        keys=(("the best trial", _BEST),),
        caption=". ".join(["Darker lines are better trials", *left]) + ".",
    )


def importance(values: Mapping[str, float], objective: str) -> Bars:
    """Return how much each dimension matters."""
    caption = "By PED-ANOVA: how far the values of the best trials differ from those of all. The bars add up to 1."
    return Bars(title=f"Importance for {objective}", label="importance", values=tuple(values.items()), caption=caption)


def learning_curves(runs: Sequence[TrialRun], metric: str, best: int | None) -> Curves:
    """Return the curves of all trials; the best trial is on top."""
    curves: list[Curve] = []
    is_large = sum(len(run.epochs) for run in runs) > _MOST_WITH_STEPS
    for run in sorted(runs, key=lambda run: run.trial == best):
        colour = _BEST if run.trial == best else GREY
        curve = curve_of(run.epochs, metric, run.label, colour=colour)
        if curve.values:
            curves.append(_by_epochs(curve) if is_large else curve)
    values = [value for curve in curves for value in finite(curve.values)]
    is_log = bool(values) and min(values) > 0 and max(values) / min(values) >= 100
    keys = (("the best trial", _BEST), ("the others", GREY))
    return Curves(title=metric, curves=tuple(curves), is_log=is_log, keys=keys, caption=notes_on(curves))


def _by_epochs(curve: Curve) -> Curve:
    """Return a curve without steps and times."""
    return Curve(curve.label, Axis(curve.axis.epochs), curve.values, curve.colour, num_points=curve.num_points)


def timeline(runs: Sequence[TrialRun], states: Mapping[int, str]) -> Timeline:
    """Return which worker ran which trial when; a run that has no end lasts until its last epoch, or until now."""
    lanes = list(dict.fromkeys(run.lane for run in runs))
    records = [(run, record) for run in runs for record in run.records]
    first = min((moment(record.content["start"]) for _, record in records), default=datetime.now(UTC))
    spans: list[tuple[int, float, float, str, int]] = []
    for run, record in records:
        start = moment(record.content["start"])
        end = record.content["end"]
        if end is not None:
            stop = moment(end)
        elif record.status == "running":
            stop = datetime.now(UTC)
        else:
            epochs = run.epochs
            stop = moment(epochs[-1].at) if epochs else start
        state = states.get(run.trial, "open")
        times = (start - first).total_seconds(), (stop - first).total_seconds()
        spans.append((lanes.index(run.lane), *times, f"{run.label}, {state}", _STATE_COLOURS.get(state, GREY)))
    keys = tuple((state, colour) for state, colour in _STATE_COLOURS.items() if state in states.values())
    return Timeline(title="Workers", lanes=tuple(lanes), spans=tuple(spans), keys=keys)


def front(sweep: Overview, objectives: Sequence[str]) -> Points:
    """Return the first two objectives of each trial, with the front that no other trial dominates."""
    one, other = objectives[:2]
    rows = [row for row in _valued(sweep, one) if math.isfinite(value_of(row, other))]
    on_front = sweep.front()
    x, y = [value_of(row, one) for row in rows], [value_of(row, other) for row in rows]
    is_on = [row["trial"] in on_front for row in rows]
    line = sorted((a, b) for a, b, is_shown in zip(x, y, is_on, strict=True) if is_shown)
    return Points(
        title=f"{other} over {one}", x_label=one, y_label=other, labels=_labels(rows), x=tuple(x), y=tuple(y),
        colours=tuple(_BEST if is_shown else _OTHERS for is_shown in is_on), line=tuple(line),
        keys=(("on the front: none is better in all objectives", _BEST), ("the others", _OTHERS)),
    )  # fmt: skip


def _valued(sweep: Overview, objective: str) -> list[Row]:
    """Return the trials that have a finite value, by their numbers."""
    rows = [row for row in sweep.rows if math.isfinite(value_of(row, objective))]
    return sorted(rows, key=lambda row: int(row["trial"]))


def _labels(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(f"trial {row['trial']}" for row in rows)
