"""Write a table as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any


def csv_text(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    r"""Return a table as CSV as spreadsheets and pandas read it; ``None`` is an empty cell.

    >>> csv_text(["a", "b"], [[1, None], ["x, y", 0.5]])
    'a,b\n1,\n"x, y",0.5\n'
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return stream.getvalue()
