"""Find the files of code and configuration that a run may use, and hash them; data is left out."""

import hashlib
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath
from types import ModuleType

from lighter_cli.code.repository import WorkingTree
from lighter_config.regular_files import is_regular, open_regular

_KINDS = "py pyi pyx yaml yml json toml cfg ini txt sh c cc cpp cu cuh h hpp".split()  # noqa: SIM905
PATTERNS = tuple(f"*.{kind}" for kind in _KINDS)
"""The files that are code or configuration, as patterns of git."""

MAX_FILE_BYTES = 1024 * 1024
MAX_FILES = 2_000
_MAX_ENTRIES = 20_000
_FIRST = (".py", ".yaml", ".yml")
_SUFFIXES = tuple(f".{kind}" for kind in _KINDS)
_LEFT_OUT = frozenset(
    "__pycache__ node_modules site-packages dist-packages lighter_runs lightning_logs wandb mlruns".split()  # noqa: SIM905
)
_OWN = ("lighter", "lighter_cli", "lighter_config")
_INSTALLED = ("site-packages", "dist-packages")
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120  # has modules of which Python lists no name


@dataclass(slots=True)
class CodeFiles:
    """The files of code and configuration of a run.

    Attributes:
        root: The top folder of the repository; without one, the folder that holds working directory and project.
        inside: Their paths relative to ``root``, with ``/``.
        outside: The absolute paths of those that are not below ``root``.
        configs: Which of both were read as config.
        left_out: What was left out and why, as text.
        changed: The absolute paths of modules that have changed since they were imported.
    """

    root: Path
    inside: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    configs: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def code_files(project: Path | None, configs: Iterable[str], tree: WorkingTree | None) -> CodeFiles:
    """Find the files of the project, the config files, and the imported modules that no package installed.

    Args:
        project: The folder of the user's code, if there is one.
        configs: The config files.
        tree: The working tree that the code lies in, if it lies in a repository.
    """
    here = Path.cwd()
    root = tree.root if tree is not None else Path(os.path.commonpath([here, project or here]))
    found = CodeFiles(root)
    of_project = [] if project is None else project_files(project, tree, found.left_out)
    read = dict.fromkeys(file for file in map(os.path.realpath, configs) if is_regular(file))
    inside: dict[str, None] = {}
    imported = dict(_imported_modules())
    found.changed = [file for file, module in imported.items() if _has_changed(file, module)]
    for file in (*read, *imported, *of_project):
        path = _below(file, root)
        if path is not None:
            inside[path] = None
        elif file not in found.outside:
            found.outside.append(file)
    found.configs = [_below(file, root) or file for file in read]
    found.inside = list(inside)
    if len(found.inside) > MAX_FILES:
        found.left_out.append(f"{len(found.inside) - MAX_FILES:,} of {len(found.inside):,} files")
        del found.inside[MAX_FILES:]
    return found


def project_files(project: Path, tree: WorkingTree | None, left_out: list[str]) -> list[str]:
    """Return the absolute paths of a project's files of code and configuration, Python and YAML first.

    In a repository, these are the files that git tracks or does not ignore. Elsewhere, and if git ignores all of the
    folder, it is searched: hidden folders, environments and folders of results are left out, links are not followed.

    Args:
        project: The folder.
        tree: The working tree that it lies in, if any.
        left_out: A list to say in what was left out.
    """
    files = []
    if tree is not None:
        names = [*sorted(tree.tracked), *filter(is_wanted, tree.untracked)]
        files = [file for name in names if _is_below(file := os.path.join(tree.root, name), project)]  # noqa: PTH118
    files = files or _search(project, left_out)
    links = [file for file in files if os.path.islink(file)]  # noqa: PTH114
    left_out += [f"{os.path.relpath(file, project)}: a link" for file in links]
    return sorted(set(files).difference(links), key=lambda file: (not file.endswith(_FIRST), file.count(os.sep), file))


def is_wanted(path: str) -> bool:
    """Return whether a file that git does not track may be code: no folder of it is hidden or holds results."""
    return not any(part.startswith(".") or part in _LEFT_OUT for part in PurePosixPath(path).parts[:-1])


def read_code(file: str | Path) -> bytes:
    """Return the content of a file of code.

    Raises:
        OSError: It cannot be read, is not a regular file, or has more than 1 MiB.
    """
    with open_regular(file) as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise OSError("larger than 1 MiB")
    return content


def hash_of(content: bytes) -> str:
    """Return the hash of the content of a file, SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _imported_modules() -> Iterator[tuple[str, ModuleType]]:
    """Yield source and module of imports that are neither installed, nor of Python, nor of Lighter."""
    modules = dict(sys.modules)
    top_level = {name for name in modules if "." not in name} - sys.stdlib_module_names
    own = {name for name in top_level if name not in _OWN and not _is_installed(_file(modules[name]))}
    for name, module in modules.items():
        if name.partition(".")[0] not in own:
            continue
        file = _file(module)
        if file.endswith(".py") and not _is_installed(file) and is_regular(path := os.path.realpath(file)):
            yield path, module


def _file(module: object) -> str:
    """Return the file of a module; empty if it has none."""
    file = _names(module).get("__file__")
    return file if isinstance(file, str) else ""


def _names(module: object) -> dict[str, object]:
    """Return the names in a module. A lazy module would import itself if it were asked; what cffi makes is none."""
    is_module = issubclass(type(module), ModuleType)  # an object can claim another class
    names: dict[str, object] = object.__getattribute__(module, "__dict__") if is_module else {}
    return names


def _has_changed(file: str, module: ModuleType) -> bool:
    """Return whether a module has changed since it was imported: then its compiled file, made then, is of another time.

    False if that cannot be known.
    """
    if type(_names(module).get("__loader__")) is not SourceFileLoader:  # others, as pytest's, keep their own files
        return False
    compiled = cache_from_source(file)
    try:
        with open_regular(compiled) as stream:
            _, flags, modified, size = struct.unpack("<4sIII", stream.read(16))
        now = Path(file).stat()
        is_current = os.access(os.path.dirname(compiled), os.W_OK) and not sys.dont_write_bytecode  # noqa: PTH120
    except (OSError, struct.error):
        return False
    times = (int(now.st_mtime) & 0xFFFFFFFF, now.st_size & 0xFFFFFFFF)
    return is_current and flags == 0 and (modified, size) != times


def _is_installed(file: str) -> bool:
    return file.startswith(_STANDARD_LIBRARY) or any(folder in file for folder in _INSTALLED)


def _search(project: Path, left_out: list[str]) -> list[str]:
    files: list[str] = []
    folders = [str(project)]
    budget = iter(range(_MAX_ENTRIES))
    while folders:
        folder = folders.pop(0)
        try:
            with os.scandir(folder) as entries:
                found = [entry for entry, _ in zip(entries, budget, strict=False)]
        except OSError as error:
            left_out.append(f"{os.path.relpath(folder, project)}: {error.strerror}")
            continue
        if any(entry.name == "pyvenv.cfg" for entry in found):
            continue
        for entry in sorted(found, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _LEFT_OUT and not entry.name.startswith("."):
                    folders.append(entry.path)
            elif entry.name.endswith(_SUFFIXES):
                files.append(entry.path)
    if next(budget, None) is None:
        left_out.append(f"what a search had not reached after {_MAX_ENTRIES:,} files and folders")
    return files


def _below(file: str, root: Path) -> str | None:
    """Return the path of a file relative to a folder, with ``/``; ``None`` if it is not below it."""
    return os.path.relpath(file, root).replace(os.sep, "/") if _is_below(file, root) else None


def _is_below(file: str, folder: Path) -> bool:
    return file.startswith(str(folder).rstrip(os.sep) + os.sep)
