"""``lighter sweeps export``: the trials of a sweep as a file, for other tools."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.atomic_files import write_atomically
from lighter_cli.commands.sweeps._sweep import Sweep
from lighter_cli.sweeps.overview import Overview, find_sweep
from lighter_cli.terminal.csv_text import csv_text
from lighter_config import Finding, Place, SourceError

To = Annotated[Path, Parameter(help="The file: NAME.csv, NAME.json or NAME.parquet.")]


def export(sweep: Sweep, /, *, to: To) -> None:
    """Write the trials of a sweep to a file.

    Raises:
        SourceError: The sweep is unknown, or the format is.
        ImportError: Parquet needs pandas and pyarrow.
    """
    overview = Overview(find_sweep(sweep))
    records = overview.records()
    if to.suffix == ".json":
        write_atomically(to, json.dumps(records, indent=1) + "\n")
    elif to.suffix == ".csv":
        headings = list(dict.fromkeys(name for record in records for name in record))
        write_atomically(to, csv_text(headings, ([record.get(name) for name in headings] for record in records)))
    elif to.suffix == ".parquet":
        import pandas as pd  # type: ignore[import-untyped,unused-ignore]

        pd.DataFrame(records).to_parquet(to)
    else:
        message = f"unknown format {to.suffix or to.name!r}"
        place = Place("option --to")
        raise SourceError(
            Finding(message=message, place=place, excerpt=str(to), expected=(".csv", ".json", ".parquet"))
        )
