"""Find the checkpoint that a stage starts from, once and before anything is built."""

import logging
import os
import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from typing import Any

from lighter_cli.checkpoints.on_disk import is_checkpoint, is_undamaged
from lighter_cli.distributed.slurm_restart import checkpoint_of_restarted_job
from lighter_cli.errors import CheckpointError
from lighter_cli.runs.index import name_of
from lighter_cli.runs.inputs import RecordedRun, experiment_files, experiment_overrides
from lighter_cli.runs.listing import ListedRun, listed_runs, recorded_folders
from lighter_cli.runs.record import Record, newest_with_checkpoint
from lighter_cli.terminal.argument_names import place_of, spelled
from lighter_config import (
    RECORDED_CONFIG,
    CheckpointSource,
    Config,
    Finding,
    Place,
    RunSource,
    Stage,
    nearest_names,
    resolved,
)
from lighter_config.regular_files import exists, is_folder
from lighter_config.sources.file_names import shown

_logger = logging.getLogger(__name__)

_SHARED_VARIABLE = "LIGHTER_CKPT_PATH"


def start_checkpoint(
    config: Config, stage: Stage, *, option: str | os.PathLike[str] | None = None, runs: Sequence[RecordedRun] = ()
) -> str | None:
    """Return the checkpoint that a stage starts from. The first of these that names one decides:

    1. In a rank that Lightning started: the checkpoint of rank zero, or none if it has none.
    2. In fit: the newest checkpoint of this fit, if SLURM restarted its job: the first start used all below.
    3. The option ``--ckpt-path``, in Python ``ckpt_path``.
    4. ``args::<stage>::ckpt_path``, unless a run among the inputs set it.
    5. The last run among the inputs.

    Args:
        config: The config.
        stage: The stage to run.
        option: The value of that option: ``last``, ``best``, a file, or an address that Lightning can open.
        runs: The runs among the inputs.

    Returns:
        An existing file or folder, an address as it was given, or ``None``.

    Raises:
        CheckpointError: The file does not exist, or no earlier run of this experiment has a checkpoint.
    """
    if _SHARED_VARIABLE in os.environ and os.environ.get("LOCAL_RANK", "0") != "0":
        return os.environ[_SHARED_VARIABLE] or None
    if stage is Stage.FIT:
        files, overrides = experiment_files(config, runs), experiment_overrides(config, runs)
        if checkpoint := checkpoint_of_restarted_job(os.environ, files, overrides):
            return checkpoint
    if wanted := _wanted_by_option(option) or _wanted_by_args(config, stage, runs):
        return find_checkpoint(wanted, config, runs)
    return _checkpoint_of_input(runs[-1], stage) if runs else None


def find_checkpoint(wanted: "Wanted", config: Config, runs: Sequence[RecordedRun] = ()) -> str:
    """Find a checkpoint by name: an address, an existing file, or ``last`` or ``best`` of an earlier run.

    Raises:
        CheckpointError: There is none, or it is damaged.
    """
    if "://" in wanted.name:
        return wanted.name
    if exists(wanted.name):
        return _readable(wanted.name, wanted)
    which = wanted.name.removesuffix(".ckpt")
    if which not in ("last", "best"):
        raise _no_such_file(wanted.name, wanted)
    folders = [run for run in runs if isinstance(run.source, RunSource)]
    if folders:
        return _checkpoint_of_run(folders[-1], which, wanted)
    return _checkpoint_of_earlier_run(config, which, wanted, runs)


def cannot_be_loaded(checkpoint: str, error: pickle.UnpicklingError, fix: str = "") -> CheckpointError:
    """Return the error for a checkpoint that holds more than tensors and plain values.

    Args:
        checkpoint: The checkpoint.
        error: What torch raised.
        fix: What to do if one trusts it; without a text, to give the argument of a stage.
    """
    found = ", ".join(re.findall(r"GLOBAL ([\w.]+) (?:was not an allowed|whose module)", str(error))) or str(error)
    argument = spelled("--no-weights-only", "weights_only=False")
    return CheckpointError(
        Finding(
            message=f"the checkpoint {checkpoint!r} holds more than tensors and plain values: {found}",
            expected=("tensors, numbers, text, lists and mappings; anything else runs code when it is loaded",),
            fix=fix or f"add {argument} if you trust whoever wrote the file",
        )
    )


def refuse_folder(checkpoint: str | None) -> None:
    """Refuse a sharded checkpoint with ``--safe``: torch unpickles parts of it, also with ``weights_only``.

    Raises:
        CheckpointError: The checkpoint is a folder.
    """
    if checkpoint is not None and is_folder(checkpoint):
        raise CheckpointError(
            Finding(
                message=f"{spelled('--safe', 'safe=True')} refuses a folder as the checkpoint: {checkpoint!r}",
                expected=("a checkpoint in one file; parts of a sharded one are unpickled, which can run any code",),
                fix=f"add {spelled('--no-weights-only', 'weights_only=False')} if you trust whoever wrote it",
            )
        )


def check_args_were_read(config: Config, stage: Stage, args: Mapping[str, Any]) -> None:
    """Check that ``ckpt_path`` of the built arguments is one that the search for a checkpoint has read.

    Raises:
        CheckpointError: An expression or an object gave it, so it became known after the search.
    """
    if args.get("ckpt_path") is None or resolved(config).has(f"args::{stage}::ckpt_path"):
        return
    path = f"args::{stage}" if config.has(f"args::{stage}") else "args"
    raise CheckpointError(
        Finding(
            message=f"{path} gives ckpt_path, which is known only after the checkpoint is chosen",
            path=path,
            place=config.place(path),
            excerpt=config.excerpt(path),
            expected=("a mapping, or a reference to one, with `ckpt_path` as text",),
            fix=f"write args::{stage}::ckpt_path={args['ckpt_path']}, or use {spelled('--ckpt-path', 'ckpt_path=')}",
        )
    )


@contextmanager
def shared_with_ranks(checkpoint: str | None) -> Iterator[None]:
    """Make the ranks that Lightning starts inside use this checkpoint instead of searching for one.

    Lightning gives each of these ranks a number. A command that a callback starts has no number and searches.
    """
    before = os.environ.get(_SHARED_VARIABLE)
    os.environ[_SHARED_VARIABLE] = checkpoint or ""
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SHARED_VARIABLE]
        else:
            os.environ[_SHARED_VARIABLE] = before


@dataclass(frozen=True, slots=True)
class Wanted:
    """A checkpoint that the user named.

    Attributes:
        name: ``last``, ``best``, a file or an address.
        path: The path in the config that names it; empty outside the config.
        place: Where it is named.
        excerpt: What is written there.
    """

    name: str
    path: str
    place: Place | None
    excerpt: str

    def error(self, message: str, **parts: Any) -> CheckpointError:
        """Return an error that shows where the checkpoint is named."""
        return CheckpointError(
            Finding(message=message, path=self.path, place=self.place, excerpt=self.excerpt, **parts)
        )


def _wanted_by_option(option: str | os.PathLike[str] | None) -> Wanted | None:
    if option is None:
        return None
    return Wanted(str(option), "", place_of("--ckpt-path", "ckpt_path"), str(option))


def _wanted_by_args(config: Config, stage: Stage, runs: Sequence[RecordedRun]) -> Wanted | None:
    path = f"args::{stage}::ckpt_path"
    if not config.has(path) and config.has("args"):
        config = resolved(config)  # `args` or the stage's arguments may be a reference to a mapping
    if not config.has(path) or any(run.has_set(config.place(path)) for run in runs):
        return None
    name = config.resolve(path)
    return None if name is None else Wanted(str(name), path, config.place(path), config.excerpt(path))


def _checkpoint_of_input(run: RecordedRun, stage: Stage) -> str | None:
    """Return the checkpoint that a checkpoint file or a run folder among the inputs stands for."""
    name = run.source.name
    wanted = Wanted(name, "", Place.of_input(run.source.word, run.source.caller), name)
    if isinstance(run.source, CheckpointSource):
        return _readable(str(run.source.path), wanted)
    if run.content["stage"] != Stage.FIT:
        used = run.content["options"].get("ckpt_path")
        if used is None or "://" in used:
            return used
        used = str(Path(run.content["working_directory"], used))
        if not exists(used):
            raise _no_such_file(used, wanted)
        return _readable(used, wanted)
    checkpoints = run.content["checkpoints"]
    has_no_best = checkpoints.get("best") is None and not checkpoints.get("nan")
    which = "last" if stage is Stage.FIT or has_no_best else "best"
    return _checkpoint_of_run(run, which, wanted)


def _checkpoint_of_run(run: RecordedRun, which: str, wanted: Wanted) -> str:
    record = Record(run.source.path, run.content)
    checkpoint = record.checkpoint(which)
    if checkpoint is None:
        named = run.content["checkpoints"].get(which)
        raise wanted.error(
            f"the run {run.source.name!r} has no {which!r} checkpoint"
            + (f": {named!r} is missing or damaged" if named else "")
            + (": it saved nan weights" if not named and run.content["checkpoints"].get("nan") else ""),
            fix=f"name a checkpoint with {spelled('--ckpt-path', 'ckpt_path=')}, "
            f"or start from scratch with {run.source.path / RECORDED_CONFIG}",
        )
    lag = _lag(record, checkpoint, which)
    _logger.info("%s checkpoint of run %s: %s%s", which, run.source.name, shown(checkpoint), lag)
    return str(checkpoint)


def _checkpoint_of_earlier_run(config: Config, which: str, wanted: Wanted, runs: Sequence[RecordedRun]) -> str:
    files = experiment_files(config, runs)
    if not files:
        raise wanted.error(
            f"{which!r} needs a config file, but no input is one",
            expected=(f"a config file, whose earlier runs have a {which} checkpoint",),
            fix=f"name a checkpoint, or the folder of a run: {spelled('--ckpt-path FILE', 'ckpt_path=FILE')}",
        )
    gone: list[str] = []
    listed, tried = tee(run for run in _only_writer_of_input(runs, gone) if run.is_of(files, str(Path.cwd())))
    records = (record for run in listed if (record := run.record()) is not None)
    record, checkpoint = newest_with_checkpoint(records, which)
    if record is None or checkpoint is None:
        raise wanted.error(
            f"no {which!r} checkpoint: {_why_none(list(tried), len(gone))}",
            expected=("an ended run of the same config files, started in this folder, with a checkpoint",),
            fix=f"{spelled('run `lighter fit`', 'call `fit`')} first, or name a checkpoint file",
        )
    _logger.info("%s", _description(record, checkpoint, which, experiment_overrides(config, runs)))
    return str(checkpoint)


def _only_writer_of_input(runs: Sequence[RecordedRun], gone: list[str]) -> Iterator[ListedRun]:
    """Yield only the run that wrote the input checkpoint if its record is in this folder; otherwise yield all runs."""
    if not runs or (written_by := runs[-1].content.get("id")) is None:
        return listed_runs(Path.cwd(), gone=gone)
    folders = recorded_folders(Path.cwd(), gone)
    writers = list(listed_runs(Path.cwd(), [folder for folder in folders if name_of(folder) == written_by]))
    return iter(writers) if writers else listed_runs(Path.cwd(), folders)


def _why_none(runs: Sequence[ListedRun], num_gone: int) -> str:
    if not runs and num_gone:
        return f"the folders of {num_gone:,} run(s) started here are gone"
    if not runs:
        return "this experiment has not run in this folder"
    ended = [run for run in runs if run.status != "running"]
    if not ended:
        return "its run has not ended yet"
    return f"{len(ended)} earlier run(s) of this experiment left none"


def _description(record: Record, checkpoint: Path, which: str, overrides: Sequence[str]) -> str:
    text = f"{which} checkpoint of run {record.folder.name} ({record.status}): {shown(checkpoint)}"
    text += _lag(record, checkpoint, which)
    then_only = [word for word in record.overrides if word not in overrides]
    now_only = [word for word in overrides if word not in record.overrides]
    differences = [f"then {' '.join(then_only)}"] * bool(then_only) + [f"now {' '.join(now_only)}"] * bool(now_only)
    return f"{text}; overrides differ: {', '.join(differences)}" if differences else text


def _lag(record: Record, checkpoint: Path, which: str) -> str:
    steps = record.num_steps_after(checkpoint) if which == "last" else 0
    lag = f", {steps} steps before the run ended" if steps else ""
    has_nan = str(checkpoint) in record.content["checkpoints"].get("nan", ())
    return f"{lag}, of nan weights" if has_nan else lag


def _readable(checkpoint: str, wanted: Wanted) -> str:
    if not is_checkpoint(Path(checkpoint)):
        raise wanted.error(
            f"{checkpoint!r} is not a complete checkpoint file",
            expected=("a file that `torch.save` wrote completely",),
        )
    if not is_undamaged(Path(checkpoint)):
        raise wanted.error(
            f"{checkpoint!r} is damaged: its checksums do not match",
            expected=("a file that has not changed since it was written",),
            fix="name another checkpoint, or use 'last', which skips damaged ones",
        )
    return checkpoint


def _no_such_file(name: str, wanted: Wanted) -> CheckpointError:
    file = Path(name)
    beside = [entry.name for entry in file.parent.iterdir()] if is_folder(file.parent) else []
    nearest = nearest_names(file.name, [other for other in beside if other.endswith(".ckpt")])
    return wanted.error(
        f"the checkpoint {name!r} does not exist",
        expected=("'last', 'best', or an existing file",),
        nearest=nearest_names(name, ["last", "best"]) or tuple(str(file.parent / other) for other in nearest),
        fix="correct the path; relative ones start at the working directory",
    )
