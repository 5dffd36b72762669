"""Make the user's code importable for a stage or ``check --deep``: as ``project``, and that of the user's folders.

A small alias package is the first entry of ``sys.path``. Its ``__path__`` is the user's folder, so that
``project.models.Net`` comes from ``models.py`` in it. ``multiprocessing`` passes ``sys.path`` to spawned processes:
spawned DataLoader workers and DDP ranks find the same alias.
"""

import hashlib
import os
import sys
from pathlib import Path

import platformdirs

from lighter_cli.atomic_files import write_atomically
from lighter_config import Finding, PathError
from lighter_config.project import Project
from lighter_config.pyproject import search_path

_ALIAS = '''"""Made by Lighter: stands for the folder of ``__path__``."""

import os as _os

__path__ = [{folder!r}]
__file__ = _os.path.join({folder!r}, "__init__.py")
if _os.path.isfile(__file__):
    with open(__file__, "rb") as _file:
        _code = compile(_file.read(), __file__, "exec")
    exec(_code, globals())
'''


def make_importable(project: Project) -> None:
    """Make a folder importable as ``project``. This imports nothing and may be repeated with another folder.

    The modules of an earlier project are removed, so that one process can use two projects one after the other.

    Raises:
        PathError: The folder of caches cannot be written.
    """
    try:
        alias = _write_alias(project.folder)
    except OSError as error:
        message = f"`project` cannot be made importable: {error.filename}: {error.strerror}"
        fix = "set the environment variable XDG_CACHE_HOME to a folder that you can write to"
        raise PathError(Finding(message=message, fix=fix)) from error
    aliases = str(_alias_root())
    sys.path[:] = [str(alias), *(entry for entry in sys.path if not entry.startswith(aliases))]
    loaded = sys.modules.get("project")
    # a module `project.py` of the user has no `__path__`
    if loaded is not None and list(getattr(loaded, "__path__", ())) != [str(project.folder)]:
        for name in [name for name in sys.modules if name == "project" or name.startswith("project.")]:
            del sys.modules[name]


def make_targets_importable(project: Project | None) -> None:
    """Make everything importable that a target may name: modules of the user's folders, and of the project."""
    make_working_directory_importable()
    if project is not None:
        make_importable(project)


def make_working_directory_importable() -> None:
    """Let targets name modules of the working directory and of ``search-path``, after all that is installed.

    Call this only when our own imports are done. Libraries try to import optional modules, and a file of the working
    directory with such a name would run.
    """
    _append(Path.cwd())
    make_search_path_importable()


def make_search_path_importable() -> None:
    """Let targets name modules of the folders that ``search-path`` of a pyproject.toml names.

    In Python, where the working directory is the caller's concern, this is called without the above.
    """
    for folder in search_path(Path.cwd()):
        _append(folder)


def _append(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _alias_root() -> Path:
    return Path(platformdirs.user_cache_dir("lighter")) / "projects"


def _write_alias(folder: Path) -> Path:
    """Write the alias package of ``folder`` and return the folder to put on ``sys.path``.

    Name and content depend only on the folder: ranks that write the alias at the same time write the same.
    """
    alias = _alias_root() / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    init = alias / "project" / "__init__.py"
    content = _ALIAS.format(folder=str(folder))
    if init.is_file() and init.read_bytes() == content.encode():
        return alias
    init.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(init, content)
    return alias
