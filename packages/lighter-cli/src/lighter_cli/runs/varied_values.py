"""Which dimension of a sweep a value of a trial comes from, as the folders of the trial and of the sweep tell."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lighter_config import Config, ConfigError, FileSource, Place, RunSource, format_path, load
from lighter_config.regular_files import is_regular, read_regular
from lighter_config.sections import SWEEP
from lighter_config.sources.run_folders import TRIAL_FILE
from lighter_config.tree.node import NAME, Segments
from lighter_config.tree.paths import SEPARATOR

_SWEEP_FILE = "sweep.json"
_SECTIONS = ((SWEEP, "over"), (SWEEP, "repeat"))
_FILES = "files"
_LABEL = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Varied:
    """A value that a trial has from a dimension.

    Attributes:
        sweep: The name of the sweep.
        trial: The number of the trial.
        dimension: The name of the dimension.
        written: What it may be, as it is written.
        place: Where it is written.
    """

    sweep: str
    trial: int
    dimension: str
    written: Any
    place: Place


def varied(config: Config, path: Segments) -> Varied | None:
    """Return the dimension that the value at a path is from; ``None`` if it is from none, or that is not known.

    Args:
        config: A config whose last file or run among the inputs is that of a trial.
        path: The path of the value, or of something inside it.
    """
    above = list(_folders_of(config))
    trial = next((one for one in above if is_regular(one / TRIAL_FILE)), None)
    folder = next((one for one in above if is_regular(one / _SWEEP_FILE)), None)
    content = {} if trial is None else _read(trial / TRIAL_FILE) or {}
    number = content.get("number")
    if folder is None or not isinstance(number, int) or not (places := _places(config, path, f" (trial {number})")):
        return None
    try:
        of_sweep = load([RunSource(folder, str(folder))])
    except ConfigError:
        return None
    for dimension, where in _candidates(path):
        value = of_sweep.get(where, None)
        if value is not None and not isinstance(value, dict):
            # places are recorded of values, not of the lists that hold them
            leaves = [one for one in of_sweep.leaf_paths() if one == where or one.startswith(f"{where}{SEPARATOR}")]
            name = _name_inside(content, path)
            of_choice = next((one for one in leaves if str(of_sweep.chain(one)[-1]) in places), None)
            if name is not None and of_choice is not None:
                return Varied(folder.name, number, name, of_sweep.get(of_choice), of_sweep.chain(of_choice)[-1])
            shown = _names(value) if dimension == _FILES else value
            return Varied(folder.name, number, dimension, shown, of_sweep.chain(leaves[0])[-1])
    return None


def _name_inside(content: dict[str, Any], path: Segments) -> str | None:
    """Return the name of the dimension inside a choice that sets a path: ``optimizer[SGD]::lr`` sets ``optimizer::lr``.

    Args:
        content: What the trial's file holds.
        path: The path.
    """
    names = [name for name in content.get("values", ()) if "[" in name]
    return next((name for name in names if _LABEL.sub("", name) == format_path(path)), None)


def _places(config: Config, path: Segments, end: str) -> set[str]:
    """Return the places of a value that end with the number of the trial, without it."""
    texts = (str(place) for place in config.chain(format_path(path)))
    return {text.removesuffix(end) for text in texts if text.endswith(end)}


def _folders_of(config: Config) -> Iterator[Path]:
    """Yield the folder of the last run or file among the inputs, and those that hold it."""
    for source in reversed(config.sources):
        if isinstance(source, RunSource | FileSource):
            path = source.path.absolute()
            yield from [path, *path.parents]
            return


def _candidates(path: Segments) -> list[tuple[str, str]]:
    """Return the dimensions that may set the value at a path, each with its place in the config of the sweep."""
    below = [
        (format_path(path[:depth]), format_path((*section, *path[:depth])))
        for depth in range(len(path), 0, -1)
        for section in _SECTIONS
    ]
    return [*below, (_FILES, format_path((SWEEP, _FILES)))]


def _names(files: Any) -> Any:
    """Return the names of files whose content the config of a sweep holds."""
    if isinstance(files, list):
        return [_names(one) for one in files]
    return files.get(NAME) if isinstance(files, dict) else files


def _read(file: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        content = json.loads(read_regular(file))
        return content if isinstance(content, dict) else None
    return None
