"""Find the files that a recorded path names after its folder was moved or copied, with or without those files."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from lighter_config.errors import SourceError
from lighter_config.regular_files import exists, is_folder, read_regular
from lighter_config.sources.run_folders import RECORD_FILE
from lighter_config.sources.words import CHECKPOINT_SUFFIXES, CheckpointSource, RunSource


@dataclass(frozen=True, slots=True)
class Move:
    """A folder that was moved, copied or mounted elsewhere since paths were recorded.

    Attributes:
        then: The folder when the paths were recorded, absolute.
        now: The same folder now, absolute: with symbolic links in it, and without.
    """

    then: str
    now: tuple[str, ...]

    def present(self, path: str) -> str:
        """Return where a recorded path is now: as it lies to the folder now; if nothing is there, as it was recorded.

        So a copy has its own files. If the file is gone, its folder decides. A path that is not absolute, such as an
        address, is returned as it is.
        """
        places = [*self._candidates(path, self.then, self.now), path]
        folders_exist = (place for place in places if exists(os.path.dirname(place)))  # noqa: PTH120
        return next(filter(exists, places), None) or next(folders_exist, path)

    def recorded(self, path: str) -> str:
        """Return the recorded path that ``present`` has found at this one."""
        return next(iter(self._candidates(path, self.now[-1], (self.then,))), path)

    @staticmethod
    def _candidates(path: str, base: str, folders: tuple[str, ...]) -> list[str]:
        if not os.path.isabs(path):  # noqa: PTH117  # text from a file, which `Path` may refuse
            return []
        relative = os.path.relpath(path, base)
        return [os.path.normpath(os.path.join(folder, relative)) for folder in folders]  # noqa: PTH118


def move_of(then: str, folder: str | os.PathLike[str]) -> Move | None:
    """Return how a folder was moved; ``None`` if it is where it was.

    Args:
        then: The folder when its paths were recorded.
        folder: The folder now.
    """
    now = os.path.abspath(folder), os.path.realpath(folder)  # noqa: PTH100
    return Move(then, now) if os.path.isabs(then) and then not in now else None  # noqa: PTH117


def move_of_source(source: CheckpointSource | RunSource) -> Move | None:
    """Return how a run among the sources was moved; ``None`` if it is where it was, or its record does not say.

    A checkpoint in the working directory, which another working directory recorded, was moved with all of it.
    """
    from lighter_config.sources.checkpoints import stored_record  # with it come pickle and zipfile

    try:
        is_file = isinstance(source, CheckpointSource) and not is_folder(source.path)
        record = stored_record(source.path, source.name) if is_file else _record_in(source.path)
    except (OSError, ValueError, RecursionError, SourceError):
        return None
    if source.path.suffix not in CHECKPOINT_SUFFIXES:
        then = record.get("folder")
        return move_of(then, source.path) if isinstance(then, str) else None
    then = record.get("working_directory")
    came_along = Path(os.path.realpath(source.path)).is_relative_to(Path.cwd())
    return move_of(then, Path.cwd()) if isinstance(then, str) and came_along else None


def _record_in(folder: Path) -> dict[str, object]:
    content = json.loads(read_regular(folder / RECORD_FILE))
    return content if isinstance(content, dict) else {}
