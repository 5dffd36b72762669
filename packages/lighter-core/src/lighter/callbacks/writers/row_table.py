"""Stream rows to disk on every rank, and merge them into one CSV file in dataset order."""

import csv
import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from lighter.errors import WriterError, nearest_names

_ROWS_IN_MEMORY = 50_000  # while rows that came in another order are sorted
_FILES_AT_ONCE = 64  # while sorted runs are merged; systems allow some hundreds

Row = tuple[int, int, int, str]
"""Loader, rank (-1 if the index counts over all ranks), index, and the cells as CSV text that begins with a comma."""


class _Echo:
    """A file whose ``write`` returns the text: it makes `csv.writer` a function from cells to text."""

    @staticmethod
    def write(text: str) -> str:
        return f"{text.removesuffix(_TERMINATOR)}\n"


_TERMINATOR = "\r\n"  # csv quotes cells with these characters, and readers take a lone "\r" for the end of a row

_csv_line: Callable[[Iterable[Any]], str] = csv.writer(_Echo, lineterminator=_TERMINATOR).writerow


class RowTable:
    """The rows of one rank, streamed to a part file whose first line names the columns.

    A row is one line of JSON, with its place and its cells as CSV text: cells may have line breaks, and the csv module
    would not read back long cells.

    Args:
        file: The part file; made with the first row.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: TextIO | None = None
        self._columns: list[str] = []
        self._last: tuple[int, int, int] = (-1, -1, -1)
        self._is_sorted = True
        self.has_ranks = False

    def append(self, cells: Mapping[str, Any], *, index: int, rank: int | None, dataloader_idx: int) -> None:
        """Write a row.

        Raises:
            WriterError: The row has other columns than the first.
        """
        if self._stream is None:
            self._columns = list(cells)
            self._stream = _open_to_write(self._file)
            self._stream.write(json.dumps(self._columns) + "\n")
        elif cells.keys() != set(self._columns):
            raise _other_columns(cells, self._columns, f"sample {index}")
        place = (dataloader_idx, -1 if rank is None else rank, index)
        self.has_ranks |= rank is not None
        self._is_sorted &= place >= self._last
        self._last = place
        self._stream.write(json.dumps((*place, _csv_line((None, *(cells[column] for column in self._columns))))) + "\n")

    def finish(self) -> None:
        """Close the part file, with its rows in order."""
        self.close()
        if not self._is_sorted:
            _sort(self._file)

    def close(self) -> None:
        """Close the part file as it is."""
        if self._stream is not None:
            self._stream.close()


def merge(
    parts: Sequence[Path], file: Path, *, default_columns: Sequence[str], has_ranks: bool, has_dataloaders: bool
) -> None:
    """Merge the part files of all ranks into one CSV file, sorted by loader, rank and index, row by row.

    Args:
        parts: Closed part files.
        file: The CSV file to write: UTF-8, ``index`` first, then ``rank`` and ``dataloader_idx`` if asked for.
        default_columns: The columns if no rank has a row.
        has_ranks: Write a column ``rank``: some indices count on one rank only.
        has_dataloaders: Write a column ``dataloader_idx``.

    Raises:
        WriterError: Two ranks have rows of different columns.
    """
    columns = [_columns_of(part) for part in parts] or [list(default_columns)]
    for part, other in zip(parts, columns, strict=False):
        if other != columns[0]:
            raise _other_columns(other, columns[0], f"the rows of {part.stem}")
    with _open_to_write(file) as stream, ExitStack() as stack:
        places = ["index", *["rank"] * has_ranks, *["dataloader_idx"] * has_dataloaders]
        stream.write(_csv_line([*places, *columns[0]]))
        for dataloader_idx, rank, index, cells in heapq.merge(*(stack.enter_context(_Rows(part)) for part in parts)):
            place = [index, *["" if rank < 0 else rank] * has_ranks, *[dataloader_idx] * has_dataloaders]
            stream.write(f"{','.join(map(str, place))}{cells}")


class _Rows:
    """Iterates over the rows of a part file while it is open."""

    def __init__(self, part: Path) -> None:
        self._part = part

    def __enter__(self) -> Iterator[Row]:
        self._stream = self._part.open(encoding="utf-8")
        next(self._stream)  # the columns
        return (tuple(json.loads(line)) for line in self._stream)

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _sort(part: Path) -> None:
    """Sort the rows of a part file through sorted runs on disk, so that few rows are in memory at a time."""
    columns = _columns_of(part)
    runs: list[Path] = []
    with _Rows(part) as rows:
        while chunk := sorted(islice(rows, _ROWS_IN_MEMORY)):
            runs.append(_write_part(part.with_name(f"{part.name}.{len(runs)}"), columns, chunk))
    num_files = len(runs)
    while len(runs) > 1:
        group, runs = runs[:_FILES_AT_ONCE], runs[_FILES_AT_ONCE:]
        with ExitStack() as stack:
            merged = heapq.merge(*(stack.enter_context(_Rows(run)) for run in group))
            runs.append(_write_part(part.with_name(f"{part.name}.{num_files}"), columns, merged))
        num_files += 1
        for run in group:
            run.unlink()
    runs[0].replace(part)


def _write_part(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> Path:
    with _open_to_write(file) as stream:
        stream.write(json.dumps(columns) + "\n")
        stream.writelines(json.dumps(row) + "\n" for row in rows)
    return file


def _columns_of(part: Path) -> list[str]:
    with part.open(encoding="utf-8") as stream:
        columns: list[str] = json.loads(stream.readline())
    return columns


def _open_to_write(file: Path) -> TextIO:
    # `surrogateescape` writes file names that are not UTF-8 as their original bytes
    return file.open("w", encoding="utf-8", errors="surrogateescape", newline="")


def _other_columns(columns: Iterable[str], expected: Sequence[str], where: str) -> WriterError:
    columns = list(columns)
    added = [column for column in columns if column not in expected]
    missing = [column for column in expected if column not in columns]
    differences = [f"also {', '.join(added)}"] * bool(added) + [f"not {', '.join(missing)}"] * bool(missing)
    return WriterError(
        f"{where} has other columns than the first row: {'; '.join(differences) or 'in another order'}",
        expected=", ".join(expected),
        nearest=[name for column in added for name in nearest_names(column, missing, count=1)],
        fix="give every sample values with the same keys and lengths; a list of any length fits into one cell",
    )
