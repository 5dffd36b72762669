"""What each tracker holds of a fit, read from the files that it wrote: the numbers of each name, in order."""

import csv
import json
import sqlite3
import struct
import subprocess
import sys
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

Values = dict[str, list[float]]


def _csv(folder: Path, output: str) -> Values:
    with (folder / output / "csv/version_0/metrics.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    return {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}


def _tensorboard(folder: Path, output: str) -> Values:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / output / "tensorboard/version_0")).Reload()
    return {name: [event.value for event in events.Scalars(name)] for name in events.Tags()["scalars"]}


def _mlflow(folder: Path, output: str) -> Values:
    with closing(sqlite3.connect(folder / f"{output}.db")) as database:
        return _by_name(database.execute("SELECT key, value FROM metrics ORDER BY step, timestamp"))


def _wandb(folder: Path, output: str) -> Values:
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = (folder / output).glob("wandb/offline-run-*/*.wandb")
    items = (item for data in _log_records(file.read_bytes()) for item in Record.FromString(data).history.item)
    named = ((item.key or "/".join(item.nested_key), json.loads(item.value_json)) for item in items)
    return _by_name((name, value) for name, value in named if isinstance(value, int | float))


def _log_records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a log of LevelDB: blocks of 32 KiB, in which each part of a record has a header."""
    place, record = 7, b""
    while place + 7 <= len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        record += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # the only or the last part
            yield record
            record = b""


def _comet(folder: Path, output: str) -> Values:
    (file,) = (folder / output).glob("*.zip")
    messages = map(json.loads, zipfile.ZipFile(file).read("messages.json").decode().splitlines())
    metrics = [message["payload"]["metric"] for message in messages if message["type"] == "metric_msg"]
    return _by_name((metric["metricName"], metric["metricValue"]) for metric in metrics)


def _dvclive(folder: Path, output: str) -> Values:
    metrics = folder / output / "dvclive/plots/metrics"
    # the last column: a name that ends in `/step` has no other, as its numbers take the place of the steps
    return {
        str(file.relative_to(metrics).with_suffix("")): [
            float(line.split("\t")[-1]) for line in file.read_text().splitlines()[1:]
        ]
        for file in metrics.rglob("*.tsv")
    }


def _aim(folder: Path, output: str) -> Values:
    from aim import Repo

    repository = str(folder / output)
    program = Path(sys.executable).with_name("aim")
    subprocess.run([program, "storage", "--repo", repository, "reindex"], input="y", text=True, check=True)
    (name,) = Repo(repository).list_all_runs()
    run = Repo(repository).get_run(name)
    found = {
        metric.name: zip(metric.timestamps.values_list(), metric.values.values_list(), strict=True)
        for metric in run.metrics()
    }
    return {name: [float(value) for _, value in sorted(pairs)] for name, pairs in found.items()}  # in order of time


def _swanlab(folder: Path, output: str) -> Values:
    from swanlab.proto.swanlab.record.v1.record_pb2 import Record
    from swanlab.sdk.internal.core_python.store import DataStoreReader

    (file,) = (folder / output).glob("swanlab/run-*/*.swanlab")
    reader = DataStoreReader()
    reader.open(file)
    scalars = (record.scalar for record in map(Record.FromString, reader) if record.HasField("scalar"))
    return _by_name((scalar.key, scalar.value.number) for scalar in scalars)


def _clearml(folder: Path, output: str) -> Values:
    for file in (folder / ".clearml/cache/offline").glob("*.zip"):
        opened = zipfile.ZipFile(file)
        if json.loads(opened.read("task.json"))["name"] == output:
            lines = opened.read("metrics.jsonl").decode().splitlines()
            metrics = [metric for line in lines for metric in json.loads(line)]
            return _by_name((metric["variant"], metric["value"]) for metric in metrics if "value" in metric)
    raise FileNotFoundError(f"no task {output}")


def _trackio(folder: Path, output: str) -> Values:
    with closing(sqlite3.connect(folder / ".cache/huggingface/trackio/crossing.db")) as database:
        rows = database.execute("SELECT metrics FROM metrics WHERE run_name = ? ORDER BY id", [output]).fetchall()
    return _by_name(item for (text,) in rows for item in json.loads(text).items())


def _by_name(pairs: "Iterator[tuple[str, float]] | sqlite3.Cursor") -> Values:
    values = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    return dict(values)


READERS: dict[str, Callable[[Path, str], Values]] = {
    "csv": _csv,
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "wandb": _wandb,
    "comet": _comet,
    "dvclive": _dvclive,
    "aim": _aim,
    "swanlab": _swanlab,
    "clearml": _clearml,
    "trackio": _trackio,
}
