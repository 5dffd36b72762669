"""The user's own code, importable as ``project`` without changing how Python imports or pickles.

A small alias package stands in front of ``sys.path``. Its ``__path__`` leads to the user's folder, so that
``project.models.Net`` is ``models.py`` there. ``multiprocessing`` hands ``sys.path`` to spawned processes, which find
the same alias: spawned DataLoader workers and DDP ranks need nothing more.
"""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from lighter_cli.atomic_files import write_atomically
from lighter_config import Config, DoesNotExist, Finding, PathError, Severity, SignatureReader, nearest_names

MARKER = "__lighter__.py"

_ALIAS = '''"""Made by Lighter: stands for {folder}"""

import os as _os

__path__ = [{folder!r}]
__file__ = _os.path.join({folder!r}, "__init__.py")
if _os.path.isfile(__file__):
    with open(__file__, "rb") as _file:
        _code = compile(_file.read(), __file__, "exec")
    exec(_code, globals())
'''


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
    named = config.get("project", None)
    if not isinstance(named, str):
        return Project(marked) if marked is not None else None
    project = _named_folder(config, named, working_directory)
    if marked is not None and marked != project.folder:
        note = Finding(
            message=f"the `project` key is used, not the {MARKER} in '{marked}'",
            severity=Severity.NOTE,
            path="project",
            place=config.place("project"),
        )
        return Project(project.folder, (*project.notes, note))
    return project


def is_users_own(project: Project | None, config: Config) -> bool:
    """Say whether a folder is the user's own rather than one that came with a config.

    That is the folder of the marker in or above the working directory, or one inside the working directory that the
    ``project`` key names relative to it.
    """
    if project is None:
        return False
    working_directory = Path.cwd().resolve()
    named = config.get("project", None)
    if not isinstance(named, str):
        return working_directory.is_relative_to(project.folder)
    chosen = (working_directory / Path(named).expanduser()).resolve()
    return project.folder == chosen and chosen.is_relative_to(working_directory)


def make_importable(project: Project) -> None:
    """Make ``project`` stand for a folder. Imports nothing; may be called again with another folder.

    Modules of an earlier project are forgotten, so that two projects in one process work one after the other.
    """
    alias = _write_alias(project.folder)
    aliases = str(_alias_root())
    sys.path[:] = [str(alias), *(entry for entry in sys.path if not entry.startswith(aliases))]
    loaded = sys.modules.get("project")
    # a `project.py` of the user's own, say in a notebook, has no path
    if loaded is not None and list(getattr(loaded, "__path__", ())) != [str(project.folder)]:
        for name in [name for name in sys.modules if name == "project" or name.startswith("project.")]:
            del sys.modules[name]


def _marked_folder(config: Config, working_directory: Path) -> Path | None:
    for start in (working_directory, *(file.parent for file in config.files)):
        for folder in (start, *start.parents):
            if (folder / MARKER).is_file():
                return folder
    return None


def _named_folder(config: Config, named: str, working_directory: Path) -> Project:
    expanded = Path(named).expanduser()
    place = config.place("project")
    folder = (working_directory / expanded).resolve()
    if folder.is_dir() and not _lacks_a_target(config, folder):
        return Project(folder)
    if place is not None and place.word is None:
        beside_file = (Path(place.source).resolve().parent / expanded).resolve()
        if beside_file.is_dir() and not _lacks_a_target(config, beside_file):
            note = f"`project` is '{beside_file}', relative to the file that names it, not to the working directory"
            return Project(beside_file, (Finding(message=note, severity=Severity.NOTE, path="project", place=place),))
    if folder.is_dir():
        return Project(folder)  # the check of targets says what is missing in it
    siblings = [entry.name for entry in folder.parent.iterdir() if entry.is_dir()] if folder.parent.is_dir() else []
    raise PathError(
        Finding(
            message=f"the folder of `project` does not exist: {named!r}",
            path="project",
            place=place,
            excerpt=config.excerpt("project"),
            expected=(f"a folder, relative to the working directory '{working_directory}'",),
            nearest=nearest_names(folder.name, siblings),
            fix="name the folder that holds your code, or remove the key",
        )
    )


def _lacks_a_target(config: Config, folder: Path) -> bool:
    """Say whether a ``project.…`` target of the config is certainly not in ``folder``."""
    reader = SignatureReader(project=folder)
    targets = (value for path, value in config.walk() if path and path[-1] == "_target_")
    return any(
        isinstance(reader.read(target), DoesNotExist)
        for target in targets
        if isinstance(target, str) and target.startswith("project.")
    )


def _alias_root() -> Path:
    return Path(platformdirs.user_cache_dir("lighter")) / "projects"


def _write_alias(folder: Path) -> Path:
    """Write the alias package of ``folder`` and return the folder to put on ``sys.path``.

    Its name follows from the folder and its content from its name: ranks that write it at once write the same.
    """
    alias = _alias_root() / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    init = alias / "project" / "__init__.py"
    content = _ALIAS.format(folder=str(folder))
    if init.is_file() and init.read_bytes() == content.encode():
        return alias
    init.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(init, content)
    return alias
