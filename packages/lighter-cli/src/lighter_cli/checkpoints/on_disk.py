"""The checkpoints that a run left in its folders, found and judged without torch."""

import json
import logging
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lighter_config import RECORD_FILE, SourceError, stored_record

_logger = logging.getLogger(__name__)

_OF_TORCH_BEFORE_1_6 = b"\x80"


def is_checkpoint(path: Path) -> bool:
    """Say whether this can be a checkpoint that was written to its end, by looking at its last bytes."""
    if path.is_dir():
        # sharded: Lightning writes this file last; other strategies have folders of their own kind
        return (path / "meta.pt").is_file() or not any(path.glob("*.distcp"))
    if zipfile.is_zipfile(path):
        return True
    with path.open("rb") as file:
        return file.read(1) == _OF_TORCH_BEFORE_1_6


def is_undamaged(path: Path) -> bool:
    """Say whether a checkpoint is as it was written, by reading all of it: torch loads flipped bits without a word."""
    if not is_checkpoint(path):
        return False
    if path.is_dir() or not zipfile.is_zipfile(path):
        return True  # without checksums
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError):
        return False


def checkpoints_of(run: str, folders: Sequence[str], refused: Path | None) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Find the undamaged checkpoints of a run in its folders, newest first, each with the record that it carries.

    A damaged one is passed over with a warning; one that was refused before, without a word.
    """
    for file in sorted(set(_files(folders)) - {refused}, key=_age):
        try:
            record = _record_of(file)
        except (SourceError, OSError, ValueError):
            warn_of_damage(file)
            continue
        if record.get("id") != run:
            continue
        if is_undamaged(file):
            yield file, record
        else:
            warn_of_damage(file)


def is_of_another_run(file: Path, run: str, *, since: datetime) -> bool:
    """Say whether another run has written a checkpoint since this one began; what it began with may be another's."""
    try:
        writer = _record_of(file).get("id", run)
        return writer != run and datetime.fromtimestamp(file.stat().st_mtime, UTC) > since
    except (SourceError, OSError, ValueError):
        return False  # no record in it


def warn_of_damage(file: Path) -> None:
    """Say that a checkpoint is not used."""
    _logger.warning("the checkpoint %s is damaged or incomplete and passed over", file)


def _files(folders: Sequence[str]) -> Iterator[Path]:
    for folder in folders:
        for file in Path(folder).rglob("*.ckpt"):
            if file.exists():  # a link may lead nowhere
                yield file


def _age(file: Path) -> tuple[int, str]:
    return -file.stat().st_mtime_ns, str(file)


def _record_of(file: Path) -> Mapping[str, Any]:
    if file.is_file():
        return stored_record(file, str(file))
    record = file / RECORD_FILE
    content: Mapping[str, Any] = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    return content
