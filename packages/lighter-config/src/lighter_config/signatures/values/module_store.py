"""The modules of one search path and the names that their statements bind, read on demand."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lighter_config.regular_files import read_regular
from lighter_config.signatures.namespaces.namespace import Namespace
from lighter_config.signatures.namespaces.statements import read_module
from lighter_config.signatures.text.modules import EVERY_FILE, Module, ModuleFinder
from lighter_config.signatures.values.value import Absent, ModuleValue, Unclear

_LIST_OF_EXPORTS = re.compile(rb"^__all__\s*=\s*[\[(]([^\])]*)[\])]\s*$", re.MULTILINE)
_QUOTED = re.compile(rb"[\"'](\w+)[\"']")
_STAR_OF_SUBMODULE = re.compile(rb"^\s+from \.(\w+) import \*", re.MULTILINE)
_MAX_OTHER_IMPORTS = 4  # TYPE_CHECKING, the lazy module, sys


class ModuleStore:
    """Reads each module once, and records which modules an answer depends on.

    Attributes:
        finder: Where modules are found.
    """

    def __init__(self, finder: ModuleFinder) -> None:
        self.finder = finder
        self._namespaces: dict[str, Namespace | Unclear] = {}
        self._texts: dict[str, bytes] = {}
        self._exports: dict[str, frozenset[str] | None] = {}
        self._recordings: list[set[str]] = []

    @contextmanager
    def recording(self) -> Iterator[set[str]]:
        """Collect the names of all modules that are asked for meanwhile, found or not."""
        names: set[str] = set()
        self._recordings.append(names)
        try:
            yield names
        finally:
            self._recordings.pop()

    def find(self, name: str) -> Module | None:
        """Find a module, and remember that an answer depends on it."""
        for names in self._recordings:
            names.add(name)
        return self.finder.find(name)

    def depends_on(self, fact: str) -> None:
        """Remember that an answer depends on something beside modules."""
        for names in self._recordings:
            names.add(fact)

    def depends_on_all_of(self, module: Module) -> None:
        """Remember that an answer depends on every file of the module's distribution."""
        for names in self._recordings:
            names.add(f"{module.name.partition('.')[0]}{EVERY_FILE}")

    def has_read(self, module: Module) -> bool:
        """Return whether the names of a module are known already."""
        return module.name in self._namespaces

    def namespace(self, module: Module) -> Namespace | Unclear:
        """The names of a module that has source or a stub."""
        if module.name not in self._namespaces:
            self._namespaces[module.name] = self._read(module)
        return self._namespaces[module.name]

    def _read(self, module: Module) -> Namespace | Unclear:
        if module.kind not in ("source", "stub"):
            return Unclear(f"{module.name} is compiled and comes without a stub", owner=module.name)
        try:
            return read_module(module, self.text(module))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = str(error) or type(error).__name__
            return Unclear(f"{module.file} cannot be read as Python: {reason}", owner=module.name)
        finally:
            self._texts.pop(module.name, None)

    def text(self, module: Module) -> bytes:
        """The source of a module that has a file, kept until its names are read."""
        if module.name not in self._texts:
            assert module.file is not None
            self._texts[module.name] = read_regular(module.file)
        return self._texts[module.name]

    def may_export(self, module: Module, name: str) -> bool:
        """Return whether a star import of a module may give a name, going by its text alone."""
        if module.name not in self._exports:
            self._exports[module.name] = self.listed_exports(module)
        exported = self._exports[module.name]
        return exported is None or name in exported

    def listed_exports(self, module: Module) -> frozenset[str] | None:
        """The names in ``__all__`` of a module that writes it once, as a list of texts; ``None`` for other modules."""
        try:
            text = read_regular(module.file or "")
        except OSError:
            return None
        found = _LIST_OF_EXPORTS.search(text)
        if found is not None and text.count(b"__all__") == 1:
            return frozenset(name.decode() for name in _QUOTED.findall(found[1]))
        submodules = _STAR_OF_SUBMODULE.findall(text)
        if found is not None or not submodules or not module.locations or b"__all__" in text:
            return None
        if len(submodules) != text.count(b"import *") or text.count(b"import ") > len(submodules) + _MAX_OTHER_IMPORTS:
            return None
        names: set[str] = set()
        for submodule in submodules:
            inner = self.find(f"{module.name}.{submodule.decode()}")
            exported = self.listed_exports(inner) if inner is not None and inner.kind == "source" else None
            if exported is None:
                return None
            names |= exported
        return frozenset(names)

    def stub_beside(self, module: Module) -> Module | None:
        """The stub beside a source module; ``None`` when there is none."""
        file = Path(module.file).with_suffix(".pyi") if module.kind == "source" and module.file else None
        if file is None or not file.is_file():
            return None
        self.depends_on_all_of(module)  # an import does not find it, so it has no name to depend on
        return replace(module, kind="stub", file=str(file))

    def submodule(self, package: str, name: str) -> ModuleValue | None:
        """The module ``package.name``; ``None`` when there is none."""
        return ModuleValue(f"{package}.{name}") if self.find(f"{package}.{name}") is not None else None

    def missing(self, name: str) -> Absent | Unclear:
        """What to say of a module that was not found."""
        parent, _, last = name.rpartition(".")
        if parent:
            return Absent(last, parent, is_module=True)
        reason = self.finder.may_exist(name)
        return Unclear(reason, name) if reason else Absent(name, is_module=True)
