"""The user's own code, importable as ``project`` without changing how Python imports or pickles.

A small alias package stands in front of ``sys.path``. Its ``__path__`` leads to the user's folder, so that
``project.models.Net`` is ``models.py`` there. ``multiprocessing`` hands ``sys.path`` to spawned processes, which find
the same alias: spawned DataLoader workers and DDP ranks need nothing more.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import platformdirs

from lighter_config.project import Project

_ALIAS = '''"""Made by Lighter: stands for {folder}"""

import os as _os

__path__ = [{folder!r}]
__file__ = _os.path.join({folder!r}, "__init__.py")
if _os.path.isfile(__file__):
    with open(__file__, "rb") as _file:
        _code = compile(_file.read(), __file__, "exec")
    exec(_code, globals())
'''


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


def _alias_root() -> Path:
    return Path(platformdirs.user_cache_dir("lighter")) / "projects"


def _write_alias(folder: Path) -> Path:
    """Write the alias package of ``folder`` and return the folder to put on ``sys.path``.

    Its name follows from the folder and its content from its name: ranks that write it at once write the same.
    """
    alias = _alias_root() / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    init = alias / "project" / "__init__.py"
    content = _ALIAS.format(folder=str(folder)).encode()
    if init.is_file() and init.read_bytes() == content:
        return alias
    init.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=init.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(temporary).replace(init)
    return alias
