"""Earlier runs given as inputs: a checkpoint file or a run folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lighter_cli.code import CODE_FILE
from lighter_cli.code.repository import git_state
from lighter_cli.runs import environment
from lighter_cli.runs.index import found_runs, name_of
from lighter_cli.runs.record import read_fields, read_record
from lighter_cli.runs.record_fields import damage
from lighter_config import (
    RECORD_FILE,
    RECORDED_CONFIG,
    CheckpointSource,
    Config,
    FileSource,
    Finding,
    Place,
    RunSource,
    Secrets,
    SourceError,
    stored_record,
)
from lighter_config.regular_files import exists, is_regular
from lighter_config.sources.moved_paths import move_of
from lighter_config.sources.words import CHECKPOINT_SUFFIXES

_SHORT_COMMIT = 12


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """An earlier run that a config takes values from.

    Attributes:
        source: The input that names it.
        content: The fields of its record; empty if the checkpoint carries none.
    """

    source: CheckpointSource | RunSource
    content: Mapping[str, Any]

    def has_set(self, place: Place | None) -> bool:
        """Return whether the value at a place comes from this run, not from another input."""
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
    """Return the record in a checkpoint, a sharded checkpoint or a run folder; empty if there is none.

    Raises:
        SourceError: It is damaged.
    """
    if not path.is_dir():
        content = stored_record(path, name)
        if wrong := damage(content, is_complete=False):
            raise SourceError(Finding(message=f"the record in {name!r} is damaged: {wrong}"))
        return content
    if not is_regular(path / RECORD_FILE):
        return {}
    is_run = path.suffix not in CHECKPOINT_SUFFIXES  # the record in a sharded checkpoint has another folder
    return read_record(path).content if is_run else read_fields(path)


def experiment_files(config: Config, runs: Sequence[RecordedRun]) -> tuple[str, ...]:
    """Return the resolved config files, in order: two runs with the same files are the same experiment.

    A run among the inputs counts as the files that it was started from.
    """
    content = {run.source: run.content for run in runs}
    files: list[str] = []
    for source in config.sources:
        if isinstance(source, FileSource):
            files.append(str(source.path.resolve()))
        elif isinstance(source, CheckpointSource | RunSource):
            files += _files_here(content[source])
    return tuple(files)


def _files_here(content: Mapping[str, Any]) -> list[str]:
    """Return the files of an input run; one that is gone counts as that of the working directory, moved along."""
    files, move = content.get("files", ()), move_of(content.get("working_directory", ""), Path.cwd())
    return [file if move is None or exists(file) else move.present(file) for file in files]


def experiment_overrides(config: Config, runs: Sequence[RecordedRun]) -> tuple[str, ...]:
    """Return the overrides in use, without secrets: those of the runs among the inputs, then those given now."""
    given = Secrets(config.whole).masked.overrides  # as records hold them, to compare with those
    return tuple(word for run in runs for word in run.content.get("overrides", ())) + given


def record_with_code(config: Config, checkpoint: str | None) -> Path | None:
    """Return the folder of the record of the run among the inputs, else of the one that wrote the checkpoint.

    That is ``None`` if the record is not here, or holds no code.
    """
    for source in reversed(config.sources):
        folder = source.path if isinstance(source, RunSource) else None
        folder = source.path.parent if isinstance(source, FileSource) else folder
        if folder is not None and is_regular(folder / CODE_FILE):
            return folder
    try:
        writer = None if checkpoint is None else recorded_content(Path(checkpoint), checkpoint).get("id")
    except (SourceError, OSError):  # loading the checkpoint reports this error
        return None
    if writer is None:
        return None
    folders = (Path(folder) for folder, _ in found_runs(Path.cwd()) if name_of(folder) == writer)
    return next((folder for folder in folders if is_regular(folder / CODE_FILE)), None)


def what_changed(checkpoint: str, project: Path | None = None, *, are_files_compared: bool = False) -> str:
    """Describe in one line how versions and code differ from those that wrote a checkpoint; empty if they do not.

    Args:
        checkpoint: The checkpoint.
        project: The folder of the user's code, if there is one.
        are_files_compared: Whether more is known than that there were uncommitted changes.
    """
    try:
        then = recorded_content(Path(checkpoint), checkpoint)
    except (SourceError, OSError):  # loading the checkpoint reports this error
        return ""
    versions, now = then.get("versions", {}), environment.versions()
    differing = [name for name in now if versions.get(name, now[name]) != now[name]]
    changes = [f"{name} {versions[name]} then, {now[name]} now" for name in differing]
    if then.get("git"):
        changes += _changed_code(then["git"], git_state(project or Path.cwd()), are_files_compared)
    return f"since {checkpoint} was written: {'; '.join(changes)}" if changes else ""


def _changed_code(then: Mapping[str, Any], now: Mapping[str, Any] | None, are_files_compared: bool) -> list[str]:
    if now is None:
        return [f"commit {then['commit'][:_SHORT_COMMIT]} then, no repository now"]
    changes = []
    if then["commit"] != now["commit"]:
        changes.append(f"commit {then['commit'][:_SHORT_COMMIT]} then, {now['commit'][:_SHORT_COMMIT]} now")
    if not are_files_compared:
        changes += ["uncommitted changes then"] * then["dirty"] + ["uncommitted changes now"] * now["dirty"]
    return changes
