"""Read earlier runs: ``read_runs``, for Python and for the commands that list and compare runs."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, SupportsIndex, overload

from lighter_cli.runs.config_values import config_values
from lighter_cli.runs.epochs import read_epochs
from lighter_cli.runs.listing import ListedRun, listed_run, listed_runs
from lighter_cli.runs.metric_choice import metrics_of
from lighter_cli.runs.record import Record, read_record
from lighter_config import Config, ConfigError, Finding, SourceError, load
from lighter_config.sections import PROJECT

_logger = logging.getLogger(__name__)


def read_runs(folder: str | os.PathLike[str] = ".") -> "RunList":
    """Return the runs that were started in a folder, oldest first.

    What ``lighter runs list`` shows is read now; the rest of a record, its curve and its config are read when they are
    asked for. Runs whose record is gone are skipped, damaged records with a warning.

    Args:
        folder: The folder in which the runs were started.

    Raises:
        SourceError: There is no such folder.

    >>> runs = read_runs()
    >>> [run.metrics for run in runs if run.status == "finished"]
    []
    """
    working_directory = Path(folder).resolve()
    if not working_directory.is_dir():
        raise SourceError(Finding(message=f"{os.fspath(folder)!r} is not a folder", fix="name the one with the runs"))
    return RunList(reversed(list(map(Run, listed_runs(working_directory)))))


def run_of(folder: Path) -> "Run":
    """Return the run whose record is in a folder.

    Raises:
        SourceError: There is no record, or it is damaged.
    """
    record = read_record(folder)
    return Run(listed_run(record), record)


class Run:
    """An earlier run.

    Attributes:
        folder: The folder of its record.
        id: The name of that folder.
        name: The name that the user gave; empty without one.
        tags: The tags.
        stage: ``fit``, ``validate``, ``test`` or ``predict``.
        words: The inputs as they were typed.
        start: When it started, in UTC.
        end: When it ended; ``None`` if that is not recorded.
    """

    def __init__(self, listed: ListedRun, record: Record | None = None) -> None:
        self._listed = listed
        self._read = record

    def __repr__(self) -> str:
        return f"<run {' '.join(filter(None, (self.id, self.name, self.stage, self.status)))}>"

    def __fspath__(self) -> str:
        return self._listed.folder

    @property
    def folder(self) -> Path:  # noqa: D102  # documented in the class
        return Path(self._listed.folder)

    @property
    def id(self) -> str:  # noqa: D102
        return self._listed.name

    @property
    def name(self) -> str:  # noqa: D102
        return self._listed.label

    @property
    def tags(self) -> tuple[str, ...]:  # noqa: D102
        return tuple(self._listed.tags)

    @property
    def trial(self) -> str:
        """The trial of a sweep that it belongs to, such as ``digits-3fa9/7``; empty without one."""
        return self._listed.trial

    @property
    def sweep(self) -> str:
        """The name of that sweep; empty without one."""
        return self.trial.partition("/")[0]

    @property
    def stage(self) -> str:  # noqa: D102
        return self._listed.stage

    @property
    def words(self) -> tuple[str, ...]:  # noqa: D102
        return tuple(self._listed.words)

    @property
    def start(self) -> datetime:  # noqa: D102
        return datetime.fromisoformat(self._listed.start)

    @property
    def end(self) -> datetime | None:  # noqa: D102
        return None if self._listed.end is None else datetime.fromisoformat(self._listed.end)

    @property
    def took_s(self) -> float | None:
        """Seconds from start to end; ``None`` without an end."""
        return None if self.end is None else (self.end - self.start).total_seconds()

    @property
    def status(self) -> str:
        """``running``, ``finished``, ``failed`` or ``interrupted``; ``lost`` if its process ended unrecorded."""
        return self._listed.status

    @property
    def record(self) -> Mapping[str, Any]:
        """The fields of ``record.json``.

        Raises:
            SourceError: The record was damaged or removed since the run was listed.
        """
        if self._read is None:
            try:
                self._read = read_record(self.folder)
            except OSError as error:
                message = f"the record of run {self.id} cannot be read: {error.strerror or error}"
                raise SourceError(Finding(message=message)) from error
        return self._read.content

    @property
    def note(self) -> str:
        """The note; empty without one."""
        return str(self.record.get("note", ""))

    @property
    def metrics(self) -> Mapping[str, float]:
        """The last value of each metric."""
        return dict(self.record["metrics"])

    @property
    def best_metrics(self) -> Mapping[str, float]:
        """The metrics when the best checkpoint was saved; empty without one."""
        return dict((self.record.get("at_best") or {"metrics": {}})["metrics"])

    @property
    def best_epoch(self) -> int | None:
        """The epoch in which the best checkpoint was saved, from 0; ``None`` without one."""
        at_best = self.record.get("at_best")
        return None if at_best is None else int(at_best["epoch"])

    @property
    def best_checkpoint(self) -> Path | None:
        """The best checkpoint of a fit as it is recorded; ``None`` if it monitored nothing."""
        return self._checkpoint("best")

    @property
    def last_checkpoint(self) -> Path | None:
        """The last checkpoint of a fit as it is recorded; ``None`` if it saved none."""
        return self._checkpoint("last")

    def _checkpoint(self, which: str) -> Path | None:
        named = self.record["checkpoints"].get(which)
        return None if named is None else Path(named)

    @cached_property
    def shown_metrics(self) -> Mapping[str, float]:
        """Those at the best checkpoint if there is one, else the last: what tables show."""
        return dict(metrics_of(self.record))

    @property
    def listed_metrics(self) -> Mapping[str, float]:
        """The few of them that a table shows without being asked; the record is not read."""
        return self._listed.metrics

    @cached_property
    def monitor(self) -> tuple[str, str] | None:
        """The metric that decides which checkpoint of a fit is the best, and ``min`` or ``max``."""
        monitor = self.record.get("monitor")
        return None if monitor is None else (monitor["name"], monitor["mode"])

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        """One mapping for each epoch of a fit: ``epoch``, ``step``, ``time_s``, and each metric that it logged."""
        return [
            {"epoch": epoch.epoch, "step": epoch.step, "time_s": epoch.time_s, **epoch.metrics}
            for epoch in read_epochs(self.folder)
        ]

    @cached_property
    def config(self) -> Config:
        """The merged config.

        Raises:
            ConfigError: It was damaged or removed.
        """
        return load([self._listed.folder])

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The values of the config by their paths, as written; empty, with a warning, if the config is damaged.

        The ``project`` is relative to the working directory if it is inside it: a run that started from another run
        has the absolute path in its config.
        """
        values = self.record.get("values")
        if values is None:  # a record of an earlier version, or a large config
            try:
                values = config_values(self.config)
            except ConfigError as error:
                _logger.warning("the config of run %s is skipped: %s", self.id, error)
                return {}
        project, working_directory = self.record["project"], self.record["working_directory"]
        if project is None or PROJECT not in values:
            return dict(values)
        inside = PurePath(project).is_relative_to(working_directory)
        return {**values, PROJECT: os.path.relpath(project, working_directory) if inside else project}

    def is_readable(self) -> bool:
        """Return whether the record can be read, now that more than a list is needed; warn if it cannot."""
        if self._read is None:
            self._read = self._listed.record()
        return self._read is not None

    def _let_go(self) -> None:
        """Free the memory of the record, which is read again when it is asked for; what ranks the run stays."""
        _ = self.shown_metrics, self.monitor
        self._read = None
        self.__dict__.pop("values", None)

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """Return epoch and value of a metric for each epoch that logged it."""
        return [(row["epoch"], row[metric]) for row in self.history if metric in row]

    def _repr_html_(self) -> str:
        from lighter_cli.runs.html import run_html  # only notebooks need it

        return run_html(self)


def scanned(runs: Iterable[Run], most: int = 200) -> Iterator[Run]:
    """Yield the runs whose records can be read, with their metrics and their monitor; warn of the others.

    Beyond the first few, a record is let go when the next run is asked for: those of thousands would fill the memory.

    Args:
        runs: The runs.
        most: How many records to keep.
    """
    for number, run in enumerate(run for run in runs if run.is_readable()):
        yield run
        if number >= most:
            run._let_go()  # noqa: SLF001  # in this module


class RunList(list[Run]):
    """Runs, oldest first. A notebook shows them as a table."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> "RunList": ...
    def __getitem__(self, index: SupportsIndex | slice) -> "Run | RunList":
        found = super().__getitem__(index)
        return RunList(found) if isinstance(found, list) else found

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame`` with one row a run: what lists show, then each metric and each config value.

        Metrics are those at the best checkpoint if there is one, else the last. This reads every record.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas as pd  # type: ignore[import-untyped,unused-ignore]
        except ImportError as error:
            raise ImportError("to_pandas needs pandas: pip install pandas") from error
        readable = [run for run in self if run.is_readable()]
        return pd.DataFrame([_flat(run) for run in readable])

    def _repr_html_(self) -> str:
        from lighter_cli.runs.html import runs_html

        return runs_html(self)


def _flat(run: Run) -> dict[str, Any]:
    facts = {name: getattr(run, name) for name in ("id", "name", "stage", "status", "start", "end", "took_s", "note")}
    return {**facts, "tags": ",".join(run.tags), **run.shown_metrics, **run.values}


def names_of_metrics(runs: Iterable[Run]) -> Iterator[str]:
    """Yield the names of the metrics of runs, each once; this reads their records."""
    yield from dict.fromkeys(name for run in runs for name in run.shown_metrics)


def differing_paths(runs: Sequence[Run]) -> list[str]:
    """Return the paths in the config at which runs differ, in the order of the config; this reads their records."""
    values = [compared_values(run) for run in runs]
    paths = dict.fromkeys(path for mapping in values for path in mapping)
    missing = object()
    return [path for path in paths if len({comparable(mapping.get(path, missing)) for mapping in values}) > 1]


def compared_values(run: Run) -> Mapping[str, Any]:
    """Return the values of a run that tell it from others: not the folder that a sweep gives each trial."""
    folder = str(run.folder.absolute().parents[1]) if run.trial else None
    return {path: value for path, value in run.values.items() if value != folder}


def comparable(value: Any) -> Any:
    """Return what stands for a config value in comparisons: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return (type(value).__name__, repr(value))
    return ("number", repr(float(value)) if abs(value) < 2**53 else repr(value))
