"""The curve of a fit: ``epochs.jsonl`` in the folder of its record has one line for each epoch."""

import json
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lighter_cli.runs.index import parsed_lines
from lighter_cli.runs.record_fields import is_moment
from lighter_config.regular_files import open_regular

_logger = logging.getLogger(__name__)

EPOCHS_FILE = "epochs.jsonl"

_MAX_BYTES = 128 * 2**20  # 100,000 epochs of about fifty values
_END_OF_COUNTS = 2**63
_ENCODER = json.JSONEncoder(allow_nan=False)
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}  # as protobuf's JSON names them


class Epoch(NamedTuple):  # made several times faster than a dataclass
    """What is recorded of one epoch.

    Attributes:
        epoch: Its number, from 0.
        step: The optimizer steps made when it ended, over all epochs.
        time_s: Seconds between the start of the run that ended the epoch and the end of the epoch.
        at: When it ended, in ISO format.
        metrics: The values that the epoch logged, by name. A value of an earlier epoch is not among them.
        run: The id of the earlier run that ended the epoch; ``None`` for the run itself.
    """

    epoch: int
    step: int
    time_s: float
    at: str
    metrics: Mapping[str, float]
    run: str | None = None


def read_epochs(folder: str | os.PathLike[str]) -> list[Epoch]:
    """Read the epochs of the run whose record is in a folder, in order; empty for records without a curve.

    An incomplete last line, which a killed process leaves, is skipped. Other damaged lines, and a file that cannot be
    read or has more than 128 MiB, are skipped with one warning that names the file and the first damaged line.
    """
    file = Path(folder, EPOCHS_FILE)
    try:
        content = _read(file)
    except FileNotFoundError:
        return []
    except OSError as error:
        _logger.warning("the epochs in %s cannot be read: %s", file, error.strerror or error)
        return []
    lines = content.splitlines()
    found = [epoch_of(value) for value in parsed_lines(lines)]
    if found and found[-1] is None and not content.endswith(b"\n"):
        found.pop()
    damaged = [number for number, epoch in enumerate(found, 1) if epoch is None]
    if damaged:
        more = f", and {len(damaged) - 1:,} more" if len(damaged) > 1 else ""
        _logger.warning("line %d of %s is damaged and is skipped%s", damaged[0], file, more)
    return [epoch for epoch in found if epoch is not None]


def epoch_of(value: Any) -> Epoch | None:
    """Return the epoch that the value of one line describes; ``None`` if a field is missing or wrong."""
    try:
        epoch = Epoch(value["epoch"], value["step"], value["time_s"], value["at"], value["metrics"], value.get("run"))
    except (TypeError, KeyError, AttributeError):
        return None
    is_valid = (
        is_count(epoch.epoch)
        and is_count(epoch.step)
        and type(epoch.time_s) in (int, float)
        and is_moment(epoch.at)
        and isinstance(epoch.metrics, dict)
        and isinstance(epoch.run, str | None)
    )
    if not is_valid:
        return None
    if set(map(type, epoch.metrics.values())) <= {float}:  # nearly always
        return epoch
    try:
        return epoch._replace(metrics={name: _number(value) for name, value in epoch.metrics.items()})
    except (ValueError, OverflowError):
        return None


def fields_of(epoch: Epoch) -> dict[str, Any]:
    """Return the fields of the line of an epoch. JSON has no nan, so it is the text ``NaN``, as ``Infinity`` is."""
    fields: dict[str, Any] = {**epoch._asdict(), "time_s": round(epoch.time_s, 3)}
    fields["metrics"] = {name: as_json_number(value) for name, value in epoch.metrics.items()}
    if epoch.run is None:
        del fields["run"]
    return fields


def line_of(epoch: Epoch) -> str:
    """Return the line of an epoch, with its end."""
    return _ENCODER.encode(fields_of(epoch)) + "\n"


def as_json_number(value: float) -> float | str:
    """Return a number as every reader of JSON accepts it.

    >>> as_json_number(0.5), as_json_number(float("-inf"))
    (0.5, '-Infinity')
    """
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _read(file: Path) -> bytes:
    with open_regular(file) as stream:
        if os.fstat(stream.fileno()).st_size > _MAX_BYTES:
            raise OSError(f"it has more than {_MAX_BYTES // 2**20} MiB")
        return stream.read(_MAX_BYTES)


def is_count(value: Any) -> bool:
    """Return whether a value is an integer that is not negative and has at most 63 bits."""
    return type(value) is int and 0 <= value < _END_OF_COUNTS


def _number(value: Any) -> float:
    """Return the number that a value of a line is.

    Raises:
        ValueError: It is none.
        OverflowError: It is too large.
    """
    if type(value) in (int, float):
        return float(value)
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    raise ValueError(value)
