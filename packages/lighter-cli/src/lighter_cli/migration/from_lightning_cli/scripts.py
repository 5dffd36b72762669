"""Find the classes that a script gives to LightningCLI."""

import ast
from collections.abc import Iterator
from pathlib import Path

from lighter_config.regular_files import read_regular
from lighter_config.signatures.text.parsing import parse_module

_MAX_SCRIPTS = 50
_ARGUMENTS = {"model": (0, "model_class"), "data": (1, "datamodule_class")}


def classes_of_scripts(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the import paths of the models and data of the scripts in a folder, by section; nothing is imported."""
    found: dict[str, dict[str, None]] = {section: {} for section in _ARGUMENTS}
    for file in sorted(folder.glob("*.py"))[:_MAX_SCRIPTS]:
        try:
            tree = parse_module(read_regular(file))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        names = dict(_names(tree, file.stem))
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("CLI"):
                for section, (position, keyword) in _ARGUMENTS.items():
                    given = next((word.value for word in call.keywords if word.arg == keyword), None)
                    given = call.args[position] if given is None and len(call.args) > position else given
                    if given is not None and (path := _path(ast.unparse(given), names)):
                        found[section][path] = None
    return {section: tuple(paths) for section, paths in found.items()}


def _names(tree: ast.Module, module: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a script defines or imports, with their import paths."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, f"{module}.{node.name}"
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((one.asname or one.name, f"{node.module}.{one.name}") for one in node.names)
        elif isinstance(node, ast.Import):
            yield from ((one.asname or one.name, one.name) for one in node.names)


def _path(text: str, names: dict[str, str]) -> str:
    first, dot, rest = text.partition(".")
    path = f"{names[first]}{dot}{rest}" if first in names else ""
    # the base classes, with which the config names its own
    return "" if path.endswith((".LightningModule", ".LightningDataModule")) else path
