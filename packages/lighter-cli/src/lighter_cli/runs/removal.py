"""Remove runs: the folders of their records, and the checkpoints that they saved.

A folder is first renamed to a hidden name beside it, which no list finds, so that a killed process leaves no half of a
record. The next removal beside it finishes what is left.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import Any

from lighter_cli.atomic_files import PARTIAL
from lighter_cli.checkpoints.on_disk import checkpoints_by_writer
from lighter_cli.code import CODE_FILE, PATCH_FILE
from lighter_cli.runs.epochs import EPOCHS_FILE
from lighter_cli.runs.index import forget
from lighter_cli.runs.labels import LABELS_FILE
from lighter_cli.runs.moved_record import move_of_record
from lighter_cli.runs.picture_recorder import IMAGES_FILE, IMAGES_FOLDER, MATRICES_FILE, PICTURE_SUFFIX
from lighter_cli.runs.record import Record, read_fields
from lighter_cli.runs.record_writer import RESERVE
from lighter_config import RECORD_FILE, RECORDED_CONFIG, RECORDED_PLACES, Finding, SourceError
from lighter_config.regular_files import is_regular

_FILES = {
    RECORD_FILE, RECORDED_CONFIG, RECORDED_PLACES, CODE_FILE, PATCH_FILE, EPOCHS_FILE, LABELS_FILE, RESERVE,
    IMAGES_FILE, MATRICES_FILE
}  # fmt: skip
_REMOVED = ".removed"


@dataclass(frozen=True, slots=True)
class Removal:
    """What is deleted of a run.

    Attributes:
        record: Its record.
        checkpoints: The checkpoints to delete with it.
        num_bytes: The size of the record.
        num_checkpoint_bytes: The size of the checkpoints.
    """

    record: Record
    checkpoints: tuple[Path, ...]
    num_bytes: int
    num_checkpoint_bytes: int


class Checkpoints:
    """The checkpoints of runs. A folder that several runs share is searched once.

    Args:
        staying: The records of the runs that stay. Their last and best checkpoints stay, too: a run that resumed
            another one names its best checkpoint until it has saved a better one.

    Attributes:
        kept: The checkpoints that stay for that reason.
    """

    def __init__(self, staying: Iterable[Mapping[str, Any]] = ()) -> None:
        self.kept: dict[Path, None] = {}
        self._needed = {os.path.realpath(file) for record in staying for file in _named(record)}
        self._by_folder: dict[str, dict[str, list[Path]]] = {}

    def of(self, record: Record) -> tuple[Path, ...]:
        """Return the checkpoints that say that a run wrote them, in the folders that its record names.

        A copy of a record names those of the original run where it has no folders of its own: they are left out.
        """
        found = dict.fromkeys(file for folder in _own_folders(record) for file in self._in(folder).get(record.id, ()))
        kept = {file: None for file in found if os.path.realpath(file) in self._needed}
        self.kept |= kept
        return tuple(file for file in found if file not in kept)

    def _in(self, folder: str) -> dict[str, list[Path]]:
        if folder not in self._by_folder:
            self._by_folder[folder] = checkpoints_by_writer([folder])
        return self._by_folder[folder]


def removal_of(record: Record, checkpoints: Checkpoints | None = None) -> Removal:
    """Return what is deleted of a run.

    Args:
        record: Its record.
        checkpoints: Where to look for its checkpoints; ``None`` to leave them.

    Raises:
        SourceError: The run is running, or its folder is a link, has other files than a record, or cannot be read.
    """
    _refuse_running(record)
    try:
        num_bytes = sum(size for _, size in _entries(record.folder))
        files = () if checkpoints is None else checkpoints.of(record)
        return Removal(record, files, num_bytes, sum(map(_size, files)))
    except OSError as error:
        message = f"run {record.folder.name} cannot be removed: {error.strerror or error}"
        raise SourceError(Finding(message=message)) from error


def remove(removals: Sequence[Removal]) -> list[tuple[Removal, OSError]]:
    """Delete runs and their checkpoints, and take them off the lists that have them.

    Returns:
        Those that cannot be deleted, with the reason. Their records stay where they are unless their own files cannot
        be deleted.

    Raises:
        OSError: A list, or what an earlier removal left, cannot be changed.
    """
    for parent in {removal.record.folder.parent for removal in removals}:
        finish_removals(parent)
    failed: list[tuple[Removal, OSError]] = []
    here = Path.cwd()  # read before it can be deleted
    removed: dict[Path, list[str]] = {}  # by the working directory whose list may have them
    try:
        for removal in removals:
            try:
                _remove(removal)
            except OSError as error:
                failed.append((removal, error))
            else:
                started_in = Path(removal.record.content["working_directory"])
                for working_directory in {here, started_in}:
                    removed.setdefault(working_directory, []).append(str(removal.record.folder))
    finally:  # last: without its folder, a run on a list tells `prune` where to look for the rest
        for working_directory, folders in removed.items():
            forget(folders, working_directory)
    return failed


def _remove(removal: Removal) -> None:
    folder = removal.record.folder
    hidden = folder.with_name(f".{folder.name}{_REMOVED}")
    folder.rename(hidden)
    try:
        for file in removal.checkpoints:
            _delete_checkpoint(file)
    except OSError:
        hidden.rename(folder)
        raise
    _delete(hidden)


def finish_removals(parent: Path) -> int:
    """Delete what earlier removals left in a folder because their process was killed; return how many they were.

    Raises:
        OSError: Something cannot be deleted.
    """
    num_finished = 0
    with suppress(FileNotFoundError, NotADirectoryError):
        for hidden in sorted(parent.glob(f".*{_REMOVED}")):
            with suppress(SourceError):  # whatever it is, no removal has left it
                _delete(hidden)
                num_finished += 1
    return num_finished


def _refuse_running(record: Record) -> None:
    if record.status != "running":
        return
    process, fix = record.content["process"], "stop it first"
    if process["host"] != gethostname():
        fix += f"; if it has ended on {process['host']} and its record does not say so, delete {record.folder}"
    raise SourceError(Finding(message=f"run {record.folder.name} is running", fix=fix))


def _entries(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the files of the folder of a record, with their sizes.

    Raises:
        SourceError: It is not the folder of a record, or has other files as well.
    """
    if not S_ISDIR(folder.lstat().st_mode):
        raise SourceError(Finding(message=f"{str(folder)!r} is not a folder but a link", fix="name the folder itself"))
    found = list(_walk(folder))
    other = [entry.relative_to(folder) for entry, _, is_of_record in found if not is_of_record]
    if other:
        more = f" and {len(other) - 1:,} more" * (len(other) > 1)
        message = f"the folder of run {folder.name} has other files than a record"
        raise SourceError(Finding(message=message, fix=f"move {folder / other[0]}{more} elsewhere"))
    yield from ((entry, size) for entry, size, _ in found)


def _walk(folder: Path, *, is_of_pictures: bool = False) -> Iterator[tuple[Path, int, bool]]:
    """Yield the files of a folder and of its folder of pictures: each with its size, and whether records have it."""
    for entry in sorted(folder.iterdir()):
        status = entry.lstat()
        if S_ISDIR(status.st_mode) and (is_of_pictures or entry.name == IMAGES_FOLDER):
            yield from _walk(entry, is_of_pictures=True)
            continue
        is_file = S_ISREG(status.st_mode) or S_ISLNK(status.st_mode)
        is_named = entry.suffix == PICTURE_SUFFIX if is_of_pictures else entry.name in _FILES
        yield entry, status.st_size, is_file and (is_named or PARTIAL.fullmatch(entry.name) is not None)


def _delete(folder: Path) -> None:
    for entry, _ in _entries(folder):
        entry.unlink(missing_ok=True)  # a link is deleted, not what it points to
    for parent, _, _ in os.walk(folder, topdown=False):
        Path(parent).rmdir()


def _named(record: Mapping[str, Any]) -> Iterator[str]:
    checkpoints = record["checkpoints"]
    return (checkpoints[which] for which in ("last", "best") if checkpoints.get(which))


def _own_folders(record: Record) -> Sequence[str]:
    """Return the folders of the checkpoints of a run, without those that belong to the run that it is a copy of."""
    present: Sequence[str] = record.content.get("checkpoint_folders", ())
    recorded = read_fields(record.folder)
    move = move_of_record(recorded, record.folder)
    if move is None or not is_regular(Path(move.then, RECORD_FILE)):
        return present
    return [folder for folder in present if folder not in recorded["checkpoint_folders"]]


def _size(file: Path) -> int:
    if file.is_symlink() or not file.is_dir():
        return file.lstat().st_size
    return sum(Path(parent, name).lstat().st_size for parent, _, names in os.walk(file) for name in names)


def _delete_checkpoint(file: Path) -> None:
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)  # a sharded checkpoint; links in it are not followed
    else:
        file.unlink(missing_ok=True)
