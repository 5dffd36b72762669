"""``lighter report``: a run, several runs or a sweep as one page."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.atomic_files import write_atomically
from lighter_cli.commands._inputs import Json
from lighter_cli.commands.runs._options import EVERYTHING, Selection, selected_here, separated
from lighter_cli.reports.html import MARK, write_html
from lighter_cli.reports.page import Page
from lighter_cli.reports.subjects import find_subject, make_page
from lighter_cli.runs.run import Run
from lighter_cli.terminal import output
from lighter_cli.terminal.output import PATH
from lighter_cli.terminal.shown import size_text
from lighter_config import Finding, Place, SourceError
from lighter_config.regular_files import is_regular, open_regular

_DEFAULT_FILE = Path("report.html")
_WATCH_S = 5.0
_MOST_RUNS = 200
_MOST_DRAWN = 200

Names = Annotated[
    str,
    Parameter(name="RUN", help="Runs: their names, ids or folders, or 'last'. Or one sweep: its name or folder."),
]
To = Annotated[
    Path | None, Parameter(name=["--output", "-o"], help="The HTML file to write; report.html if none is given.")
]
Metric = Annotated[
    list[str] | None, Parameter(negative=(), help="Show only these metrics; may be given several times.")
]
By = Annotated[str | None, Parameter(help="Colour runs by this value of the config, such as vars::lr.")]
Light = Annotated[
    bool, Parameter(negative=(), show_default=False, help="Write figures as pictures: the page has no scripts.")
]
FigureFolder = Annotated[
    Path | None, Parameter(name="--figures", help="Also write each figure as PDF, SVG, PNG and CSV into this folder.")
]
Watch = Annotated[
    bool, Parameter(negative=(), show_default=False, help="Write the page again every five seconds, until all ends.")
]


def report(
    *runs: Names,
    to: To = None,
    selection: Selection = EVERYTHING,
    metric: Metric = None,
    by: By = None,
    light: Light = False,
    figures: FigureFolder = None,
    watch: Watch = False,
    as_json: Json = False,
) -> None:
    """Write one page that shows a run, several runs or a sweep. It needs no network and no server."""
    metrics = separated(metric)
    subject = _subject(runs, selection)
    page = make_page(subject, metrics, by)
    if light or figures is not None:
        _refuse_many(page, "--light" if figures is None else "--figures")
    if as_json:
        output.write_json(page.facts)
    if figures is not None:
        from lighter_cli.reports.figure_files import write_figures  # matplotlib

        count = write_figures(list(page.figures()), figures)
        if not as_json:
            output.write_lines(
                [[(str(figures), PATH), f": {count} figure{'s' * (count != 1)} as PDF, SVG, PNG and CSV"]]
            )
    file = to
    if file is None:
        if as_json or figures is not None:
            return
        file = _DEFAULT_FILE
    _refuse_other_files(file)
    _write(page, file, light=light, is_watched=watch)
    while watch and not page.is_final:
        time.sleep(_WATCH_S)
        page = make_page(_subject(runs, selection), metrics, by)
        _write(page, file, light=light, is_watched=True)
    if not as_json:
        output.write_lines([[(str(file), PATH), f", {size_text(file.stat().st_size)}: {page.title}"]])


def _subject(names: Sequence[str], selection: Selection) -> list[Run] | Path:
    """Return the runs or the sweep to show.

    Raises:
        SourceError: There are none, or too many.
    """
    if names and not selection.is_everything:
        raise SourceError(Finding(message="runs are named and selected", fix="name runs, or give options, not both"))
    if names:
        found = find_subject(names)
    elif selection.is_everything:
        fix = "name one: lighter report last, or select some: lighter report --last 5"
        raise SourceError(Finding(message="no run given", expected=("a run, several runs, or a sweep",), fix=fix))
    else:
        found = [run for run in selected_here(selection) if run.is_readable()]
    if isinstance(found, list) and not found:
        raise SourceError(Finding(message="no run fulfils these conditions", fix="see lighter runs list"))
    if isinstance(found, list) and len(found) > _MOST_RUNS:
        message, fix = f"{len(found):,} runs do not fit on one page", "select fewer: --last 50; a sweep may have more"
        raise SourceError(Finding(message=message, expected=(f"at most {_MOST_RUNS}",), fix=fix))
    return found


def _refuse_many(page: Page, option: str) -> None:
    """Refuse to draw so many figures that it takes minutes.

    Raises:
        SourceError: With how to choose some.
    """
    count = sum(1 for _ in page.figures())
    if count > _MOST_DRAWN:
        message, fix = f"the page has {count:,} figures", "choose some by their metrics: --metric val/loss/epoch"
        limit = f"at most {_MOST_DRAWN} figures to draw"
        raise SourceError(Finding(message=message, place=Place(f"option {option}"), expected=(limit,), fix=fix))


def _refuse_other_files(file: Path) -> None:
    """Refuse to overwrite a file that is not a report, or to write where no file can be.

    Raises:
        SourceError: The file is something else, or its folder does not exist.
    """
    place = Place("option --output")
    if file.is_dir() or not file.absolute().parent.is_dir():
        message = f"{file} is a folder" if file.is_dir() else f"the folder {file.absolute().parent} does not exist"
        raise SourceError(Finding(message=message, place=place, excerpt=str(file), fix="name a file: -o report.html"))
    if not file.exists():
        return
    is_report = False
    if is_regular(file):
        with open_regular(file) as stream:
            is_report = MARK.encode() in stream.read(4096)
    if not is_report:
        message = f"{file} exists, and is not a report"
        raise SourceError(
            Finding(message=message, place=place, excerpt=str(file), fix="name another file, or remove it")
        )


def _write(page: Page, file: Path, *, light: bool, is_watched: bool) -> None:
    drawn = None
    if light:
        from lighter_cli.reports.drawing import svg_of  # matplotlib

        drawn = map(svg_of, page.figures())
    refresh = _WATCH_S if is_watched and not page.is_final else None
    try:
        write_atomically(file, write_html(page, drawn=drawn, refresh_s=refresh))
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror or error}"
        fix = "name a file in a folder that you can write to"
        raise SourceError(Finding(message=message, place=Place("option --output"), fix=fix)) from error
