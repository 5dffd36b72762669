"""The names in Python code that is written from a config: imports and variables."""

import builtins
import keyword
import sys
from collections.abc import Collection
from pathlib import Path

from lighter_config.signatures.text.modules import ModuleFinder
from lighter_config.stages import MODES
from lighter_config.tree.node import Segments
from lighter_config.writing.python_layout import WIDTH

_UNCLEAR = frozenset((*MODES, "default", "value"))


class Names:
    """Gives each import and each variable a name of its own.

    Args:
        taken: Names that stand for something else in the code.
        project: The folder that is imported as ``project``.
    """

    def __init__(self, taken: Collection[str], project: Path | None = None) -> None:
        self._bound = set(taken)
        self._variables: set[str] = set()
        self._of_other_functions: set[str] = set()
        self._imports: dict[str, tuple[str, str]] = {}
        self._local: dict[str, str] = {}
        self._finder = ModuleFinder([*sys.path, str(Path.cwd())], project=project)

    def start_function(self) -> None:
        """Begin a function, whose variables may have the names of those of other functions."""
        self._of_other_functions |= self._variables
        self._variables = set()

    def variable(self, path: Segments) -> str:
        """Return a new name for the value at a path: its last part, and as many before it as make it clear."""
        parts = [_identifier(str(part)) for part in path]
        names = ["_".join(parts[-length:]) for length in range(1, len(parts) + 1)]
        names = [name for name in names if name.isidentifier()] or ["value"]
        clear = [name for name in names if name not in _UNCLEAR] or names
        name = next((name for name in clear if self._is_free(name)), "")
        number = 2
        while not name:
            name = f"{clear[-1]}_{number}" if self._is_free(f"{clear[-1]}_{number}") else ""
            number += 1
        self._variables.add(name)
        return name

    def imported(self, dotted: str, name: str = "") -> str:
        """Import what a dotted path names, and return the code for it.

        Args:
            dotted: The path, of a module or of something inside one.
            name: The name to import it as, if it is free.
        """
        if (dotted + " " + name) in self._local:
            return self._local[dotted + " " + name]
        parts = dotted.split(".")
        length = len(parts)
        while length > 1 and self._finder.find(".".join(parts[:length])) is None:
            length -= 1
        module, attributes = ".".join(parts[:length]), parts[length:]
        head, rest = (attributes[0], attributes[1:]) if attributes else ("", [])
        local = self._free_name(name or head or parts[-1], parts)
        if head:
            self._imports[local] = (module, head)
        elif length > 1 and local == parts[-1]:
            self._imports[local] = (".".join(parts[:-1]), local)
        else:
            self._imports[local] = (module, "")
        code = ".".join([local, *rest])
        self._local[dotted + " " + name] = code
        return code

    @property
    def imports(self) -> tuple[str, ...]:
        """The import statements, sorted, one for each module."""
        modules: list[str] = []
        members: dict[str, list[str]] = {}
        for local, (module, name) in self._imports.items():
            if name:
                members.setdefault(module, []).append(name if name == local else f"{name} as {local}")
            else:
                modules.append(f"import {module}" if module == local else f"import {module} as {local}")
        return (*sorted(modules), *(_import_from(module, members[module]) for module in sorted(members)))

    def _free_name(self, wanted: str, parts: list[str]) -> str:
        candidates = [wanted, *("_".join(parts[-length:]) for length in range(2, len(parts) + 1))]
        free = (name for name in candidates if self._is_free(name) and name not in self._of_other_functions)
        name = next(free, "")
        while not name:
            wanted += "_"
            name = wanted if self._is_free(wanted) and wanted not in self._of_other_functions else ""
        return name

    def _is_free(self, name: str) -> bool:
        taken = name in self._bound or name in self._variables or name in self._imports
        return not (taken or keyword.iskeyword(name) or hasattr(builtins, name))


def _import_from(module: str, names: list[str]) -> str:
    ordered = sorted(names, key=lambda name: (not name.isupper(), not name[:1].isupper(), name))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= WIDTH:
        return line
    return f"from {module} import (\n{''.join(f'    {name},{chr(10)}' for name in ordered)})"


def _identifier(text: str) -> str:
    return "".join(character if character.isalnum() or character == "_" else "_" for character in text)
