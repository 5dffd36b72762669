"""The folder of the user's own code, which a config reaches as ``project``, and the reader that looks into it."""

import os
from dataclasses import dataclass
from pathlib import Path

from lighter_config.config import Config
from lighter_config.errors import ConfigError, PathError
from lighter_config.findings import Finding, Severity
from lighter_config.regular_files import is_folder, is_regular, with_home, without_links
from lighter_config.sections import PROJECT
from lighter_config.signatures import DoesNotExist, SignatureReader
from lighter_config.sources.moved_paths import move_of_source
from lighter_config.sources.run_folders import RECORDED_CONFIG
from lighter_config.sources.words import CheckpointSource, RunSource
from lighter_config.suggestions import nearest_names

MARKER = "__lighter__.py"
"""An empty file that marks the folder of the user's code."""


@dataclass(frozen=True, slots=True)
class Project:
    """The folder whose code a config reaches as ``project``.

    Attributes:
        folder: The folder, absolute.
        notes: What a user should know about the choice.
    """

    folder: Path
    notes: tuple[Finding, ...] = ()


def locate_project(config: Config, *, working_directory: Path | None = None) -> Project | None:
    """Find the folder of the user's code: the ``project`` key, else the nearest ``__lighter__.py`` upwards.

    The key is relative to the working directory; when a ``project.…`` target is not found there but is found
    relative to the file that holds the key, that folder is taken. The marker is looked for upwards from the working
    directory, then from the config files.

    Raises:
        PathError: The key names a folder that does not exist.
    """
    working_directory = (working_directory or Path.cwd()).resolve()
    marked = _marked_folder(config, working_directory)
    named = config.get(PROJECT, None)
    if not isinstance(named, str):
        return Project(marked) if marked is not None else None
    project = _named_folder(config, named, working_directory)
    if marked is not None and marked != project.folder:
        note = Finding(
            message=f"the `project` key is used, not the {MARKER} in '{marked}'",
            severity=Severity.NOTE,
            path=PROJECT,
            place=config.place(PROJECT),
        )
        return Project(project.folder, (*project.notes, note))
    return project


def reader_for(config: Config) -> SignatureReader:
    """Return a reader of targets that finds the code of the config's project.

    Raises:
        PathError: The ``project`` key names a folder that does not exist.
    """
    return reader_in(locate_project(config))


def reader_in(project: Project | None, kind: type[SignatureReader] = SignatureReader) -> SignatureReader:
    """Return a reader of targets that finds the code of a project that is already located."""
    return kind(project=None if project is None else project.folder)


def find_project(config: Config) -> tuple[Project | None, tuple[Finding, ...]]:
    """Locate the project for a check: return it, and what to report: notes, or that its folder does not exist."""
    try:
        project = locate_project(config)
    except ConfigError as error:
        return None, error.findings
    return project, () if project is None else project.notes


def is_users_own(project: Project | None, config: Config) -> bool:
    """Return whether a folder is the user's own rather than one that came with a config.

    That is the folder of the marker in or above the working directory, or one inside the working directory that the
    ``project`` key names relative to it.
    """
    if project is None:
        return False
    working_directory = Path.cwd().resolve()
    named = config.get(PROJECT, None)
    if not isinstance(named, str):
        return working_directory.is_relative_to(project.folder)
    chosen = without_links(working_directory / with_home(named))
    return project.folder == chosen and chosen.is_relative_to(working_directory)


def _marked_folder(config: Config, working_directory: Path) -> Path | None:
    seen: set[str] = set()
    for start in (working_directory, *(file.parent for file in config.files)):
        folder = str(start)
        while folder not in seen:
            if is_regular(os.path.join(folder, MARKER)):  # noqa: PTH118  # an object for each folder would cost more
                return Path(folder)
            seen.add(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120
    return None


def _named_folder(config: Config, named: str, working_directory: Path) -> Project:
    expanded = with_home(named)
    place = config.place(PROJECT)
    folder = Path(_present(str(expanded), config)) if expanded.is_absolute() else working_directory / expanded
    is_there = is_folder(folder)
    folder = without_links(folder) if is_there else folder
    if is_there and not _lacks_a_target(config, folder):
        return Project(folder)
    if place is not None and place.word is None:
        beside_file = without_links(place.source).parent / expanded
        if is_folder(beside_file) and not _lacks_a_target(config, beside_file := without_links(beside_file)):
            note = f"`project` is '{beside_file}', relative to the file that names it, not to the working directory"
            return Project(beside_file, (Finding(message=note, severity=Severity.NOTE, path=PROJECT, place=place),))
    if is_there:
        return Project(folder)  # the check of targets says what is missing in it
    siblings = [entry.name for entry in folder.parent.iterdir() if entry.is_dir()] if is_folder(folder.parent) else []
    raise PathError(
        Finding(
            message=f"the `project` folder {named!r} does not exist",
            path=PROJECT,
            place=place,
            excerpt=config.excerpt(PROJECT),
            expected=(f"a folder, relative to the working directory '{working_directory}'",),
            nearest=nearest_names(folder.name, siblings),
            fix="name the folder that holds your code, or remove the key",
        )
    )


def _present(folder: str, config: Config) -> str:
    """Return where a folder is that a run among the sources has recorded: the run may have been moved with it."""
    place = config.place(PROJECT)
    for source in config.sources:
        if isinstance(source, CheckpointSource | RunSource) and place is not None:
            names = (source.name, str(Path(source.name) / RECORDED_CONFIG))
            if place.source in names and (move := move_of_source(source)):
                return move.present(folder)
    return folder


def _lacks_a_target(config: Config, folder: Path) -> bool:
    """Return whether a ``project.…`` target of the config is certainly not in ``folder``."""
    reader = SignatureReader(project=folder)
    targets = (value for path, value in config.walk() if path and path[-1] == "_target_")
    return any(
        isinstance(reader.read(target), DoesNotExist)
        for target in targets
        if isinstance(target, str) and target.startswith(f"{PROJECT}.")
    )
