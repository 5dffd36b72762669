"""The earlier runs that stand among the words of a config: as a checkpoint or as a run's folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lighter_cli.runs import environment
from lighter_cli.runs.record import read_record
from lighter_config import (
    RECORD_FILE,
    RECORDED_CONFIG,
    CheckpointSource,
    Config,
    FileSource,
    Place,
    RunSource,
    SourceError,
    stored_record,
)

_SHORT_COMMIT = 12


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run that gave a config its values.

    Attributes:
        source: The word that named it.
        content: The fields of its record; empty when a checkpoint carries none.
    """

    source: CheckpointSource | RunSource
    content: Mapping[str, Any]

    def has_set(self, place: Place | None) -> bool:
        """Say whether a value comes from this run, not from a word beside it."""
        names = (self.source.name, str(Path(self.source.name) / RECORDED_CONFIG))
        return place is not None and place.source in names


def recorded_runs(config: Config) -> tuple[RecordedRun, ...]:
    """Return the runs among the sources of a config, in order.

    Raises:
        SourceError: A record is damaged.
    """
    return tuple(
        RecordedRun(source, recorded_content(source.path, source.name))
        for source in config.sources
        if isinstance(source, CheckpointSource | RunSource)
    )


def recorded_content(path: Path, name: str) -> Mapping[str, Any]:
    """Return the record that a checkpoint, a sharded checkpoint or a run's folder carries; empty when there is none.

    Raises:
        SourceError: It is damaged.
    """
    if not path.is_dir():
        return stored_record(path, name)
    return read_record(path).content if (path / RECORD_FILE).is_file() else {}


def experiment_files(config: Config, runs: Sequence[RecordedRun]) -> tuple[str, ...]:
    """Return what makes two runs the same experiment: the resolved config files, in order.

    A run among the words stands for the files that it was started from.
    """
    content = {run.source: run.content for run in runs}
    files: list[str] = []
    for source in config.sources:
        if isinstance(source, FileSource):
            files.append(str(source.path.resolve()))
        elif isinstance(source, CheckpointSource | RunSource):
            files += content[source].get("files", ())
    return tuple(files)


def experiment_overrides(config: Config, runs: Sequence[RecordedRun]) -> tuple[str, ...]:
    """Return the overrides in use: those that runs among the words were started with, then those given now."""
    return tuple(word for run in runs for word in run.content.get("overrides", ())) + config.overrides


def what_changed(checkpoint: str) -> str:
    """Say in one line how versions and code differ from those that wrote a checkpoint; nothing when they do not."""
    try:
        then = recorded_content(Path(checkpoint), checkpoint)
    except (SourceError, OSError):  # loading it says what is wrong with it
        return ""
    versions, now = then.get("versions", {}), environment.versions()
    differing = [name for name in now if versions.get(name, now[name]) != now[name]]
    changes = [f"{name} {versions[name]} then, {now[name]} now" for name in differing]
    if then.get("git"):
        changes += _changed_code(then["git"], environment.git_state())
    return f"since {checkpoint} was written: {'; '.join(changes)}" if changes else ""


def _changed_code(then: Mapping[str, Any], now: Mapping[str, Any] | None) -> list[str]:
    if now is None:
        return [f"commit {then['commit'][:_SHORT_COMMIT]} then, no repository now"]
    changes = []
    if then["commit"] != now["commit"]:
        changes.append(f"commit {then['commit'][:_SHORT_COMMIT]} then, {now['commit'][:_SHORT_COMMIT]} now")
    changes += ["uncommitted changes then"] * then["dirty"] + ["uncommitted changes now"] * now["dirty"]
    return changes
