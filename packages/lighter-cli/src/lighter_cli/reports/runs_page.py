"""The page of several runs: overlaid curves, and a table of what differs."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lighter_cli.reports.curves import band_of, curve_of, notes_on
from lighter_cli.reports.effects import effects
from lighter_cli.reports.figures import GREY, NUM_COLOURS, Band, Curve, Curves, finite, number_text, value_text
from lighter_cli.reports.fits import Fit, fits_section, told_fits
from lighter_cli.reports.metric_names import shown_metrics
from lighter_cli.reports.page import Cell, Figures, Page, Section, Sentences, Table
from lighter_cli.reports.run_page import check_metrics, config_section, names_of_epochs
from lighter_cli.reports.verdicts import best_epoch, ending
from lighter_cli.runs.epochs import Epoch, read_epochs
from lighter_cli.runs.groups import groups_over
from lighter_cli.runs.metric_choice import in_order
from lighter_cli.runs.ranking import best_first, monitored
from lighter_cli.runs.run import Run, comparable, differing_paths
from lighter_cli.runs.short_names import names_of
from lighter_cli.terminal.shown import duration_text, shown_path
from lighter_config import Finding, SourceError, nearest_names

_SEED = "seed"
_NUM_SHOWN = 8
_NUM_COLUMNS = 6
_MOST_TOLD = 3


class _Compared(NamedTuple):
    """The runs as the page needs them.

    Attributes:
        runs: The runs, the best first if they have a metric in common.
        names: A short name of each.
        epochs: The epochs of each.
        paths: Where their configs differ, without seeds and folders of outputs.
        over: Seeds and folders of outputs.
        groups: The runs that differ only there.
        colours: The colour of each run.
        keys: The legend.
        judged: The metric that ranks them and its mode; ``None`` without one.
    """

    runs: list[Run]
    names: list[str]
    epochs: list[list[Epoch]]
    paths: list[str]
    over: list[str]
    groups: list[list[Run]]
    colours: list[int]
    keys: tuple[tuple[str, int], ...]
    judged: tuple[str, str] | None


def runs_page(runs: Sequence[Run], metrics: Sequence[str] = (), by: str | None = None) -> Page:
    """Return the page of several runs.

    Args:
        runs: The runs.
        metrics: The metrics to show; all if there are none.
        by: The path of the value in the config that colours the runs; without it, what differs, or the run.

    Raises:
        SourceError: No run logged such a metric, or has such a path.
    """
    compared = _compared(runs, by)
    logged = list(dict.fromkeys(name for epochs in compared.epochs for name in names_of_epochs(epochs)))
    check_metrics(metrics, logged)
    fits = _fits(compared)
    return Page(
        title=f"{len(runs)} runs",
        summary=[*_summary(compared), *(told_fits(fits) if fits else ())],
        commands=_commands(compared),
        sections=[
            Section("Runs", [_table(compared)]),
            *_curves(compared, metrics or _ordered(compared, logged), is_chosen=bool(metrics)),
            *([fits_section(fits)] if fits else ()),
            *config_section(compared.runs[0], title=f"Config of {compared.names[0]}"),
        ],
        is_final=all(run.status != "running" for run in runs),
        facts={"runs": _facts(compared, {fit.name: fit for fit in fits})},
    )


def metric_figure(runs: Sequence[Run], metric: str, by: str | None = None) -> Curves:
    """Return the curves of one metric.

    Args:
        runs: The runs.
        metric: The metric.
        by: As in ``runs_page``.

    Raises:
        SourceError: No run has such a path.
    """
    return _figure(_compared(runs, by), metric)


def _compared(runs: Sequence[Run], by: str | None) -> _Compared:
    paths = differing_paths(runs)
    over = [path for path in paths if path == _SEED or _is_output(path, runs)]
    rest = [path for path in paths if path not in over]
    judged = _judged(runs)
    ranked = list(runs) if judged is None else best_first(runs, *judged)
    ordered = [*ranked, *(run for run in runs if run not in ranked)]
    groups = groups_over(ordered, over) if over else [[run] for run in ordered]
    names = names_of(ordered)
    by = by or _telling_path(ordered, rest, judged, len(groups))
    if by is not None:
        colours, keys = _by_path(ordered, by)
    elif len(groups) < len(ordered) and len(groups) <= NUM_COLOURS:
        colours = [next(index for index, group in enumerate(groups) if run in group) for run in ordered]
        keys = tuple((_label(group[0], rest), index) for index, group in enumerate(groups))
    else:
        colours = [index if index < NUM_COLOURS else GREY for index in range(len(ordered))]
        keys = tuple(zip(names[:NUM_COLOURS], range(NUM_COLOURS), strict=False))
        keys += (("the others", GREY),) * (len(ordered) > NUM_COLOURS)
    epochs = [read_epochs(run.folder) for run in ordered]
    return _Compared(ordered, names, epochs, rest, over, groups, colours, keys, judged)


def _telling_path(
    runs: Sequence[Run], paths: Sequence[str], judged: tuple[str, str] | None, num_groups: int
) -> str | None:
    """Return the path whose values colour the runs: the only one; of several, where each run cannot have its colour.

    Then it is the path that tells most about the metric, else the first with few values.
    """
    if len(paths) == 1:
        return paths[0]
    if num_groups <= NUM_COLOURS:
        return None
    found = effects(runs, paths, judged[0]) if judged is not None else []
    if found:
        return found[0].path
    few = (path for path in paths if len({comparable(run.values.get(path)) for run in runs}) <= NUM_COLOURS)
    return next(few, None)


def _by_path(runs: Sequence[Run], path: str) -> tuple[list[int], tuple[tuple[str, int], ...]]:
    """Return the colour of each run by its value at a path, and the legend; rare values beyond the palette are grey.

    Raises:
        SourceError: No run has the path.
    """
    if not any(path in run.values for run in runs):
        known = list(dict.fromkeys(name for run in runs for name in run.values))
        message = f"no run has {path!r} in its config"
        raise SourceError(Finding(message=message, nearest=nearest_names(path, known)))
    values = {comparable(run.values.get(path)): run.values.get(path) for run in runs}
    numbers = all(isinstance(value, int | float) for value in values.values())
    order = sorted(values, key=lambda key: float(values[key] or 0)) if numbers else sorted(values, key=str)
    colours = {key: index if index < NUM_COLOURS else GREY for index, key in enumerate(order)}
    keys = tuple((f"{path.rpartition('::')[2]} {value_text(values[key])}", colours[key]) for key in order[:NUM_COLOURS])
    keys += (("other values", GREY),) * (len(order) > NUM_COLOURS)
    return [colours[comparable(run.values.get(path))] for run in runs], keys


def _is_output(path: str, runs: Sequence[Run]) -> bool:
    """Return whether a value is the folder that each run writes to, which tells nothing about the experiment."""
    for run in runs:
        value = run.values.get(path)
        if not isinstance(value, str):
            return False
        folder = Path(run.record["working_directory"], value)
        if not run.folder.is_relative_to(folder):
            return False
    return True


def _fits(compared: _Compared) -> list[Fit]:
    rows = zip(compared.runs, compared.names, compared.colours, compared.epochs, strict=True)
    return [Fit(*row) for row in rows if row[0].stage == "fit"]


def _judged(runs: Sequence[Run]) -> tuple[str, str] | None:
    try:
        return monitored(runs, None, None)
    except SourceError:
        return None


def _summary(compared: _Compared) -> list[str]:
    runs = compared.runs
    found: list[str] = []
    stages = sorted({run.stage for run in runs})
    if len(stages) > 1:
        found.append(f"The runs are of different stages: {', '.join(stages)}. Only those of fit have curves.")
    if compared.judged is None:
        found.append("The runs monitor no metric in common, so none is called the best.")
    else:
        name, mode = compared.judged
        best = runs[0]
        if name in best.shown_metrics:
            epoch = best_epoch(best, compared.epochs[0])
            of_epoch = "" if epoch is None else f", in epoch {epoch.epoch}"
            found.append(
                f"Best: {compared.names[0]}, whose {name} is {number_text(best.shown_metrics[name])}, the {mode}imum"
                f" of the runs{of_epoch}. {ending(best, compared.epochs[0])}"
            )
    if compared.paths:
        shown = [f"{path} ({_values_text(runs, path)})" for path in compared.paths[:_MOST_TOLD]]
        more = f", and {len(compared.paths) - _MOST_TOLD} more" if len(compared.paths) > _MOST_TOLD else ""
        found.append(f"They differ in {', '.join(shown)}{more}.")
    else:
        found.append("Their configs are equal" + (f" except for {', '.join(compared.over)}." if compared.over else "."))
    if compared.judged is not None:
        found += _told_effects(compared, compared.judged[0])
    bad = [run for run in runs if run.status in ("failed", "lost", "interrupted")]
    if bad:
        names = ", ".join(f"{compared.names[runs.index(run)]} ({run.status})" for run in bad[:_MOST_TOLD])
        found.append(f"{len(bad)} of {len(runs)} did not finish: {names}{', …' * (len(bad) > _MOST_TOLD)}.")
    missing = sum(not epochs for run, epochs in zip(runs, compared.epochs, strict=True) if run.stage == "fit")
    if missing:
        found.append(f"{missing} of the fits have no curve in their record.")
    return found


def _commands(compared: _Compared) -> list[tuple[str, str]]:
    best = compared.runs[0]
    if compared.judged is None or best.stage != "fit":
        return []
    return [("To test the best", f"lighter test {shlex.quote(shown_path(best.folder))}")]


def _told_effects(compared: _Compared, metric: str) -> Iterator[str]:
    for effect in effects(compared.runs, compared.paths, metric)[:1]:
        yield (
            f"{effect.path} goes with {effect.share:.0%} of the variance of {metric}: "
            f"its mean is {', '.join(effect.means)}."
        )


def _values_text(runs: Sequence[Run], path: str) -> str:
    values = list(dict.fromkeys(value_text(run.values.get(path, "none")) for run in runs))
    return ", ".join(values[:4]) + (f", … {len(values)} values" if len(values) > 4 else "")


def _table(compared: _Compared) -> Table:
    runs = compared.runs
    has_names = any(run.name for run in runs)
    metrics = in_order(
        dict.fromkeys(name for run in runs for name in run.shown_metrics),
        [compared.judged[0]] if compared.judged else [],
    )[:_NUM_COLUMNS]
    paths = compared.paths[:_NUM_COLUMNS]
    seeds = [path for path in compared.over if path == _SEED]
    headings = ["run", "stage", "status", "trial", *paths, *seeds, *metrics, "epochs", "took", "ended by"]
    rows = [
        [
            Cell(
                f"{compared.names[index]}{f' ({run.id})' if has_names and run.name else ''}",
                colour=compared.colours[index],
            ),
            Cell(run.stage),
            Cell(run.status),
            Cell(run.trial),
            *(_value(run.values.get(path)) for path in (*paths, *seeds)),
            *(_number(run.shown_metrics.get(name)) for name in metrics),
            Cell(str(len(compared.epochs[index]) or ""), float(len(compared.epochs[index]))),
            Cell("" if run.took_s is None else duration_text(run.took_s), run.took_s),
            Cell(str(run.record.get("ended_by") or run.record["error"] or "").partition("\n")[0][:120]),
        ]
        for index, run in enumerate(runs)
    ]
    same = [column for column in (1, 2) if len({row[column].text for row in rows}) == 1]
    used = [column for column in range(len(headings)) if column not in same and any(row[column].text for row in rows)]
    is_judged = compared.judged is not None and compared.judged[0] in runs[0].shown_metrics
    return Table([headings[i] for i in used], [[row[i] for i in used] for row in rows], 0 if is_judged else None)


def _number(value: Any) -> Cell:
    return Cell(number_text(value), value) if isinstance(value, int | float) else Cell("")


def _value(value: Any) -> Cell:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell("" if value is None else value_text(value), float(value) if is_number else None)


def _ordered(compared: _Compared, logged: Sequence[str]) -> list[str]:
    """Return the metrics in the order of the page: what ranks the runs, validation, training."""
    return in_order(shown_metrics(logged), [compared.judged[0]] if compared.judged else [])


def _curves(compared: _Compared, metrics: Sequence[str], *, is_chosen: bool) -> Iterator[Section]:
    figures = [_figure(compared, name) for name in metrics]
    if not figures:
        yield Section("Curves", [Sentences(["No run has a curve in its record."])])
        return
    most = len(figures) if is_chosen else _NUM_SHOWN
    yield Section("Curves", [Figures(figures[:most])])
    if rest := figures[most:]:
        yield Section(f"{len(rest):,} more metrics", [Figures(rest)], is_open=False)


def _figure(compared: _Compared, metric: str) -> Curves:
    curves: list[Curve] = []
    by_run: dict[str, Curve] = {}
    order = sorted(range(len(compared.runs)), key=lambda index: (compared.colours[index] != GREY, -index))
    for index in order:  # the best on top
        if any(metric in epoch.metrics for epoch in compared.epochs[index]):
            curve = curve_of(compared.epochs[index], metric, compared.names[index], colour=compared.colours[index])
            curves.append(curve)
            by_run[str(compared.runs[index].folder)] = curve
    values = [value for curve in curves for value in finite(curve.values)]
    is_log = bool(values) and min(values) > 0 and max(values) / min(values) >= 100
    bands = tuple(_bands(compared, by_run))
    caption = notes_on(curves)
    if bands:
        said = f"Thick lines are means over runs that differ in {', '.join(compared.over)}"
        caption = f"{said}; the bands are one standard deviation. {caption}".strip()
    return Curves(title=metric, curves=tuple(curves), bands=bands, is_log=is_log, keys=compared.keys, caption=caption)


def _bands(compared: _Compared, by_run: dict[str, Curve]) -> Iterator[Band]:
    for group in compared.groups:
        curves = [by_run[str(run.folder)] for run in group if str(run.folder) in by_run]
        if curves and (band := band_of(curves, _label(group[0], compared.paths), curves[0].colour)):
            yield band


def _label(run: Run, paths: Sequence[str]) -> str:
    return (
        ", ".join(f"{path.rpartition('::')[2]} {value_text(run.values.get(path))}" for path in paths[:_MOST_TOLD])
        or "all runs"
    )


def _facts(compared: _Compared, fits: Mapping[str, Fit]) -> list[dict[str, Any]]:
    return [
        {
            "id": run.id,
            "folder": str(run.folder),
            "stage": run.stage,
            "status": run.status,
            "took_s": run.took_s,
            "metrics": run.shown_metrics,
            **(fits[name].facts() if name in fits else {}),
            "differs": {path: run.values.get(path) for path in (*compared.paths, *compared.over)},
            "curves": {name: run.curve(name) for name in names_of_epochs(epochs)},
        }
        for run, name, epochs in zip(compared.runs, compared.names, compared.epochs, strict=True)
    ]
