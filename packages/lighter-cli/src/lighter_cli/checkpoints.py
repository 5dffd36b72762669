"""Which checkpoint a stage starts from: ``last``, ``best`` or a file, resolved once and before anything is built."""

import logging
import os
import pickle
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lighter_cli.errors import CheckpointError
from lighter_cli.records import Record, newest_with_checkpoint, read_records
from lighter_config import Config, Finding, Place, Stage, nearest_names

_logger = logging.getLogger(__name__)

_OPTION = "--ckpt-path"
_HANDED_TO_RANKS = "LIGHTER_CKPT_PATH"


def find_checkpoint(config: Config, stage: Stage, *, option: str | os.PathLike[str] | None) -> str | None:
    """Find the checkpoint that a stage starts from.

    Args:
        config: The config; ``args::<stage>::ckpt_path`` is used when the option is not given.
        stage: The stage to run.
        option: What ``--ckpt-path`` says: ``last``, ``best``, a file, or an address that Lightning can open.

    Returns:
        An existing file or folder, an address as it was given, or ``None``.

    Raises:
        CheckpointError: There is no such file, or no earlier run of this experiment has a checkpoint.
    """
    if _HANDED_TO_RANKS in os.environ:
        return os.environ[_HANDED_TO_RANKS] or None
    path = "" if option is not None else f"args::{stage}::ckpt_path"
    given = option if option is not None else config.resolve(path) if config.has(path) else None
    if given is None:
        return None
    place = config.place(path) if path else Place(f"option {_OPTION}")
    excerpt = config.excerpt(path) if path else str(given)
    wanted = str(given)
    if "://" in wanted:
        return wanted
    if Path(wanted).exists():
        if not _is_readable(Path(wanted)):
            raise CheckpointError(
                Finding(
                    message=f"{wanted!r} is no checkpoint, or an incomplete one",
                    path=path,
                    place=place,
                    excerpt=excerpt,
                    expected=("a file that `torch.save` wrote to its end",),
                )
            )
        return wanted
    which = wanted.removesuffix(".ckpt")
    if which in ("last", "best"):
        return str(_checkpoint_of_earlier_run(config, which, path=path, place=place, excerpt=excerpt))
    raise _no_such_file(wanted, path=path, place=place, excerpt=excerpt)


def cannot_be_loaded(checkpoint: str, error: pickle.UnpicklingError) -> CheckpointError:
    """Say why a checkpoint that holds more than tensors and plain values was not loaded."""
    named = ", ".join(re.findall(r"GLOBAL ([\w.]+) was not an allowed", str(error))) or str(error)
    return CheckpointError(
        Finding(
            message=f"the checkpoint {checkpoint!r} holds more than tensors and plain values: {named}",
            expected=("tensors, numbers, text, lists and mappings; anything else runs code when it is loaded",),
            fix="add --no-weights-only if you trust whoever wrote the file",
        )
    )


@contextmanager
def handed_to_ranks(checkpoint: str | None) -> Iterator[None]:
    """Let processes started inside use this checkpoint, rather than look for one of their own."""
    before = os.environ.get(_HANDED_TO_RANKS)
    os.environ[_HANDED_TO_RANKS] = checkpoint or ""
    try:
        yield
    finally:
        if before is None:
            del os.environ[_HANDED_TO_RANKS]
        else:
            os.environ[_HANDED_TO_RANKS] = before


def _checkpoint_of_earlier_run(config: Config, which: str, *, path: str, place: Place | None, excerpt: str) -> Path:
    records = read_records(Path.cwd())
    files = [str(file) for file in config.files]
    record = newest_with_checkpoint(records, files, which)
    checkpoint = record.checkpoint(which) if record is not None else None
    if record is None or checkpoint is None:
        raise CheckpointError(
            Finding(
                message=f"there is no {which!r} checkpoint: {_why_none(records, files)}",
                path=path,
                place=place,
                excerpt=excerpt,
                expected=("an ended run of the same config files, started in this folder, with a checkpoint",),
                fix="run `lighter fit` first, or name a checkpoint file",
            )
        )
    _logger.info(_description(record, checkpoint, which, config))
    return checkpoint


def _why_none(records: Sequence[Record], files: Sequence[str]) -> str:
    runs = [record for record in records if record.files == tuple(files)]
    if not runs:
        return "this experiment has not run in this folder"
    ended = [record for record in runs if record.status != "running"]
    if not ended:
        return "its run has not ended yet"
    return f"{len(ended)} earlier run(s) of this experiment left none"


def _description(record: Record, checkpoint: Path, which: str, config: Config) -> str:
    text = f"{which} checkpoint of run {record.folder.name} ({record.status}): {checkpoint}"
    overrides = config.overrides
    then_only = [word for word in record.overrides if word not in overrides]
    now_only = [word for word in overrides if word not in record.overrides]
    differences = [f"then {' '.join(then_only)}"] * bool(then_only) + [f"now {' '.join(now_only)}"] * bool(now_only)
    return f"{text}; overrides differ: {', '.join(differences)}" if differences else text


def _is_readable(path: Path) -> bool:
    """Say whether this can be a checkpoint: a folder (sharded), a whole archive, or a pickle as before torch 1.6."""
    if path.is_dir() or zipfile.is_zipfile(path):
        return True
    with path.open("rb") as file:
        return file.read(1) == b"\x80"


def _no_such_file(wanted: str, *, path: str, place: Place | None, excerpt: str) -> CheckpointError:
    file = Path(wanted)
    beside = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
    nearest = nearest_names(file.name, [name for name in beside if name.endswith(".ckpt")])
    return CheckpointError(
        Finding(
            message=f"the checkpoint {wanted!r} does not exist",
            path=path,
            place=place,
            excerpt=excerpt,
            expected=("'last', 'best', or an existing file",),
            nearest=tuple(str(file.parent / name) for name in nearest),
            fix="correct the path; relative ones start at the working directory",
        )
    )
