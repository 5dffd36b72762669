"""Import the modules that expressions use."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lighter_cli.migration.document import Container, Document
from lighter_cli.migration.tree import section, texts
from lighter_config import ConfigError
from lighter_config.checks.expression_names import names_of_import
from lighter_config.signatures.text.modules import ModuleFinder
from lighter_config.tree.expressions import KNOWN_NAMES, parse_expression
from lighter_config.tree.references import is_expression

_SHORT_NAMES = {
    "F": "torch.nn.functional",
    "nn": "torch.nn",
    "numpy": "numpy",
    "pd": "pandas",
    "pl": "pytorch_lightning",
}


def add_imports(documents: Sequence[Document]) -> None:
    """Add the modules that expressions name to `_imports_`, in the file that names them."""
    known = set(KNOWN_NAMES)
    for document in documents:
        for path, _, _, text in texts(document.root):
            if "_imports_" in path:
                known.add(str(path[-1]))
            elif "_requires_" in path:
                known |= names_of_import(text.removeprefix("$"))
    finder = ModuleFinder([*sys.path, str(Path.cwd())])
    for document in documents:
        missing: dict[str, str] = {}
        for name, (container, key) in _unknown_names(document, known).items():
            if module := _module_of(name, finder):
                missing[name] = module
            else:
                fix = f"name its module: `_imports_: {{{name}: …}}`"
                document.say(f"unknown name {name!r} in an expression", container, key, fix=fix)
        if missing:
            section(document.root, "_imports_").update(missing)
            known |= set(missing)


def _unknown_names(document: Document, known: set[str]) -> dict[str, tuple[Container, Any]]:
    """Return the names that nothing defines, each with the first expression that uses it."""
    names: dict[str, tuple[Container, Any]] = {}
    for path, container, key, text in texts(document.root):
        if not is_expression(text) or "_requires_" in path:
            continue
        try:
            free_names = parse_expression(text).free_names
        except ConfigError:
            continue  # `lighter check` reports it
        for name in free_names:
            if name not in known:
                names.setdefault(name, (container, key))
    return names


def _module_of(name: str, finder: ModuleFinder) -> str:
    """Return the module that a name means; an empty text if there is none."""
    module = _SHORT_NAMES.get(name, name)
    return module if finder.find(module.partition(".")[0]) is not None else ""
