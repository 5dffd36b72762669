"""What an answer depends on: the files and modules that were looked at while it was worked out."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Dependencies:
    """The files and modules that were looked at.

    Attributes:
        paths: The paths that were looked at, also those with nothing there.
        modules: The names of modules, as `ModuleFinder` finds them, by the folder of the project that was searched too.
    """

    paths: set[str] = field(default_factory=set)
    modules: dict[Path | None, set[str]] = field(default_factory=dict)


_current: ContextVar[Dependencies | None] = ContextVar("dependencies", default=None)


@contextmanager
def recording() -> Iterator[Dependencies]:
    """Record what is looked at inside the context.

    >>> from lighter_config.regular_files import is_regular
    >>> with recording() as seen:
    ...     found = is_regular("/nowhere")
    >>> found, seen.paths
    (False, {'/nowhere'})
    """
    seen = Dependencies()
    token = _current.set(seen)
    try:
        yield seen
    finally:
        _current.reset(token)


def note_path(path: str | os.PathLike[str]) -> None:
    """Note that a path is looked at."""
    if (seen := _current.get()) is not None:
        seen.paths.add(os.path.abspath(path))  # noqa: PTH100  # looks at no file


def note_modules(names: Iterable[str], project: Path | None) -> None:
    """Note that modules are looked at.

    Args:
        names: Their names.
        project: The folder that names starting with ``project.`` were looked for in.
    """
    if (seen := _current.get()) is not None:
        seen.modules.setdefault(project, set()).update(names)
