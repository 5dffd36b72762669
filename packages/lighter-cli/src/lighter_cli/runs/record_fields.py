"""What the fields of a record must hold: other code relies on it, and anything may have written the file."""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any

_STATUSES = ("running", "finished", "failed", "interrupted")
_YEARS = range(1970, 3000)  # earlier and later times cannot be shown in every time zone
_MAX_PROCESS = 2**31

FORMAT = 1
"""The format of records. A later version of Lighter may write another one, which is not read."""

_Fits = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    """Return whether a value is text that can be the name of a file."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def is_moment(value: Any) -> bool:
    """Return whether a value is a time in ISO format with its time zone."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return moment.tzinfo is not None and moment.year in _YEARS


def _is_format(value: Any) -> bool:
    return type(value) is int and value == FORMAT


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_process_id(value: Any) -> bool:
    return _is_integer(value) and 0 < value < _MAX_PROCESS


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_status(value: Any) -> bool:
    return isinstance(value, str) and value in _STATUSES


def _or_null(fits: _Fits) -> _Fits:
    return lambda value: value is None or fits(value)


def _list_of(fits: _Fits) -> _Fits:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _mapping_of(required: Mapping[str, _Fits], optional: Mapping[str, _Fits] = MappingProxyType({})) -> _Fits:
    return lambda value: (
        isinstance(value, dict)
        and all(name in value and fits(value[name]) for name, fits in required.items())
        and all(fits(value[name]) for name, fits in optional.items() if name in value)
    )


_REQUIRED: Mapping[str, _Fits] = MappingProxyType(
    {
        "stage": _is_text,
        "status": _is_status,
        "start": is_moment,
        "end": _or_null(is_moment),
        "error": _or_null(_is_text),
        "words": _list_of(_is_text),
        "files": _list_of(_is_name),
        "overrides": _list_of(_is_text),
        "options": _mapping_of({}, {"ckpt_path": _or_null(_is_name)}),
        "working_directory": _is_name,
        "project": _or_null(_is_name),
        "seed": _is_integer,
        "git": _or_null(_mapping_of({"commit": _is_text, "dirty": _is_flag})),
        "versions": _is_mapping,
        "process": _mapping_of({"host": _is_text, "pid": _is_process_id, "created": _is_number}),
        "devices": _mapping_of(
            {
                "names": _list_of(_is_text),
                "num_nodes": _is_integer,
                "num_devices": _is_integer,
                "strategy": _is_text,
            },
            {"gpu_driver": _or_null(_is_text)},
        ),
        "progress": _or_null(_mapping_of({"step": _is_integer})),
        "metrics": _is_mapping,
        "checkpoints": _mapping_of(
            {},
            {
                "last": _or_null(_is_name),
                "best": _or_null(_is_name),
                "last_step": _or_null(_is_integer),
                "nan": _list_of(_is_name),
            },
        ),
    }
)
_RESTORED_VALUE = _mapping_of(
    {
        "path": _or_null(_is_text),
        "place": _or_null(_is_text),
        "owner": _is_text,
        "name": _is_text,
        "configured": lambda _: True,
        "restored": lambda _: True,
    }
)
_PARAMETER_GROUP = _mapping_of(
    {
        "name": _is_text,
        "num_tensors": _is_integer,
        "num_parameters": _is_integer,
        "num_frozen": _is_integer,
        "lr": _or_null(_is_number),
        "weight_decay": _or_null(_is_number),
    }
)
_LOGGER_PLACE = ("name", "version", "folder", "url")
TIMES = ("total_s", "data_s", "sanity_check_s", "validation_s", "checkpoints_s", "training_s", "rest_s")
"""Where the time of a fit went: all of it, then its parts."""
PEAKS = ("resident_mib", "cuda_allocated_mib")


def is_at_checkpoint(value: Any) -> bool:
    """Return whether a value says epoch, step and metrics when a checkpoint was saved."""
    return _AT_CHECKPOINT(value) and all(map(_is_number, value["metrics"].values()))


_AT_CHECKPOINT = _mapping_of({"epoch": _is_integer, "step": _is_integer, "metrics": _is_mapping})
_OPTIONAL: Mapping[str, _Fits] = MappingProxyType(
    {
        "format": _is_format,
        "id": _is_text,
        "folder": _is_name,
        "checkpoint_folders": _list_of(_is_name),
        "restored_values": _list_of(_RESTORED_VALUE),
        "ended_by": _or_null(_is_text),
        "nan_losses": _is_mapping,
        "found": _is_mapping,
        "deferred_saves": _list_of(_is_text),
        "train_loader": _mapping_of(
            {"waited_s": _is_number, "training_s": _is_number, "num_workers": _list_of(_is_integer)}
        ),
        "loggers": _list_of(_mapping_of({"class": _is_text}, dict.fromkeys(_LOGGER_PLACE, _is_text))),
        "resumed": _mapping_of({"run": _is_text, "step": _is_integer}),
        "at_best": _or_null(is_at_checkpoint),
        "ended": _or_null(_mapping_of({"by": _is_text})),
        "time_spent": _mapping_of(dict.fromkeys(TIMES, _is_number)),
        "peak_memory": _mapping_of({}, dict.fromkeys(PEAKS, _is_number)),
        "parameter_groups": _list_of(_PARAMETER_GROUP),
        "name": _is_text,
        "tags": _list_of(_is_text),
        "note": _is_text,
        "monitor": _mapping_of({"name": _is_text, "mode": _is_text}),
        "trial": _mapping_of({"sweep": _is_text, "number": _is_integer, "repeat": _or_null(_is_text)}),
        "values": _is_mapping,
    }
)


def is_summary(content: Any) -> bool:
    """Return whether a value is what lists keep of a record: the fields of a ``ListedRun``, in order."""
    if not isinstance(content, list):
        return False
    try:
        folder, stage, status, start, end, words, files, started_in, process, version, label, tags, trial, metrics = (
            content
        )
        # a TypeError unless all of them are text, and metrics a mapping of numbers
        "".join(chain((folder, stage, started_in, version, label, trial), words, files, tags))
        sum(metrics.values(), 0.0)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return False
    return (
        _is_status(status)
        and is_moment(start)
        and (end is None or is_moment(end))
        and (process is None or _REQUIRED["process"](process))
    )


def is_newer(content: Any) -> bool:
    """Return whether a later version of Lighter wrote a record, in a format that this one does not know."""
    return isinstance(content, dict) and type(content.get("format")) is int and content["format"] > FORMAT


def damage(content: Any, *, is_complete: bool = True) -> str:
    """Return what is wrong with a record, as the rest of a sentence about it; empty if nothing is.

    Args:
        content: What its JSON holds.
        is_complete: Whether all fields must be there. The record in a checkpoint lacks some.
    """
    if not isinstance(content, dict):
        return "it is not a mapping"
    if (version := content.get("format", FORMAT)) != FORMAT:
        return f"its format is {version!r:.60}, this version of Lighter reads format {FORMAT}"
    if is_complete and (missing := sorted(_REQUIRED.keys() - content.keys())):
        return f"it has no {', '.join(missing)}"
    return next(_wrong(content), "")


def _wrong(content: Mapping[str, Any]) -> Iterator[str]:
    for name, fits in {**_REQUIRED, **_OPTIONAL}.items():
        if name in content and not fits(content[name]):
            yield f"its {name} is {content[name]!r:.60}"
