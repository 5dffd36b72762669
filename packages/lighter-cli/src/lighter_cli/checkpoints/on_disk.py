"""Find the checkpoints in the folders of a run, and check that they are undamaged, without torch."""

import json
import logging
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lighter_config import RECORD_FILE, SourceError, stored_record
from lighter_config.regular_files import is_regular, open_regular, read_regular
from lighter_config.sources.checkpoints import open_archive

_logger = logging.getLogger(__name__)

_MAX_ENTRIES = 100_000
_FIRST_BYTE_BEFORE_TORCH_1_6 = b"\x80"


def is_checkpoint(path: Path) -> bool:
    """Return whether this can be a complete checkpoint, judging by its last bytes."""
    if path.is_dir():
        # a sharded checkpoint: Lightning writes this file last; the folders of other strategies look different
        return (path / "meta.pt").is_file() or not any(path.glob("*.distcp"))
    try:
        with open_regular(path) as file:
            return zipfile.is_zipfile(file) or (file.seek(0), file.read(1))[1] == _FIRST_BYTE_BEFORE_TORCH_1_6
    except OSError:
        return False


def is_undamaged(path: Path) -> bool:
    """Return whether the checksums of a checkpoint match.

    This reads the whole file: torch itself loads flipped bits silently.
    """
    if not is_checkpoint(path):
        return False
    if path.is_dir():
        return True  # it has no checksums
    try:
        with open_regular(path) as file:
            if not zipfile.is_zipfile(file):
                return True  # nor has the format of torch before 1.6
            with open_archive(file) as archive:
                return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, zlib.error, NotImplementedError):
        return False


def checkpoints_of(run: str, folders: Sequence[str], refused: Path | None) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the undamaged checkpoints of a run in its folders, newest first, each with the record that it carries.

    The newest is that of the highest global step, and of those the last modified: a clock may run backwards.

    Args:
        run: The id of the run.
        folders: The folders to search.
        refused: A checkpoint to skip silently, because it was refused before. Other damaged ones give a warning.
    """
    records: dict[Path, Mapping[str, Any]] = {}
    for file in sorted(set(_files(folders)) - {refused}):
        try:
            record = _record_of(file)
        except (SourceError, OSError, ValueError):
            warn_of_damage(file)
            continue
        if record.get("id") == run:
            records[file] = record
    for file in sorted(records, key=lambda file: _age(file, records[file])):
        if is_undamaged(file):
            yield file, records[file]
        else:
            warn_of_damage(file)


def checkpoints_by_writer(folders: Sequence[str]) -> dict[str, list[Path]]:
    """Return the checkpoints in folders by the ids of the runs that wrote them, damaged ones too if they say it."""
    found: dict[str, list[Path]] = {}
    for file in sorted(set(_files(folders))):
        if isinstance(writer := writer_of(file).get("id"), str):
            found.setdefault(writer, []).append(file)
    return found


def is_of_another_run(file: Path, run: str, *, since: datetime) -> bool:
    """Return whether another run has written this file since the run began.

    An older file is fine: the run may have started from the checkpoint of another run.
    """
    try:
        return writer_of(file).get("id", run) != run and datetime.fromtimestamp(file.stat().st_mtime, UTC) > since
    except OSError:
        return False  # it was removed just now


def writer_of(file: Path) -> Mapping[str, Any]:
    """Return the record of the run that wrote a checkpoint; empty if there is none, or if it is damaged."""
    try:
        return _record_of(file)
    except (SourceError, OSError, ValueError):
        return {}


def warn_of_damage(file: Path) -> None:
    """Warn that a damaged checkpoint is not used."""
    _logger.warning("the checkpoint %s is damaged or incomplete and is skipped", file)


def _files(folders: Sequence[str]) -> Iterator[Path]:
    num_seen = 0
    for folder in folders:
        for parent, inner, names in os.walk(folder):
            for name in (*inner, *names):
                file = Path(parent, name)
                if file.suffix == ".ckpt" and (is_regular(file) or file.is_dir()):  # not a broken link, nor a FIFO
                    yield file
            num_seen += len(inner) + len(names)
            if num_seen > _MAX_ENTRIES:
                _logger.warning("the search for checkpoints in %s ended after %d files and folders", folder, num_seen)
                return


def _age(file: Path, record: Mapping[str, Any]) -> tuple[int, int, str]:
    step = record.get("step")  # missing in checkpoints of earlier versions
    return -(step if isinstance(step, int) else -1), -file.stat().st_mtime_ns, str(file)


def _record_of(file: Path) -> Mapping[str, Any]:
    if file.is_file():
        return _checked(stored_record(file, str(file)))
    record = file / RECORD_FILE
    try:
        return _checked(json.loads(read_regular(record)) if is_regular(record) else {})
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _checked(content: Any) -> Mapping[str, Any]:
    """Return the record in a checkpoint if what is read of it here has the right types.

    Raises:
        ValueError: It has not.
    """
    saved = content.get("checkpoints", {}) if isinstance(content, dict) else None
    if not isinstance(saved, dict) or not isinstance(saved.get("best"), str | None):
        raise ValueError("the record in the checkpoint is damaged")
    return dict(content)
