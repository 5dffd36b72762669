"""Read ``[tool.lighter.experiments]``: names, each with the files and overrides that make one experiment.

A list is one experiment, merged in order. With a glob among its items it is one experiment for each file that the glob
matches, and with two globs one for each pair of files.
"""

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from itertools import islice, product
from pathlib import Path
from typing import Any

from lighter_cli.checking.experiment import Experiment, experiment_of, is_override
from lighter_cli.checking.table_mistakes import Mistakes
from lighter_config.regular_files import is_folder, is_regular, with_home
from lighter_config.sources.file_names import nearest_files

EXPERIMENTS = "experiments"

_MAX_EXPERIMENTS = 10_000
_MAX_ENTRIES = 200_000  # files and folders that one glob may look at

_EXAMPLE = '["base.yaml", "small.yaml"]'


class _TooManyError(Exception):
    """A glob looks at too many files."""


def read_experiments(given: Any, mistakes: Mistakes) -> tuple[Experiment, ...]:
    """Return the experiments of the table, without those that have mistakes.

    Args:
        given: The value of ``experiments``.
        mistakes: Gets what is wrong.
    """
    if not isinstance(given, dict):
        message = f"{EXPERIMENTS} must be a table of names"
        fix = f"write lines such as small = {_EXAMPLE} below [tool.lighter.{EXPERIMENTS}]"
        mistakes.add(message, (EXPERIMENTS,), fix=fix)
        return ()
    experiments: list[Experiment] = []
    for name, value in given.items():
        experiments += islice(_experiments(name, value, mistakes), _MAX_EXPERIMENTS)
    return tuple(experiments)


def _experiments(name: str, value: Any, mistakes: Mistakes) -> Iterator[Experiment]:
    at = (EXPERIMENTS, name)
    items = [value] if isinstance(value, str) else value
    if isinstance(value, dict):
        message = f"the experiment {name!r} is a table, not a list of files"
        mistakes.add(message, at, fix=f"write {name} = {_EXAMPLE} below [tool.lighter.{EXPERIMENTS}]")
        return
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        mistakes.add(f"the experiment {name!r} must be a list of files", at, fix=f"write {name} = {_EXAMPLE}")
        return
    folder = mistakes.table.file.parent
    if all(is_override(item, folder) for item in items):
        mistakes.add(f"the experiment {name!r} names no file", at, fix=f"write {name} = {_EXAMPLE}")
        return
    num_before = len(mistakes.findings)
    choices = [_choices(name, item, folder, mistakes) for item in items]
    if len(mistakes.findings) > num_before:
        return
    named = {choice[0] for item, choice in zip(items, choices, strict=True) if not is_glob(item, folder)}
    for item, choice in zip(items, choices, strict=True):
        if is_glob(item, folder):
            choice[:] = [word for word in choice if word not in named]
    place = cache(lambda: mistakes.place_of(at))
    varied = [index for index, item in enumerate(items) if is_glob(item, folder)]
    for words in product(*choices):
        chosen = [words[index] for index in varied]
        if len(set(chosen)) == len(chosen):
            label = ", ".join(Path(os.path.relpath(word, folder)).as_posix() for word in chosen)
            yield experiment_of(f"{name}[{label}]" if chosen else name, words, place)


def _choices(name: str, item: str, folder: Path, mistakes: Mistakes) -> list[str | Path]:
    """Return what one item of a list stands for: a file, an override, or the files that a glob matches."""
    if is_override(item, folder):
        return [item]
    expanded = with_home(item)
    if not is_glob(item, folder):
        file = Path(os.path.normpath(folder / expanded))
        if not is_regular(file):
            nearest = nearest_files(expanded, folder)
            what = "is a folder" if is_folder(file) else "does not exist"
            fix = f'write "{item.rstrip("/")}/*.yaml" for the files in it' if is_folder(file) else ""
            message = f"the experiment {name!r}: {item!r} {what}"
            mistakes.add(message, (EXPERIMENTS, name), item=item, nearest=nearest if not fix else (), fix=fix)
        return [file]
    try:
        found = sorted(dict.fromkeys(matches(expanded, folder)))
    except _TooManyError:
        message = f"the experiment {name!r}: {item!r} looks at more than {_MAX_ENTRIES:,} files"
        mistakes.add(message, (EXPERIMENTS, name), item=item, fix="name a folder in front of **")
        return []
    if not found:
        message = f"the experiment {name!r}: {item!r} matches no file"
        fix = "name files that exist, or remove it"
        nearest = _nearest_globs(item, folder)
        mistakes.add(message, (EXPERIMENTS, name), item=item, nearest=nearest, fix=fix)
    return [*found]


def is_glob(text: str, folder: Path) -> bool:
    """Return whether a text stands for all files with names of a form; the name of a file that exists does not."""
    if is_override(text, folder) or is_regular(folder / with_home(text)):
        return False
    return any(sign in text for sign in "*?[")


def matches(pattern: Path, folder: Path) -> Iterator[Path]:
    """Yield the regular files that a glob matches; ``**`` stands for any number of folders, and follows no links.

    Hidden files and folders match only a part that begins with a dot.

    Args:
        pattern: The glob.
        folder: What it is relative to.

    Raises:
        _TooManyError: It looks at too many files and folders.
    """
    parts = pattern.parts[1:] if pattern.is_absolute() else pattern.parts
    start = Path(pattern.anchor) if pattern.is_absolute() else folder
    return _matches(start, parts, iter(range(_MAX_ENTRIES)))


def _matches(folder: Path, parts: Sequence[str], budget: Iterator[int]) -> Iterator[Path]:
    first, *rest = parts
    if first != "**" and not any(sign in first for sign in "*?["):
        found = Path(os.path.normpath(folder / first))
        if rest and is_folder(found):
            yield from _matches(found, rest, budget)
        elif not rest and is_regular(found):
            yield found
        return
    if first == "**":
        yield from _matches(folder, rest or ["*"], budget)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # a folder that may not be read
        return
    for entry in entries:
        if next(budget, None) is None:
            raise _TooManyError
        if entry.name.startswith(".") and not first.startswith("."):
            continue
        if first == "**":
            if entry.is_dir(follow_symlinks=False):
                yield from _matches(folder / entry.name, parts, budget)
        elif fnmatchcase(entry.name, first):
            if rest and is_folder(entry):
                yield from _matches(folder / entry.name, rest, budget)
            elif not rest and is_regular(entry):
                yield folder / entry.name


def _nearest_globs(item: str, folder: Path) -> tuple[str, ...]:
    """Return the glob with the nearest name of a folder that exists, where its folder does not."""
    before, slash, last = item.rpartition("/")
    if not slash or any(sign in before for sign in "*?[") or is_folder(folder / with_home(before)):
        return ()
    return tuple(f"{near}/{last}" for near in nearest_files(Path(before), folder) if is_folder(folder / near))
