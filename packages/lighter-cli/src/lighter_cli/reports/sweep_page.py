"""The page of a sweep."""

import logging
import math
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lighter_cli.describing.blame import places_of_lines
from lighter_cli.reports.figures import number_text
from lighter_cli.reports.page import Cell, Facts, Figures, Listing, Page, Section, Sentences, Table
from lighter_cli.reports.run_page import check_metrics, fact_sections, names_of_epochs
from lighter_cli.reports.sweep_figures import (
    front,
    history,
    importance,
    learning_curves,
    parallel,
    slices,
    timeline,
)
from lighter_cli.reports.sweep_trials import Scale, TrialRun, scales_of, trial_runs, value_of
from lighter_cli.reports.verdicts import code_state, told_fit
from lighter_cli.runs.run import run_of
from lighter_cli.sweeps.outcomes import kind_of_failure
from lighter_cli.sweeps.overview import Overview, Row
from lighter_cli.sweeps.results import deviation_of
from lighter_cli.sweeps.trial_table import short_name, shown_number, shown_value, state_of
from lighter_cli.terminal.shown import duration_text
from lighter_config import ConfigError, RunSource, SourceError, load, to_yaml

_logger = logging.getLogger(__name__)

_NEAR_END = 0.02  # of a range, from which the best value is called at its end
_LATE = 0.8  # of the trials, after which a best one is called found late


def sweep_page(folder: Path, metrics: Sequence[str] = ()) -> Page:
    """Return the page of a sweep.

    Args:
        folder: Its folder.
        metrics: The metrics whose learning curves are shown; the objectives if there are none.

    Raises:
        SourceError: No trial logged such a metric.
    """
    sweep = Overview(folder)
    runs = trial_runs(folder)
    scales = scales_of(sweep)
    weights, said = _importances(sweep)
    scales.sort(key=lambda scale: -weights.get(scale.name, 0.0))
    states = {int(row["trial"]): row["state"] for row in sweep.ranked}
    return Page(
        title=f"Sweep {sweep.name}",
        summary=_summary(sweep, runs, scales, weights),
        commands=_commands(sweep),
        sections=[
            *_objective_sections(sweep, scales, weights, said),
            Section("Trials", [_table(sweep)]),
            *_learning(sweep, runs, metrics),
            *([Section("Workers", [Figures([timeline(runs, states)])])] if runs else []),
            *_best_run(sweep, runs),
            *_config(sweep),
        ],
        is_final=not sweep.open,
        facts={**sweep.summary(), "importances": dict(weights), "rows": sweep.records()},
    )


def _importances(sweep: Overview) -> tuple[Mapping[str, float], str]:
    """Return the importance of each dimension for the first objective, or why it is not known."""
    if not sweep.objectives or len(sweep.dimensions) < 2:
        return {}, ""
    if find_spec("optuna") is None:
        return {}, "Importances need Optuna: pip install 'lighter-cli[sweep]'."
    from lighter_cli.sweeps.importance import importances

    try:
        found = importances(sweep.folder)
    except SourceError as error:
        _logger.warning("the importances are left out: %s", error)
        return {}, f"The importances are left out: {error.findings[0].message}."
    said = "Too few trials have a value to say which dimension matters." if not found else ""
    left_out = [name for name in sweep.dimensions if name not in found]
    if found and left_out:
        said = f"Not among them, as too few trials have them: {', '.join(left_out[:6])}."
    return found, said


def _summary(
    sweep: Overview, runs: Sequence[TrialRun], scales: Sequence[Scale], weights: Mapping[str, float]
) -> list[str]:
    found = [_counts(sweep)]
    best = sweep.best
    if best is not None:
        name, direction = sweep.facts["objectives"][0]
        values = ", ".join(
            f"{_short(sweep, scale.name)} {_text(best.get(scale.name, ''))}" for scale in scales if best.get(scale.name)
        )
        kind = "maximum" if direction == "maximize" else "minimum"
        value = shown_value(best[name], best.get(deviation_of(name), ""))
        found.append(f"Best: trial {best['trial']}, whose {name} is {value}, the {kind}. Its values: {values}.")
        if weights:
            first, share = next(iter(weights.items()))
            found.append(f"{first} matters most: {share:.0%} of the importance.")
        found += _told_best_run(runs, int(best["trial"]))
        found += _at_ends(best, scales)
        found.append(_progress(sweep, best))
    elif sweep.objectives:
        found.append("No trial has a value yet, so none is the best.")
    found += _failures(sweep)
    found.append(_time(sweep, runs))
    return [sentence for sentence in found if sentence]


def _told_best_run(runs: Sequence[TrialRun], number: int) -> Iterator[str]:
    """Yield what a reader asks about the run of the best trial: its epochs, its time, its code."""
    run = next((run for run in runs if run.trial == number and run.records), None)
    if run is None:
        return
    last = run_of(run.records[-1].folder)
    if told := told_fit(last, run.epochs):
        yield f"Of trial {number}: {' '.join(told)}"
    yield code_state(last)


def _commands(sweep: Overview) -> list[tuple[str, str]]:
    if sweep.best is None:
        return []
    folder = shlex.quote(sweep.shown_folder)
    more = 2 * len(sweep.rows)
    return [
        ("To test the best", f"lighter test {folder}/best"),
        ("To try more", f"lighter sweep {folder} --trials {more}"),
    ]


def _counts(sweep: Overview) -> str:
    counts = Counter(row["state"] for row in sweep.rows)
    states = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    total = sweep.facts.get("trials")
    of = f" of {total}" if total is not None and total != len(sweep.rows) else ""
    running = sum(one["state"] == "running" for one in sweep.open)
    more = f"; {running} are running, and this page shows the sweep as it was" if running else ""
    return f"{len(sweep.rows)}{of} trials ended: {states or 'none'}{more}."


def _at_ends(best: Row, scales: Sequence[Scale]) -> Iterator[str]:
    for scale in scales:
        value = value_of(best, scale.name) if scale.is_number else math.nan
        if not all(map(math.isfinite, (value, scale.low, scale.high))) or scale.low >= scale.high:
            continue
        low, high = scale.low, scale.high
        if scale.is_log and low > 0 and value > 0:
            low, high, value = math.log(low), math.log(high), math.log(value)
        share = (value - low) / (high - low)
        if share <= _NEAR_END or share >= 1 - _NEAR_END:
            end = "lower" if share <= _NEAR_END else "upper"
            yield f"The best {scale.name} is at the {end} end of its range: a wider range may have better values."


def _progress(sweep: Overview, best: Row) -> str:
    last = max(int(row["trial"]) for row in sweep.rows)
    number = int(best["trial"])
    if last and number >= _LATE * last:
        return f"The best came late, as number {number} of 0 to {last}: more trials may find a better one."
    return f"The {last - number} trials after it were no better."


def _failures(sweep: Overview) -> Iterator[str]:
    errors = [row.get("error", "") for row in sweep.rows if row["state"] == "failed"]
    if errors:
        kind, count = Counter(map(kind_of_failure, errors)).most_common(1)[0]
        example = next(error for error in errors if kind_of_failure(error) == kind).partition("\n")[0][:200]
        like = f", {count} of them like this" if count < len(errors) else ""
        yield f"{len(errors)} failed{like}: {example}"


def _time(sweep: Overview, runs: Sequence[TrialRun]) -> str:
    took = sum(value for row in sweep.rows if math.isfinite(value := value_of(row, "took_s")))
    records = [record.content for run in runs for record in run.records]
    ends = [datetime.fromisoformat(one["end"]) for one in records if one["end"] is not None]
    if not ends:
        return ""
    whole = (max(ends) - min(datetime.fromisoformat(one["start"]) for one in records)).total_seconds()
    lanes = len({run.lane for run in runs})
    return (
        f"It took {duration_text(whole)} from the first start to the last end; the trials took {duration_text(took)} "
        f"together, {lanes} at a time."
    )


def _objective_sections(
    sweep: Overview, scales: Sequence[Scale], weights: Mapping[str, float], said: str
) -> Iterator[Section]:
    if not sweep.objectives:
        yield Section("Objective", [Sentences(["The sweep has no objective, so its trials are not ranked."])])
        return
    for index, (name, direction) in enumerate(sweep.facts["objectives"]):
        if not any(math.isfinite(value_of(row, name)) for row in sweep.rows):
            yield Section(name, [Sentences(["No trial has a value of it."])])
            continue
        if index == 0:
            if len(sweep.objectives) > 1:
                yield Section("Pareto front", [Figures([front(sweep, sweep.objectives)])])
            if weights or said:
                blocks = [Figures([importance(weights, name)])] if weights else []
                yield Section("What matters", [*blocks, *([Sentences([said])] if said else [])])
        several = f": {name}" if len(sweep.objectives) > 1 else ""
        yield Section(f"History{several}", [Figures([history(sweep, name, direction)])], is_open=index == 0)
        small = slices(sweep, scales, name, direction)
        yield Section(f"{name} by each value", [Figures(small)], is_open=index == 0)
        if index == 0 and len(scales) > 1:
            yield Section("Parallel coordinates", [Figures([parallel(sweep, scales, name, direction)])])


def _learning(sweep: Overview, runs: Sequence[TrialRun], metrics: Sequence[str]) -> Iterator[Section]:
    names = metrics or sweep.objectives
    if metrics:
        check_metrics(metrics, list(dict.fromkeys(name for run in runs for name in names_of_epochs(run.epochs))))
    best = None if sweep.best is None else int(sweep.best["trial"])
    figures = [figure for name in names if (figure := learning_curves(runs, name, best)).curves]
    if figures:
        yield Section("Learning curves", [Figures(figures)])
    elif names:
        yield Section("Learning curves", [Sentences(["The records of the trials have no curves."])])


def _table(sweep: Overview) -> Table:
    rows = sweep.ranked
    on_front = sweep.front()
    headings = [
        "trial",
        "state",
        *sweep.objectives,
        *(["front"] if on_front else []),
        *(_short(sweep, name) for name in sweep.dimensions),
        "epochs",
        "took",
    ]
    best = sweep.best
    cells = [
        [
            Cell(row["trial"], float(row["trial"])),
            Cell(state_of(row["state"], row.get("error", ""))),
            *(_value_cell(row, name) for name in sweep.objectives),
            *([Cell("yes" if row["trial"] in on_front else "")] if on_front else []),
            *(_dimension_cell(row.get(name, "")) for name in sweep.dimensions),
            _dimension_cell(row.get("epochs", "")),
            Cell(duration_text(value_of(row, "took_s")) if row.get("took_s") else "", value_of(row, "took_s")),
        ]
        for row in rows
    ]
    return Table(headings, cells, None if best is None else rows.index(best))


def _value_cell(row: Row, objective: str) -> Cell:
    value = value_of(row, objective)
    if not math.isfinite(value):
        return Cell("")
    return Cell(shown_value(row[objective], row.get(deviation_of(objective), "")), value)


def _dimension_cell(text: str) -> Cell:
    try:
        return Cell(shown_number(text), float(text))
    except ValueError:
        return Cell(text)


def _best_run(sweep: Overview, runs: Sequence[TrialRun]) -> Iterator[Section]:
    if sweep.best is None:
        return
    number = int(sweep.best["trial"])
    run = next((run for run in runs if run.trial == number), None)
    if run is not None:
        facts, *rest = fact_sections(run.records[-1])
        yield Section(f"The best trial, {number}", facts.blocks, is_open=False)
        yield from (
            Section(f"{section.title} of the best trial", section.blocks, is_open=False)
            for section in rest
            if section.title == "Checkpoints"
        )


def _config(sweep: Overview) -> Iterator[Section]:
    words = " ".join(map(str, sweep.facts.get("words") or ()))
    facts: list[tuple[str, str]] = [
        ("words", words),
        ("begun", str(sweep.facts.get("made", ""))),
        ("folder", sweep.shown_folder),
        *((f"option {name}", str(value)) for name, value in (sweep.facts.get("options") or {}).items()),
        *((name, _written(value)) for name, value in sweep.facts.get("space", {}).get("dimensions", ())),
    ]
    yield Section("Space", [Facts([fact for fact in facts if fact[1]])], is_open=False)
    try:
        config = load([RunSource(sweep.folder, str(sweep.folder))])
        text = to_yaml(config, standalone=False)
        places = places_of_lines(text, config, is_recorded=True)
    except (ConfigError, OSError) as error:
        yield Section("Config", [Sentences([f"The config cannot be read: {str(error).partition(chr(10))[0]}"])])
        return
    lines = [(line, places.get(index, "")) for index, line in enumerate(text.splitlines())]
    yield Section("Config", [Listing(lines)], is_open=False)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one[0] if isinstance(one, list) and one else one) for one in value)
    return str(value)


def _short(sweep: Overview, name: str) -> str:
    return short_name(name, sweep.dimensions)


def _text(text: str) -> str:
    try:
        return number_text(float(text))
    except ValueError:
        return text
