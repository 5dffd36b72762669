"""Whether an import succeeds, as far as the files on the search path tell."""

import re
import sys
from collections.abc import Callable

from lighter_config.regular_files import read_regular
from lighter_config.signatures.namespaces.namespace import ModuleImport, NameImport, Namespace
from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.values.module_store import ModuleStore
from lighter_config.signatures.values.value import Absent, Unclear, Value

_IMPORT = re.compile(rb"^(?:from +(\.*[\w.]*) +import|import +([\w.]+))", re.MULTILINE)
_REFUSAL = re.compile(rb"^[ \t]*(?:raise \w*(?:Import|ModuleNot|Avail|Depend)|sys\.exit\()", re.MULTILINE)
_OUTERMOST = re.compile(rb"^(?:async def|def|class)\b", re.MULTILINE)

_MAX_DEPTH = 3

Outcome = bool | str | None
"""``True`` when it succeeds, the name of the exception when it certainly fails, ``None`` when that is not known."""


class Imports:
    """Says whether imports succeed.

    A module is taken to import when every module is found that its own statements import, three steps deep.

    Args:
        modules: The modules of the search path.
        lookup: Says what a name of a module is.
        may_lack: Says whether a module binds a name in some branches alone.
    """

    def __init__(
        self, modules: ModuleStore, lookup: Callable[[str, str], Value], may_lack: Callable[[str, str], bool]
    ) -> None:
        self._modules = modules
        self._lookup = lookup
        self._may_lack = may_lack
        self._outcomes: dict[str, tuple[Outcome, frozenset[str]]] = {}

    def succeeds(self, name: str) -> Outcome:
        """Whether ``import name`` succeeds."""
        return self._succeeds(name, 0)

    def gives(self, module: str, name: str) -> Outcome:
        """Whether ``from module import name`` succeeds."""
        outcome = self._succeeds(module, 0)
        if outcome is not True or name == "*":
            return outcome
        value = self._lookup(module, name)
        if isinstance(value, Absent):
            is_own = value.owner == module and value.name == name and not value.is_module
            return "ImportError" if is_own else None
        if self._may_lack(module, name):
            return None
        if isinstance(value, Unclear):
            # it is there, whatever it is
            found = self._modules.find(module)
            names = self._modules.namespace(found) if found is not None and found.kind == "source" else None
            return True if isinstance(names, Namespace) and name in names.names else None
        if self._modules.submodule(module, name) is not None:
            return self._succeeds(f"{module}.{name}", 0)
        return True

    def _succeeds(self, name: str, depth: int) -> Outcome:
        if name not in self._outcomes:
            self._outcomes[name] = True, frozenset()  # modules may import each other
            with self._modules.recording() as facts:
                outcome = self._worked_out(name, depth)
            if depth and outcome is not True:
                del self._outcomes[name]
                return outcome
            self._outcomes[name] = outcome, frozenset(facts)
        outcome, depends_on = self._outcomes[name]
        for fact in depends_on:
            self._modules.depends_on(fact)
        return outcome

    def _worked_out(self, name: str, depth: int) -> Outcome:
        parent = name.rpartition(".")[0]
        if name.partition(".")[0] in sys.stdlib_module_names:
            return True if self._modules.find(name) is not None or name in sys.modules else None
        if parent:
            outcome = self._succeeds(parent, depth + 1)
            if outcome is not True:
                return outcome
        module = self._modules.find(name)
        if module is None:
            missing = self._modules.missing(name)
            return "ModuleNotFoundError" if isinstance(missing, Absent) else None
        if module.kind != "source" or depth > _MAX_DEPTH:
            return True
        return self._runs(module, depth)

    def _runs(self, module: Module, depth: int) -> Outcome:
        """Whether the statements of a module find all that they import."""
        try:
            text = read_regular(module.file or "")
        except OSError:
            return None
        if depth == 0 and _may_refuse(text):
            return None
        for found in _IMPORT.finditer(text):
            target = _absolute((found[1] or found[2]).decode(), module)
            if not target or target == module.name:
                continue
            outcome = self._succeeds(target, depth + 1)
            if outcome is not True:
                return outcome if self._really_imports(module, target) else None
        return True

    def _really_imports(self, module: Module, target: str) -> bool:
        """Return whether an import is a statement of the module, and not a line of a text in it."""
        namespace = self._modules.namespace(module)
        return isinstance(namespace, Namespace) and any(
            (isinstance(binding, (ModuleImport, NameImport)) and f"{binding.module}.".startswith(f"{target}."))
            or (isinstance(binding, ModuleImport) and target.startswith(f"{binding.module}."))
            for name in namespace.names
            for binding in namespace.candidates(name)
        )


def _may_refuse(text: bytes) -> bool:
    """Return whether a module may end its own import on purpose: it raises outside of functions and classes."""
    for found in _REFUSAL.finditer(text):
        start = found.start()
        while True:  # the line without indent that it belongs to
            start = text.rfind(b"\n", 0, start)
            line = text[start + 1 : start + 10]
            if start == -1 or line[:1].strip(b" \t\r\n#)"):
                break
        if _OUTERMOST.match(text[start + 1 :][:12]) is None:
            return True
    return False


def _absolute(name: str, module: Module) -> str:
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    package = module.package
    for _ in range(level - 1):
        package = package.rpartition(".")[0]
    return ".".join(part for part in (package, name[level:]) if part)
