"""Write predictions into a table."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lighter.callbacks.writers.prediction_writer import PredictionWriter, Sample, WriterMode
from lighter.callbacks.writers.sample_values import Key
from lighter.errors import WriterError

_PLACE_COLUMNS = ("index", "rank", "dataloader_idx")


class CsvWriter(PredictionWriter):
    """Write values of a step's output into a CSV file, one row for each sample, in dataset order across ranks.

    The first column is ``index``, the sample's index in the dataset (`PredictionWriter` says how it is known, and
    when a column ``rank`` follows); several loaders add ``dataloader_idx``. A number, text or scalar tensor fills one
    cell. A vector of ``C`` values, such as a row of logits ``(B, C)``, fills the columns ``pred/0`` to ``pred/{C-1}``;
    a mapping fills ``metrics/{key}``. A list of any length is one cell of JSON. ``None`` is an empty cell. Text is not
    changed, not even ``NA``, and floats have as many digits as their type needs.

    Args:
        path: The file. With several modes each gets its own: ``preds.csv`` becomes ``preds.val.csv``.
        keys: Keys of the step's output, each a column of that name; or a mapping from column names to keys or
            functions, such as ``{"digit": lambda output: output["pred"].argmax(dim=1)}``.
        modes: When to write: ``val``, ``test``, ``predict``.

    Raises:
        WriterError: Keys are missing, given twice, or named ``index``, ``rank`` or ``dataloader_idx``. Later: a value
            has two or more dimensions for each sample, or other columns than before.
    """

    def __init__(
        self,
        path: str | Path,
        keys: Sequence[str] | Mapping[str, Key],
        modes: Sequence[WriterMode] = ("predict",),
    ) -> None:
        _check_keys(keys)
        super().__init__(path, keys if isinstance(keys, Mapping) else {key: key for key in keys}, modes=modes)

    def write(self, sample: Sample, folder: Path) -> Mapping[str, Any]:
        """Return the values of a sample as cells."""
        cells: dict[str, Any] = {}
        for name, value in sample.values.items():
            _add_cells(cells, name, value)
        return cells

    def output_path(self, mode: str) -> Path:
        """Return the file of a mode."""
        if len(self.modes) == 1:
            return self._path
        return self._path.with_name(f"{self._path.stem}.{mode}{self._path.suffix}")

    def check_target(self, target: Path) -> None:
        """Raise if the path is a directory."""
        if target.is_dir():
            raise WriterError(
                f"`{target}` is a directory",
                where=type(self).__name__,
                expected="the path of a file",
                fix=f"for example {target / 'predictions.csv'}",
            )

    def output_of(self, content: Path) -> Path:
        """Return the table, without the folder."""
        return content / "samples.csv"


def _check_keys(keys: Sequence[str] | Mapping[str, Key]) -> None:
    expected = "a list of keys of the step's output, or a mapping from columns to keys or functions"
    if isinstance(keys, str) or not keys:
        raise WriterError(
            f"`keys` must name columns, got {keys!r}",
            where="CsvWriter",
            expected=expected,
            fix=f"for example keys=[{keys or 'pred'!r}]",
        )
    names = list(keys)
    values = list(keys.values()) if isinstance(keys, Mapping) else names
    for name, key in zip(names, values, strict=True):
        if not isinstance(name, str) or not (isinstance(key, str) or callable(key)):
            raise WriterError(
                f"invalid key {key!r} for column {name!r}" if isinstance(keys, Mapping) else f"invalid key {key!r}",
                where="CsvWriter",
                expected=expected,
            )
        if name in _PLACE_COLUMNS:
            raise WriterError(
                f"invalid column `{name}`: CsvWriter itself writes a column of this name",
                where="CsvWriter",
                fix=f'remove it, or give it another name: keys={{"my_{name}": "{name}"}}',
            )
        if names.count(name) > 1:
            raise WriterError(f"`{name}` is given twice in `keys`", where="CsvWriter", fix="give each key once")


def _add_cells(cells: dict[str, Any], name: str, value: Any) -> None:
    """Add the cells of one value to a row."""
    if isinstance(value, Tensor):
        value = (value.float() if value.dtype in (torch.bfloat16, torch.float16) else value).numpy()
    if value is None or isinstance(value, str | int | float | Path):
        cells[name] = value
    elif isinstance(value, np.ndarray | np.generic) and value.size == 1:
        cells[name] = value.flat[0]
    elif isinstance(value, np.ndarray) and value.ndim == 1:
        cells.update((f"{name}/{i}", item) for i, item in enumerate(value))
    elif isinstance(value, Mapping | tuple):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            _add_cells(cells, f"{name}/{key}", item)
    elif isinstance(value, list):
        cells[name] = json.dumps(value, default=_plain, ensure_ascii=False)
    else:
        shape = f" of shape {tuple(value.shape)}" if isinstance(value, np.ndarray) else ""
        raise WriterError(
            f"`{name}` must fit into cells, got a {type(value).__name__}{shape} for each sample",
            where="CsvWriter",
            expected="numbers, text, vectors, lists, or mappings of these",
            fix=f"reduce it to numbers, keys={{{name!r}: lambda output: output[{name!r}].flatten(1).mean(1)}}, or "
            "store it with FileWriter",
        )


def _plain(value: Any) -> Any:
    """Turn a value into one that JSON can write."""
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return value.tolist()
    return str(value)
