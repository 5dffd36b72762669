"""Which checkpoint a stage starts from: ``last``, ``best`` or a file, resolved once and before anything is built."""

import logging
import os
import pickle
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lighter_cli.checkpoints.on_disk import is_checkpoint, is_undamaged
from lighter_cli.errors import CheckpointError
from lighter_cli.runs.inputs import RecordedRun, experiment_files, experiment_overrides
from lighter_cli.runs.record import Record, newest_with_checkpoint, read_records
from lighter_config import (
    RECORDED_CONFIG,
    CheckpointSource,
    Config,
    Finding,
    Place,
    RunSource,
    Stage,
    nearest_names,
)

_logger = logging.getLogger(__name__)

_OPTION = "--ckpt-path"
_HANDED_TO_RANKS = "LIGHTER_CKPT_PATH"


def find_checkpoint(
    config: Config, stage: Stage, *, option: str | os.PathLike[str] | None, runs: Sequence[RecordedRun] = ()
) -> str | None:
    """Find the checkpoint that a stage starts from.

    Args:
        config: The config; ``args::<stage>::ckpt_path`` is used when the option is not given.
        stage: The stage to run.
        option: What ``--ckpt-path`` says: ``last``, ``best``, a file, or an address that Lightning can open.
        runs: The runs among the words. Without another answer, the newest word gives the checkpoint.

    Returns:
        An existing file or folder, an address as it was given, or ``None``.

    Raises:
        CheckpointError: There is no such file, or no earlier run of this experiment has a checkpoint.
    """
    if _HANDED_TO_RANKS in os.environ and os.environ.get("LOCAL_RANK", "0") != "0":
        return os.environ[_HANDED_TO_RANKS] or None
    path = "" if option is not None else f"args::{stage}::ckpt_path"
    given: Any = option
    if option is None and config.has(path) and not any(run.has_set(config.place(path)) for run in runs):
        given = config.resolve(path)
    if given is None:
        return _checkpoint_of_word(runs[-1], stage) if runs else None
    wanted = str(given)
    asked = _Asked(
        path, config.place(path) if path else Place(f"option {_OPTION}"), config.excerpt(path) if path else wanted
    )
    if "://" in wanted:
        return wanted
    if Path(wanted).exists():
        return _readable(wanted, asked)
    which = wanted.removesuffix(".ckpt")
    if which not in ("last", "best"):
        raise _no_such_file(wanted, asked)
    folders = [run for run in runs if isinstance(run.source, RunSource)]
    if folders:
        return _checkpoint_of_run(folders[-1], which, asked)
    return _checkpoint_of_earlier_run(config, which, asked, runs)


def cannot_be_loaded(checkpoint: str, error: pickle.UnpicklingError) -> CheckpointError:
    """Say why a checkpoint that holds more than tensors and plain values was not loaded."""
    named = ", ".join(re.findall(r"GLOBAL ([\w.]+) (?:was not an allowed|whose module)", str(error))) or str(error)
    return CheckpointError(
        Finding(
            message=f"the checkpoint {checkpoint!r} holds more than tensors and plain values: {named}",
            expected=("tensors, numbers, text, lists and mappings; anything else runs code when it is loaded",),
            fix="add --no-weights-only if you trust whoever wrote the file",
        )
    )


@contextmanager
def handed_to_ranks(checkpoint: str | None) -> Iterator[None]:
    """Let the ranks started inside use this checkpoint, rather than look for one of their own.

    Lightning gives each of them its number. A command that a callback starts has none, and finds its own.
    """
    before = os.environ.get(_HANDED_TO_RANKS)
    os.environ[_HANDED_TO_RANKS] = checkpoint or ""
    try:
        yield
    finally:
        if before is None:
            del os.environ[_HANDED_TO_RANKS]
        else:
            os.environ[_HANDED_TO_RANKS] = before


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where a checkpoint was asked for, for errors."""

    path: str
    place: Place | None
    excerpt: str

    def error(self, message: str, **parts: Any) -> CheckpointError:
        return CheckpointError(
            Finding(message=message, path=self.path, place=self.place, excerpt=self.excerpt, **parts)
        )


def _checkpoint_of_word(run: RecordedRun, stage: Stage) -> str | None:
    """Return what a checkpoint or a run's folder among the words stands for when nothing else is asked for."""
    name = run.source.name
    asked = _Asked("", Place("command line", word=run.source.word), name)
    if isinstance(run.source, CheckpointSource):
        return _readable(str(run.source.path), asked)
    if run.content["stage"] != Stage.FIT:
        used = run.content["options"].get("ckpt_path")
        if used is None or "://" in used:
            return used
        used = str(Path(run.content["working_directory"], used))
        if not Path(used).exists():
            raise _no_such_file(used, asked)
        return _readable(used, asked)
    which = "last" if stage is Stage.FIT or run.content["checkpoints"].get("best") is None else "best"
    return _checkpoint_of_run(run, which, asked)


def _checkpoint_of_run(run: RecordedRun, which: str, asked: _Asked) -> str:
    record = Record(run.source.path, run.content)
    checkpoint = record.checkpoint(which)
    if checkpoint is None:
        named = run.content["checkpoints"].get(which)
        raise asked.error(
            f"the run {run.source.name!r} has no {which!r} checkpoint"
            + (f": {named!r} is gone or damaged" if named else ""),
            fix=f"name a checkpoint with {_OPTION}, or start anew with {run.source.path / RECORDED_CONFIG}",
        )
    _logger.info("%s checkpoint of run %s: %s%s", which, run.source.name, checkpoint, _lag(record, checkpoint, which))
    return str(checkpoint)


def _checkpoint_of_earlier_run(config: Config, which: str, asked: _Asked, runs: Sequence[RecordedRun]) -> str:
    files = experiment_files(config, runs)
    if not files:
        raise asked.error(
            f"{which!r} is the {which} checkpoint of earlier runs of the same config files, and there is no file here",
            fix=f"name a checkpoint, or the folder of a run: {_OPTION} FILE",
        )
    records = _of_word(runs, read_records(Path.cwd()))
    record, checkpoint = newest_with_checkpoint(records, files, which)
    if record is None or checkpoint is None:
        raise asked.error(
            f"there is no {which!r} checkpoint: {_why_none(records, files)}",
            expected=("an ended run of the same config files, started in this folder, with a checkpoint",),
            fix="run `lighter fit` first, or name a checkpoint file",
        )
    _logger.info("%s", _description(record, checkpoint, which, experiment_overrides(config, runs)))
    return str(checkpoint)


def _of_word(runs: Sequence[RecordedRun], records: Sequence[Record]) -> Sequence[Record]:
    """Return the run that wrote the checkpoint whose config is used, where its record is here; else all runs."""
    written_by = runs[-1].content.get("id") if runs else None
    return [record for record in records if record.folder.name == written_by] or records


def _why_none(records: Sequence[Record], files: Sequence[str]) -> str:
    runs = [record for record in records if record.files == tuple(files)]
    if not runs:
        return "this experiment has not run in this folder"
    ended = [record for record in runs if record.status != "running"]
    if not ended:
        return "its run has not ended yet"
    return f"{len(ended)} earlier run(s) of this experiment left none"


def _description(record: Record, checkpoint: Path, which: str, overrides: Sequence[str]) -> str:
    text = f"{which} checkpoint of run {record.folder.name} ({record.status}): {checkpoint}"
    text += _lag(record, checkpoint, which)
    then_only = [word for word in record.overrides if word not in overrides]
    now_only = [word for word in overrides if word not in record.overrides]
    differences = [f"then {' '.join(then_only)}"] * bool(then_only) + [f"now {' '.join(now_only)}"] * bool(now_only)
    return f"{text}; overrides differ: {', '.join(differences)}" if differences else text


def _lag(record: Record, checkpoint: Path, which: str) -> str:
    steps = record.num_steps_after(checkpoint) if which == "last" else 0
    return f", {steps} steps before the run ended" if steps else ""


def _readable(checkpoint: str, asked: _Asked) -> str:
    if not is_checkpoint(Path(checkpoint)):
        raise asked.error(
            f"{checkpoint!r} is no checkpoint, or an incomplete one",
            expected=("a file that `torch.save` wrote to its end",),
        )
    if not is_undamaged(Path(checkpoint)):
        raise asked.error(
            f"{checkpoint!r} is damaged: it is not as it was written",
            expected=("a file whose checksums are right",),
            fix="name another checkpoint, or 'last', which passes damaged ones over",
        )
    return checkpoint


def _no_such_file(wanted: str, asked: _Asked) -> CheckpointError:
    file = Path(wanted)
    beside = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
    nearest = nearest_names(file.name, [name for name in beside if name.endswith(".ckpt")])
    return asked.error(
        f"the checkpoint {wanted!r} does not exist",
        expected=("'last', 'best', or an existing file",),
        nearest=nearest_names(wanted, ["last", "best"]) or tuple(str(file.parent / name) for name in nearest),
        fix="correct the path; relative ones start at the working directory",
    )
