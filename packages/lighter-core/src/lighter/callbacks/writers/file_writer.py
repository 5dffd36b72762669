"""Write each prediction into a file."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from lighter.callbacks.writers.file_formats import Save, find_file_format
from lighter.callbacks.writers.prediction_writer import PredictionWriter, Sample, WriterMode
from lighter.errors import WriterError

_LONGEST_NAME = 180  # bytes; file systems allow 255 for a name with its suffix
_SAFE = frozenset("._-+=@,()[]{} ")


class FileWriter(PredictionWriter):
    """Write one value of a step's output into a file for each sample.

    Files are named by ``name_key``, else by the sample's index with six digits (``000012``; ``rank1_000012`` where the
    index counts on one rank only). Dots in names survive. Every character that could lead out of the directory is
    written as ``%`` and its bytes, so that two names never give the same file. Several loaders get folders
    ``dataloader_idx_{N}``. ``samples.csv`` lists every index with its file, in dataset order across ranks. The
    directory appears after the last batch; see `PredictionWriter`.

    Args:
        directory: The folder of the files: a new or empty directory, or the output of an earlier run. With several
            modes each gets a directory in it.
        value_key: The key of the value to write, one for each sample: a tensor, mapping or sequence.
        format: ``tensor`` (``.pt``), ``image_2d`` (``.png``), ``image_3d`` (``.tiff``, one page for each slice),
            ``text`` (``.txt``), a name given to `register_file_format`, or a function ``(file, value)`` that writes
            exactly this file.
        name_key: The key of the value that names the file: text or an integer, different for every sample.
        modes: When to write: ``val``, ``test``, ``predict``.

    Raises:
        WriterError: The format does not exist. Later: the directory has other files, the step did not return the key,
            two samples have the same name, or the format cannot write the value.
    """

    def __init__(
        self,
        directory: str | Path,
        value_key: str = "pred",
        format: str | Save = "tensor",  # noqa: A002
        name_key: str | None = None,
        modes: Sequence[WriterMode] = ("predict",),
    ) -> None:
        super().__init__(
            directory, {"value": value_key} | ({} if name_key is None else {"name": name_key}), modes=modes
        )
        self.format = find_file_format(format)

    def write(self, sample: Sample, folder: Path) -> Mapping[str, Any]:
        """Write the value of a sample into its file."""
        name = _name_of(sample)
        file = folder / f"{_file_name(name)}{self.format.suffix}"
        try:
            # "x": an existing name is an error, also if another rank made it, or on a disk that ignores case
            file.open("xb").close()
        except FileExistsError as error:
            raise WriterError(
                f"name {name!r} is given twice: to sample {sample.index} and to an earlier sample",
                where=f"{type(self).__name__}, {sample.mode}",
                expected="a different name for every sample",
                fix="name files by another value, or remove name_key to name them by their index",
            ) from error
        try:
            self.format.save(file, sample.values["value"])
        except Exception as error:
            error.add_note(f"while writing sample {sample.index} into `{file.name}`")
            raise
        if not self.format.suffix and file.stat().st_size == 0:
            raise WriterError(
                f"`{file.name}` is empty: the function given as format did not write it",
                where=type(self).__name__,
                expected="a function that writes exactly the given file",
                fix='if the function adds a suffix, register it with one: @register_file_format("mine", suffix=".npy")',
            )
        return {"name": name, "file": file.name}


def _name_of(sample: Sample) -> str:
    if "name" not in sample.values:
        return f"{sample.index:06d}" if sample.rank is None else f"rank{sample.rank}_{sample.index:06d}"
    name = sample.values["name"]
    if isinstance(name, Tensor | np.ndarray | np.generic) and name.ndim == 0:
        name = name.item()
    if isinstance(name, os.PathLike):
        name = os.fspath(name)
    if not isinstance(name, str | int) or isinstance(name, bool) or name == "":
        raise WriterError(
            f"invalid file name {name!r} of sample {sample.index}",
            where=f"FileWriter, {sample.mode}",
            expected="text or an integer",
            fix="set name_key to a key such as `identifier`, or remove it to name files by their index",
        )
    return str(name)


def _file_name(name: str) -> str:
    """Return a file name for any text, a different name for every text.

    >>> _file_name("scan.v1"), _file_name("../a b/c")
    ('scan.v1', '..%2Fa b%2Fc')
    >>> _file_name("..")
    '%2E%2E'
    """
    if not name.strip("."):
        return "%2E" * len(name)
    safe = "".join(
        character
        if character.isalnum() or character in _SAFE
        else "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
        for character in name
    )
    if len(encoded := safe.encode()) > _LONGEST_NAME:
        # no other name has "~", as it is not a safe character
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return f"{encoded[: _LONGEST_NAME - 33].decode(errors='ignore')}~{digest}"
    return safe
