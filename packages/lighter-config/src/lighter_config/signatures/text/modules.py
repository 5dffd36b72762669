"""Where the source of a module is, found by the rules of Python's own import but without importing."""
# Names are compared as text: an object for each candidate path would cost more than all the rest.
# ruff: noqa: PTH100, PTH110, PTH112, PTH113, PTH118, PTH119, PTH120, PTH208

import ast
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Literal

from lighter_config.regular_files import read_regular
from lighter_config.signatures.text.parsing import parse_module

EVERY_FILE = ".*"
"""After the name of a package: all files of it together, as something that an answer depends on."""

ENVIRONMENT = "$"
"""Before the name of an environment variable, as something that an answer depends on."""

DISTRIBUTION = "@"
"""Before the name of a distribution, whose version is something that an answer depends on."""

PART_OF_NAME = "*"
"""Before a word; whether the name of a top-level module holds it is something that an answer depends on."""

ModuleKind = Literal["source", "stub", "extension", "builtin", "namespace"]

_MAX_ENTRIES = 50_000

_NEAR = 200  # characters, which a dotted name does not exceed
_IN_QUOTES = re.compile(rb"[\"'](?:[\w.]*\.)?\Z")
_IS_SET = re.compile(rb"\s*(:[^=\n]+)?=[^=]")
_OWNER = re.compile(rb"(\w*)\.\Z")

# Python 3.13 puts it in the place of the file collections/abc.py, and 3.14 has no such file
_REGISTERED_AS = {"collections.abc": "_collections_abc"}


@dataclass(frozen=True, slots=True)
class Module:
    """One module that an import would find.

    Attributes:
        name: Dotted name.
        kind: ``source`` has Python text, ``stub`` is compiled with a ``.pyi`` beside it, ``extension`` is compiled
            without one, ``builtin`` is part of the interpreter, ``namespace`` is a folder without ``__init__.py``.
        file: The text to read, for ``source`` and ``stub``; the compiled file for ``extension``.
        locations: Folders that hold its submodules; empty for a plain module.
    """

    name: str
    kind: ModuleKind
    file: str | None = None
    locations: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The package that relative imports in this module start from."""
        return self.name if self.locations else self.name.rpartition(".")[0]


class ModuleFinder:
    """Find modules on a search path.

    Folders are listed once for each finder, so a file that appears later is not seen. Listing also makes names exact
    on file systems that ignore case.

    Args:
        search_path: Folders, as in ``sys.path``. ``.pth`` files of site-packages among them are followed, and so are
            the finders that editable installs put there.
        project: Folder of the user's code, found as the package ``project``.
    """

    def __init__(self, search_path: Sequence[str | Path], *, project: Path | None = None) -> None:
        self.search_path: tuple[str, ...] = tuple(dict.fromkeys(os.path.abspath(entry or ".") for entry in search_path))
        self.project = project
        self._modules: dict[str, Module | None] = {}
        self._listings: dict[str, frozenset[str]] = {}
        self._extending: dict[str, bool] = {}
        self._files: dict[str, tuple[str, ...] | None] = {}
        self._givers: dict[tuple[str, str], str | None] = {}

    def find(self, name: str) -> Module | None:
        """Find a module by its dotted name; ``None`` when no file of it is there."""
        if name not in self._modules:
            self._modules[name] = self._find(_REGISTERED_AS.get(name, name))
        return self._modules[name]

    def is_installed(self, name: str) -> bool:
        """Return whether a top-level module is of the environment, rather than of the user's own folders."""
        module = self.find(name)
        files = () if module is None else (module.file or "", *module.locations)
        return any(file.startswith(f"{root}{os.sep}") for file in files for root in self.installed_roots)

    def record_of(self, package: str) -> str | None:
        """Return the list of files that an installer has written for a package; ``None`` if there is none beside it."""
        module = self.find(package)
        for location in module.locations if module is not None else ():
            root = os.path.dirname(location)
            for entry in self._entries(root):
                name, _, rest = entry.removesuffix(".dist-info").partition("-")
                if rest and entry.endswith(".dist-info") and _normalized(name) == _normalized(package):
                    return os.path.join(root, entry, "RECORD")
        return None

    def is_part_of_name(self, word: str) -> bool:
        """Return whether the name of a module that an absolute import may start with holds a word."""
        return any(word in name for name in self.top_level())

    def submodules(self, module: Module) -> Iterator[str]:
        """The names of the modules directly inside a package."""
        for location in module.locations:
            yield from self._module_names(location)

    def top_level(self) -> Iterator[str]:
        """The names that an absolute import may start with."""
        if self.project is not None:
            yield "project"
        yield from sys.stdlib_module_names
        for location in self._roots:
            yield from self._module_names(location)
        yield from self._editable.mapping

    def may_exist(self, name: str) -> str | None:
        """Say why a top-level module that was not found may still be importable; ``None`` when it cannot be."""
        if self._archives:
            return f"{self._archives[0]} is an archive, which is not searched"
        for hook, text in self._editable.unread.items():
            if re.search(rf"\b{re.escape(name)}\b", text):
                return f"{hook} adds an import hook that names it"
        if name in sys.stdlib_module_names:
            return "a module of the interpreter"
        return None

    def version(self, distribution: str) -> str | None:
        """The version of an installed distribution; ``None`` when there is none of that name."""
        wanted = _normalized(distribution)
        for location in self._roots:
            for entry in self._entries(location):
                name, _, rest = entry.removesuffix(".dist-info").partition("-")
                if rest and entry.endswith(".dist-info") and _normalized(name) == wanted:
                    return rest
        return None

    def may_be_given(self, module: Module, name: str) -> str | None:
        """Name a file of the same distribution that may set ``module.name`` from outside; ``None`` when none does.

        To do so, source has to spell the name: as ``x.name = ...``, or as a text for ``setattr`` or ``sys.modules``.
        """
        question = (module.name, name)
        if question not in self._givers:  # looking through all files of torch takes a third of a second
            self._givers[question] = self._giver(module, name)
        return self._givers[question]

    def _giver(self, module: Module, name: str) -> str | None:
        package = module.name.partition(".")[0]
        files = self.files(package)
        if files is None:
            return f"one of the many files of {package}"
        for file in files:
            try:
                text = read_regular(file)
            except OSError:
                continue
            if _may_give(text, name.encode()):
                return file
        return None

    def files(self, package: str) -> tuple[str, ...] | None:
        """All source files of a top-level package; ``None`` when its folder holds too much to look through.

        Folders that cannot be imported from are left out: hidden ones, virtual environments.
        """
        if package not in self._files:
            self._files[package] = self._list_files(package)
        return self._files[package]

    def _list_files(self, package: str) -> tuple[str, ...] | None:
        module = self.find(package)
        found: list[str] = []
        if module is not None and module.kind == "source" and module.file is not None and not module.locations:
            found.append(module.file)
        num_entries = 0
        for location in module.locations if module is not None else ():
            for folder, folders, files in os.walk(location):
                num_entries += len(folders) + len(files)
                if num_entries > _MAX_ENTRIES:
                    return None
                folders[:] = [] if "pyvenv.cfg" in files else [name for name in folders if name.isidentifier()]
                found.extend(os.path.join(folder, file) for file in files if file.endswith(".py"))
        return tuple(found)

    def _find(self, name: str) -> Module | None:
        parent_name, _, last = name.rpartition(".")
        if not parent_name:
            return self._find_top_level(name)
        parent = self.find(parent_name)
        if parent is None:
            return None
        if parent.kind == "source" and parent.locations and self._extends_its_path(parent):
            inside = parent.name.replace(".", os.sep)
            locations = (*parent.locations, *(os.path.join(root, inside) for root in self._roots))
            return self._search(name, last, tuple(dict.fromkeys(locations)))
        return self._search(name, last, parent.locations, stubs_alone=parent.kind == "stub")

    def _find_top_level(self, name: str) -> Module | None:
        if name == "project" and self.project is not None:
            folder = str(self.project)
            file = os.path.join(folder, "__init__.py")
            is_regular = os.path.isfile(file)
            return Module(name, "source" if is_regular else "namespace", file if is_regular else None, (folder,))
        if name in sys.builtin_module_names:
            return Module(name, "builtin")
        found = self._search(name, name, self._roots)
        if found is None or found.kind == "namespace":
            return self._editable_module(name) or found
        return found

    def _search(self, name: str, last: str, locations: Sequence[str], *, stubs_alone: bool = False) -> Module | None:
        portions: list[str] = []
        for location in locations:
            entries = self._entries(location)
            if last in entries:
                folder = os.path.join(location, last)
                inside = self._entries(folder)
                if "__init__.py" in inside:
                    return Module(name, "source", os.path.join(folder, "__init__.py"), (folder,))
                for suffix in EXTENSION_SUFFIXES:
                    if f"__init__{suffix}" in inside:
                        return self._compiled(name, folder, "__init__", suffix, (folder,))
            for suffix in EXTENSION_SUFFIXES:
                if f"{last}{suffix}" in entries:
                    stubs = os.path.join(location, last)
                    return self._compiled(name, location, last, suffix, (stubs,) if last in entries else ())
            if f"{last}.py" in entries:
                return Module(name, "source", os.path.join(location, f"{last}.py"))
            if stubs_alone and f"{last}.pyi" in entries:
                return Module(name, "stub", os.path.join(location, f"{last}.pyi"))
            if last in entries and os.path.isdir(os.path.join(location, last)):
                portions.append(os.path.join(location, last))
        return Module(name, "namespace", None, tuple(portions)) if portions else None

    def _compiled(self, name: str, location: str, stem: str, suffix: str, locations: tuple[str, ...]) -> Module:
        for stub in (os.path.join(location, f"{stem}.pyi"), os.path.join(location, stem, "__init__.pyi")):
            if os.path.isfile(stub):
                return Module(name, "stub", stub, locations)
        return Module(name, "extension", os.path.join(location, f"{stem}{suffix}"))

    def _editable_module(self, name: str) -> Module | None:
        target = self._editable.mapping.get(name)
        if target is None:
            return None
        if os.path.isfile(f"{target}.py"):
            return Module(name, "source", f"{target}.py")
        init = os.path.join(target, "__init__.py")
        if os.path.isfile(init):
            return Module(name, "source", init, (target,))
        return Module(name, "namespace", None, (target,)) if os.path.isdir(target) else None

    def _extends_its_path(self, package: Module) -> bool:
        if package.name not in self._extending:
            try:
                text = read_regular(package.file or "")
            except OSError:
                text = b""
            self._extending[package.name] = b"extend_path" in text
        return self._extending[package.name]

    def _entries(self, folder: str) -> frozenset[str]:
        if folder not in self._listings:
            try:
                self._listings[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._listings[folder] = frozenset()
        return self._listings[folder]

    def _module_names(self, folder: str) -> Iterator[str]:
        for entry in self._entries(folder):
            stem, dot, ending = entry.partition(".")
            if not stem.isidentifier() or stem.startswith("__"):
                continue
            if (dot and (ending == "py" or f".{ending}" in EXTENSION_SUFFIXES)) or (
                not dot and os.path.isdir(os.path.join(folder, entry))
            ):
                yield stem

    @cached_property
    def installed_roots(self) -> tuple[str, ...]:
        """The folders of the search path that belong to the environment: those of libraries, and of their installs."""
        standard = os.path.dirname(os.__file__)
        found = [
            entry
            for entry in self.search_path
            if _is_site(entry) or entry == standard or entry.startswith(f"{standard}{os.sep}")
        ]
        return tuple(dict.fromkeys([*found, *self._editable.folders, *self._editable.mapping.values()]))

    @cached_property
    def _archives(self) -> tuple[str, ...]:
        return tuple(entry for entry in self._roots if os.path.isfile(entry))

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.search_path, *self._editable.folders]))

    @cached_property
    def _editable(self) -> "_EditableInstalls":
        installs = _EditableInstalls({}, [], {})
        for folder in self.search_path:
            if _is_site(folder):
                for entry in sorted(self._entries(folder)):
                    if entry.endswith(".pth"):
                        installs.read(folder, entry)
        return installs


def _may_give(text: bytes, name: bytes) -> bool:
    """Return whether source sets an attribute of this name, or spells it as a text of its own or after dots."""
    bound: re.Match[bytes] | None = None
    at = text.find(name)
    while at != -1:  # a pattern that begins with the name is tried a thousand times as seldom as any other
        before, end = text[max(0, at - _NEAR) : at], at + len(name)
        if text[end : end + 1] in (b'"', b"'"):
            if _IN_QUOTES.search(before) is not None:
                return True
        elif (is_set := _IS_SET.match(text, end)) is not None and (owner := _OWNER.search(before)) is not None:
            # an attribute of `self` is one of an object, unless the text binds `self` to something of its own
            if owner[1] not in (b"self", b"cls"):
                return True
            bound = bound or re.search(rb"\bself = ", text)
            if owner[1] == b"self" and is_set[1] is None and bound is not None and at > bound.end():
                return True
        at = text.find(name, end)
    return False


def _is_site(folder: str) -> bool:
    return os.path.basename(folder) in ("site-packages", "dist-packages")


def _normalized(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@dataclass(frozen=True, slots=True)
class _EditableInstalls:
    """What the ``.pth`` files of one environment add to the search path."""

    mapping: dict[str, str]
    folders: list[str]
    unread: dict[str, str]

    def read(self, folder: str, entry: str) -> None:
        for line in read_regular(Path(folder, entry)).decode(errors="replace").splitlines():
            if line.startswith(("import ", "import\t")):
                self._read_hook(folder, entry, line)
            elif line.strip() and not line.startswith("#"):
                path = os.path.abspath(os.path.join(folder, line.strip()))
                if os.path.exists(path):
                    self.folders.append(path)

    def _read_hook(self, folder: str, entry: str, line: str) -> None:
        imported = re.match(r"import\s+(\w+)", line)
        hook = Path(folder, f"{imported.group(1)}.py") if imported else None
        if hook is None or not hook.is_file():
            self.unread[entry] = f"{self.unread.get(entry, '')}{line}\n"
            return
        text = read_regular(hook).decode(errors="replace")
        mapping = _setuptools_mapping(text) if hook.name.startswith("__editable___") else None
        if mapping is None:
            self.unread[hook.name] = text
        else:
            self.mapping.update(mapping)


def _setuptools_mapping(text: str) -> dict[str, str] | None:
    """The ``MAPPING`` of a finder that setuptools wrote for an editable install."""
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for statement in tree.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(isinstance(target, ast.Name) and target.id == "MAPPING" for target in targets):
                try:
                    mapping = ast.literal_eval(statement.value)
                except ValueError:
                    return None
                return mapping if isinstance(mapping, dict) else None
    return None
