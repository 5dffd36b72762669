"""Write figures as files for a paper, each with its data."""

from collections.abc import Sequence
from pathlib import Path

from lighter_cli.atomic_files import open_atomically, write_atomically
from lighter_cli.reports.drawing import draw, saved
from lighter_cli.reports.figures import Figure
from lighter_cli.terminal.csv_text import csv_text
from lighter_config import Finding, Place, SourceError

FORMATS = ("pdf", "svg", "png")


def write_figures(figures: Sequence[Figure], folder: Path) -> int:
    """Write each figure as PDF, SVG and PNG, and its data as CSV, into a folder; return how many figures.

    Raises:
        SourceError: matplotlib is not installed, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken: set[str] = set()
        for figure in figures:
            name = _free(figure.name, taken)
            write_figure(figure, [folder / f"{name}.{kind}" for kind in FORMATS])
            write_atomically(folder / f"{name}.csv", csv_text(figure.headings(), figure.rows()))
    except OSError as error:
        message = f"{error.filename or folder} cannot be written: {error.strerror or error}"
        place = Place("option --figures")
        raise SourceError(Finding(message=message, place=place, excerpt=str(folder))) from error
    return len(figures)


def write_figure(figure: Figure, files: Sequence[Path]) -> None:
    """Write one figure into files, whose endings say the formats.

    Raises:
        SourceError: matplotlib is not installed.
        OSError: A file cannot be written.
    """
    drawing = draw(figure)
    for file in files:
        with open_atomically(file) as stream:
            stream.write(saved(drawing, file.suffix[1:], figure.name))


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no other figure has, whatever the case of its letters."""
    number, free = 1, name
    while free.lower() in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free.lower())
    return free
