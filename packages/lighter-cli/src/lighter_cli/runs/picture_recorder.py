"""Keep the pictures and matrices that callbacks make, and continue those of the run that a fit resumes."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lighter_cli.atomic_files import LineFile, write_atomically
from lighter_cli.runs.index import parsed_lines
from lighter_config.regular_files import is_regular, read_regular

if TYPE_CHECKING:
    from lighter.callbacks import Matrix, Picture

_logger = logging.getLogger(__name__)

IMAGES_FOLDER = "images"
IMAGES_FILE = "images.jsonl"
MATRICES_FILE = "matrices.jsonl"

PICTURE_SUFFIX = ".png"


class PictureRecorder:
    """Keep each picture as ``images/<name>/epoch=NNNN.png`` in the folder of a record, with a line in ``images.jsonl``.

    A line has ``name``, ``epoch``, ``step``, ``file`` (to the folder of the record) and ``caption``; a line of
    ``matrices.jsonl`` has ``name``, ``epoch``, ``step``, ``labels`` and ``matrix``. Of several pictures of one name and
    epoch, the last is kept. A resumed run begins with the pictures of the run before up to the checkpoint, in files
    that share their space on the disk with those of that run, and with ``run``, its id, in their lines.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._lists: dict[str, _List] = {}
        self._has_warned = False

    def start(self, folder: Path) -> None:
        """Keep pictures in the folder of a record, which exists."""
        self._folder = folder
        self._lists = {name: _List(folder / name) for name in (IMAGES_FILE, MATRICES_FILE)}

    def keep_picture(self, picture: Picture) -> None:
        """Write a picture; a problem is a warning."""
        if self._folder is None:
            return
        from lighter.callbacks.pictures.picture import write_picture  # those who read records need no torch

        try:
            file = write_picture(picture, self._folder / IMAGES_FOLDER).relative_to(self._folder).as_posix()
            line = {"name": picture.name, "epoch": picture.epoch, "step": picture.step}
            self._lists[IMAGES_FILE].add({**line, "file": file, "caption": picture.caption})
        except OSError as error:
            self._warn(error)

    def keep_matrix(self, matrix: Matrix) -> None:
        """Write the numbers of a matrix; a problem is a warning."""
        if self._folder is None:
            return
        line = {"name": matrix.name, "epoch": matrix.epoch, "step": matrix.step}
        try:
            self._lists[MATRICES_FILE].add({**line, "labels": list(matrix.labels), "matrix": matrix.counts})
        except OSError as error:
            self._warn(error)

    def resume(self, earlier: Path | None, content: Mapping[str, Any]) -> None:
        """Begin with the pictures of the run that wrote a checkpoint.

        Args:
            earlier: The folder of its record, if it is found.
            content: The record in the checkpoint.
        """
        if self._folder is None or earlier is None or type(content.get("step")) is not int:
            return
        for name, lines in self._lists.items():
            for line in _lines_of(earlier / name):
                if line["step"] > content["step"]:
                    continue
                try:
                    if name == IMAGES_FILE and not _share(earlier, self._folder, line["file"]):
                        continue
                    lines.add({"run": content["id"], **line})
                except OSError as error:
                    self._warn(error)

    def close(self) -> None:
        """Close the files."""
        for lines in self._lists.values():
            lines.close()

    def _warn(self, error: OSError) -> None:
        if not self._has_warned:
            _logger.warning("pictures are not recorded until they can be written: %s", error)
        self._has_warned = True


class _List:
    """A file with a line for each name and epoch."""

    def __init__(self, file: Path) -> None:
        self._path = file
        self._file = LineFile(file)
        self._newest: dict[str, int] = {}  # the last epoch of each name

    def add(self, line: dict[str, Any]) -> None:
        """Append a line, in place of one of the same name and epoch."""
        name, epoch = line["name"], line["epoch"]
        if self._newest.get(name) == epoch:  # of several validations in an epoch
            others = [one for one in _lines_of(self._path) if (one["name"], one["epoch"]) != (name, epoch)]
            self._file.close()
            write_atomically(self._path, "".join(map(_text, others)))
        self._newest[name] = epoch
        self._file.append(_text(line))

    def close(self) -> None:
        self._file.close()


def _text(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _lines_of(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file that have a name, an epoch and a step; none if it does not exist or cannot be read."""
    with suppress(OSError):
        for line in parsed_lines(read_regular(file).splitlines()):
            is_valid = (
                isinstance(line, dict)
                and isinstance(line.get("name"), str)
                and type(line.get("epoch")) is int
                and type(line.get("step")) is int
            )
            if is_valid:
                yield line


def _share(earlier: Path, folder: Path, file: Any) -> bool:
    """Give a picture of an earlier record to another; return whether it has one.

    Another could have written the earlier record: only a picture that lies in it is taken.
    """
    if not is_picture(earlier, file):
        return False
    target = folder / file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(earlier / file, target)  # pictures are replaced, never changed
    except OSError:  # on another disk, or one that has no such links
        shutil.copyfile(earlier / file, target)
    return True


def is_picture(record: Path, file: Any) -> bool:
    """Return whether the ``file`` of a line names a picture in the folder of its record, not one elsewhere."""
    if not isinstance(file, str):
        return False
    path = PurePosixPath(file)
    is_inside = path.parts[:1] == (IMAGES_FOLDER,) and ".." not in path.parts and path.suffix == PICTURE_SUFFIX
    if not is_inside or not is_regular(record / file):
        return False
    return (record / file).resolve() == record.resolve() / file  # no part of it is a link
