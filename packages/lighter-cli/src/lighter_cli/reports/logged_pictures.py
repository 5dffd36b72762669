"""Read the pictures and the confusion matrices that a run logged to its record."""

import logging
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lighter_cli.reports.figure_kinds import Matrix
from lighter_cli.reports.page import Picture, Pictures
from lighter_cli.runs.index import parsed_lines
from lighter_cli.runs.picture_recorder import IMAGES_FILE, IMAGES_FOLDER, MATRICES_FILE, is_picture
from lighter_config.regular_files import read_regular

_logger = logging.getLogger(__name__)

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_PICTURES = 12
_MOST_MATRICES = 50
_MOST_BYTES = 4 * 2**20


def logged_pictures(folder: Path, drawn: Collection[str] = ()) -> tuple[list[Pictures], list[str]]:
    """Return the pictures of a run by their names, and what is not shown.

    Of many, the page has some at equal distances, the last among them, and at most 4 MiB in all.

    Args:
        folder: The folder of the record.
        drawn: Names that the page shows in another way: those of confusion matrices.
    """
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for line in _lines(folder / IMAGES_FILE):
        if isinstance(line, dict) and all(isinstance(line.get(key), str) for key in ("name", "file")):
            if line["name"] in drawn:
                continue
            by_name.setdefault(line["name"], []).append(line)
    found: list[Pictures] = []
    notes: list[str] = []
    left = _MOST_BYTES
    for name, lines in by_name.items():
        pictures: list[Picture] = []
        for line in _spread(lines, _MOST_PICTURES):
            content = _png(folder, line["file"])
            if content is None or len(content) > left:
                continue
            left -= len(content)
            caption = f"epoch {line.get('epoch', '?')}"
            pictures.append(Picture(f"{caption}: {line['caption']}" if line.get("caption") else caption, content))
        if len(pictures) < len(lines):
            notes.append(
                f"{name}: {len(pictures)} of {len(lines)} pictures are shown; all are in {folder / IMAGES_FOLDER}"
            )
        if pictures:
            found.append(Pictures(name, pictures))
    return found, notes


def logged_matrices(folder: Path) -> list[Matrix]:
    """Return the confusion matrices of a run, a figure for each name; of many epochs the newest."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for line in _lines(folder / MATRICES_FILE):
        if _is_matrix(line):
            by_name.setdefault(line["name"], []).append(line)
    found: list[Matrix] = []
    for name, lines in by_name.items():
        labels = lines[-1]["labels"]
        same = [line for line in lines if line["labels"] == labels][-_MOST_MATRICES:]
        matrices = tuple(tuple(map(tuple, line["matrix"])) for line in same)
        epochs = tuple(line["epoch"] for line in same)
        found.append(Matrix(title=name, labels=tuple(map(str, labels)), epochs=epochs, matrices=matrices))
    return found


def _is_matrix(line: Any) -> bool:
    if not isinstance(line, dict) or not isinstance(line.get("name"), str) or type(line.get("epoch")) is not int:
        return False
    labels, matrix = line.get("labels"), line.get("matrix")
    return (
        isinstance(labels, list)
        and isinstance(matrix, list)
        and len(matrix) == len(labels) > 0
        and all(isinstance(row, list) and len(row) == len(labels) for row in matrix)
        and all(type(value) in (int, float) and math.isfinite(value) for row in matrix for value in row)
    )


def _lines(file: Path) -> list[Any]:
    try:
        content = read_regular(file)
    except FileNotFoundError:
        return []
    except OSError as error:
        _logger.warning("%s cannot be read: %s", file, error.strerror or error)
        return []
    found = list(parsed_lines(content.splitlines()))
    if damaged := sum(line is None for line in found):
        _logger.warning("%d of %d lines of %s are damaged and are skipped", damaged, len(found), file)
    return found


def _png(folder: Path, name: str) -> bytes | None:
    """Return a PNG file inside the folder of a record; ``None``, with a warning, if it is none."""
    if not is_picture(folder, name):
        _logger.warning("the record %s has no picture %r, which is skipped", folder.name, name)
        return None
    file = folder / name
    try:
        content = read_regular(file)
    except OSError as error:
        _logger.warning("the picture %s cannot be read: %s", file, error.strerror or error)
        return None
    if not content.startswith(_PNG):
        _logger.warning("the picture %s is not a PNG file", file)
        return None
    return content


def _spread(lines: list[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """Return some items at equal distances, the first and the last among them."""
    if len(lines) <= most:
        return lines
    return [lines[round(index * (len(lines) - 1) / (most - 1))] for index in range(most)]
