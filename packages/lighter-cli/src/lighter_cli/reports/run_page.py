"""The page of one run."""

import logging
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lighter_cli.describing.blame import places_of_lines
from lighter_cli.reports.curves import curve_of, notes_on
from lighter_cli.reports.figures import Curve, Curves, finite
from lighter_cli.reports.logged_pictures import logged_matrices, logged_pictures
from lighter_cli.reports.metric_names import Metric, is_rate, paired
from lighter_cli.reports.page import Block, Facts, Figures, Listing, Page, Section, Sentences, Shares
from lighter_cli.reports.verdicts import best_epoch, code_state, ending, told_fit
from lighter_cli.runs.epochs import Epoch, as_json_number, read_epochs
from lighter_cli.runs.record import Record, read_record
from lighter_cli.runs.run import Run
from lighter_cli.runs.shown_facts import again, facts_of, sections_of, shares_of
from lighter_cli.terminal.shown import shown_path, size_text
from lighter_config import ConfigError, Finding, SourceError, nearest_names, to_yaml

_logger = logging.getLogger(__name__)

OUTPUT_FILE = "output.log"

_NUM_SHOWN = 12
_LOG_FROM = 100  # the largest value in the smallest, from which a loss is first shown on a logarithmic scale
_TAIL_BYTES = 8192
_TAIL_LINES = 40
_COLOURS: Mapping[str, int] = {"train": 0, "val": 1, "test": 2}


def run_page(run: Run, metrics: Sequence[str] = ()) -> Page:
    """Return the page of one run.

    Args:
        run: The run.
        metrics: The metrics to show; all if there are none.

    Raises:
        SourceError: The run logged no such metric.
    """
    epochs = read_epochs(run.folder)
    record = read_record(run.folder)
    return Page(
        title=run.name or run.id,
        summary=[ending(run, epochs), *told_fit(run, epochs), code_state(run)],
        commands=_commands(record),
        sections=[
            *_curve_sections(run, epochs, metrics),
            *_logged(run.folder),
            *_time(record),
            *fact_sections(record),
            *config_section(run),
            *_output(run),
        ],
        is_final=run.status != "running",
        facts={"run": _plain(record), "epochs": [_row(epoch) for epoch in epochs]},
    )


def check_metrics(metrics: Sequence[str], logged: Sequence[str]) -> None:
    """Refuse metrics that are not logged.

    Raises:
        SourceError: With the nearest.
    """
    for name in metrics:
        if name not in logged:
            message = f"no epoch logged {name!r}"
            raise SourceError(Finding(message=message, expected=tuple(logged[:8]), nearest=nearest_names(name, logged)))


def names_of_epochs(epochs: Sequence[Epoch]) -> list[str]:
    """Return the names of all metrics of a curve, in the order in which they came."""
    return list(dict.fromkeys(name for epoch in epochs for name in epoch.metrics))


def fact_sections(record: Record) -> Iterator[Section]:
    """Yield what is recorded about a run: facts, checkpoints with their sizes, and the rest."""
    yield Section("Facts", [Facts([fact for fact in facts_of(record) if fact[0] not in ("name",)])])
    for title, rows in sections_of(record):
        if title == "checkpoints":
            rows = [(name, f"{text}{_size_of(record.content['checkpoints'].get(name))}") for name, text in rows]
        yield Section(title.capitalize(), [Facts(rows)], is_open=title == "checkpoints")


def config_section(run: Run, title: str = "Config") -> Iterator[Section]:
    """Yield the config of a run with the place of each value; a sentence if it is damaged."""
    try:
        config = run.config
        text = to_yaml(config, standalone=False)
        places = places_of_lines(text, config, is_recorded=True)
    except ConfigError as error:
        yield Section(title, [Sentences([f"The config cannot be read: {str(error).partition(chr(10))[0]}"])])
        return
    lines = [(line, places.get(index, "")) for index, line in enumerate(text.splitlines())]
    yield Section(title, [Listing(lines)], is_open=False)


def _curve_sections(run: Run, epochs: Sequence[Epoch], metrics: Sequence[str]) -> Iterator[Section]:
    logged = names_of_epochs(epochs)
    check_metrics(metrics, logged)
    if not epochs:
        values = [(name, f"{value:.6g}") for name, value in run.metrics.items()]
        said = "The record has no curve: only a fit of Lighter 0.2 or newer writes one."
        blocks: list[Block] = [] if run.stage != "fit" else [Sentences([said])]
        yield Section("Metrics", [*blocks, Facts(values)])
        return
    pairs = paired(metrics or logged, [run.monitor[0]] if run.monitor else [])
    figures = [figure_of(run, epochs, stem, group) for stem, group in pairs.items()]
    yield Section("Curves", [Figures(figures[:_NUM_SHOWN])])
    if rest := figures[_NUM_SHOWN:]:
        yield Section(f"{len(rest):,} more metrics", [Figures(rest)], is_open=False)
    rates = [name for name in logged if is_rate(name)]
    if rates and not metrics:
        curves = [curve_of(epochs, name, name, colour=index % 8) for index, name in enumerate(rates)]
        yield Section("Learning rate", [Figures([_figure("learning rate", curves, None)])])


def figure_of(run: Run, epochs: Sequence[Epoch], stem: str, group: Sequence[Metric]) -> Curves:
    """Return the figure of metrics with one stem: training and validation on one axis."""
    curves = [
        curve_of(epochs, name, name, colour=_COLOURS.get(mode, 3), is_dashed=mode == "train" and len(group) > 1)
        for name, mode, _ in group
    ]
    best = best_epoch(run, epochs)
    place = None
    if best is not None and run.monitor is not None:
        names = [metric.name for metric in group]
        if run.monitor[0] in names:
            index = names.index(run.monitor[0])
            kept = curves[index].axis.epochs
            place = (index, kept.index(best.epoch)) if best.epoch in kept else None
    return _figure(stem, curves, place)


def _figure(title: str, curves: Sequence[Curve], best: tuple[int, int] | None) -> Curves:
    values = [value for curve in curves for value in finite(curve.values)]
    is_log = bool(values) and min(values) > 0 and max(values) / min(values) >= _LOG_FROM
    keys = tuple((curve.label, curve.colour) for curve in curves)
    return Curves(title=title, curves=tuple(curves), best=best, is_log=is_log, keys=keys, caption=notes_on(curves))


def _logged(folder: Path) -> Iterator[Section]:
    matrices = logged_matrices(folder)
    if matrices:
        yield Section("Confusion matrices", [Figures(matrices)])
    pictures, notes = logged_pictures(folder, drawn=[matrix.title for matrix in matrices])
    if pictures or notes:
        yield Section("Images", [*pictures, *([Sentences(notes)] if notes else [])])


def _time(record: Record) -> Iterator[Section]:
    spent = record.content.get("time_spent")
    if spent and spent.get("total_s", 0) > 0:
        yield Section("Where the time went", [Shares(shares_of(spent))])


def _commands(record: Record) -> list[tuple[str, str]]:
    """Return what to run next."""
    folder = shlex.quote(shown_path(record.folder))
    if record.content["stage"] != "fit":
        return [("To run it again", again(record))]
    if record.status == "finished":
        return [("To test it", f"lighter test {folder}"), ("To train it again", again(record))]
    return [] if record.status == "running" else [("To continue it", f"lighter fit {folder}")]


def _output(run: Run) -> Iterator[Section]:
    """Yield the end of what a failed trial printed."""
    if run.status not in ("failed", "lost"):
        return
    texts = [str(run.record["error"])] if run.record["error"] else []
    file = next(
        (folder / OUTPUT_FILE for folder in (run.folder, run.folder.parent.parent) if (folder / OUTPUT_FILE).is_file()),
        None,
    )
    if file is not None:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - _TAIL_BYTES))
            texts += stream.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]
    if texts:
        yield Section("Its last output", [Listing([(line, "") for text in texts for line in text.splitlines()])])


def _size_of(path: Any) -> str:
    """Return the size of a checkpoint, or that it is gone; empty for what is not a path."""
    if not isinstance(path, str) or not path.endswith(".ckpt"):
        return ""
    file = Path(path)
    if file.is_dir():
        return f" ({size_text(sum(one.stat().st_size for one in file.rglob('*') if one.is_file()))})"
    return f" ({size_text(file.stat().st_size)})" if file.is_file() else " (no longer there)"


def _plain(record: Record) -> dict[str, Any]:
    return {**record.content, "status": record.status, "folder": str(record.folder)}


def _row(epoch: Epoch) -> dict[str, Any]:
    metrics = {name: as_json_number(value) for name, value in epoch.metrics.items()}
    return {"epoch": epoch.epoch, "step": epoch.step, "time_s": epoch.time_s, **metrics}
