"""What MLflow does to read runs into a table: the peer of ``runs.py``, in an environment that has MLflow.

    VENV/bin/python benchmarks/runs_in_mlflow.py make RUNS.json    # log the first run, copy the rest into the store
    VENV/bin/python benchmarks/runs_in_mlflow.py read              # print the seconds of processor time, and the shape

Both use MLflow's own default store, in the working directory. The first run is logged by MLflow. The others are rows of
its database with the values of RUNS.json, as the copies of Lighter's record are: to log 10,000 runs takes an hour.
"""

import json
import os
import sqlite3
import sys
import time
import uuid
from pathlib import Path
from typing import Any

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import pandas as pd  # noqa: F401  # its import is not what is compared

STORE = Path("mlflow.db")
TABLES = ("runs", "params", "latest_metrics", "metrics", "tags")


def make(file: Path) -> None:
    """Write runs into the default store: mappings with ``params``, ``metrics`` and ``tags``."""
    first, *others = json.loads(file.read_text())
    with mlflow.start_run() as run:
        mlflow.log_params(first["params"])
        mlflow.log_metrics(first["metrics"])
        mlflow.set_tags(first["tags"])
    database = sqlite3.connect(STORE)
    for table in TABLES:
        cursor = database.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", (run.info.run_id,))
        names = [description[0] for description in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
        copied = [
            tuple(row.values()) for number, other in enumerate(others) for row in copies(table, rows, number, other)
        ]
        database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", copied)
    database.commit()


def copies(table: str, rows: list[dict[str, Any]], number: int, other: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of one table for another run."""
    id_ = uuid.UUID(int=number).hex
    if table == "runs":
        (row,) = rows
        return [{**row, "run_uuid": id_, "name": f"run-{number}", "start_time": row["start_time"] + number}]
    given = other[{"latest_metrics": "metrics"}.get(table, table)]
    return [{**row, "run_uuid": id_, "value": given.get(row["key"], row["value"])} for row in rows]


def read() -> None:
    """Print what reading all runs into a table takes, after the store was opened."""
    mlflow.search_runs(max_results=1)
    start = time.process_time()
    table = mlflow.search_runs()
    print(json.dumps({"seconds": time.process_time() - start, "shape": table.shape, "version": mlflow.__version__}))


if __name__ == "__main__":
    make(Path(sys.argv[2])) if sys.argv[1] == "make" else read()
