"""Compiled functions that a source module takes over, read from the stub beside it, as NumPy ships them."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lighter_config.regular_files import read_regular
from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.values.compiled_functions import read_function
from lighter_config.signatures.values.value import ChoiceValue, FunctionValue, Scope, Unclear, Value

if TYPE_CHECKING:
    from lighter_config.signatures.values.library import Library


def function_of_stub(library: "Library", module: Module, name: str, value: Value) -> FunctionValue | None:
    """Return the function that a stub beside a module has under a name which the source leaves unclear.

    Args:
        library: Says what names stand for.
        module: A module.
        name: One of its names.
        value: What its source says of the name.
    """
    options = value.options if isinstance(value, ChoiceValue) else (value,)
    if module.kind != "source" or module.file is None or not all(isinstance(one, Unclear) for one in options):
        return None
    stub = Path(module.file).with_suffix(".pyi")
    if not stub.is_file():
        return None
    try:
        text = read_regular(stub).decode(errors="replace")
        if any(_is_compiled(library, one) for one in options):
            node = read_function(text, name)
            # two underscores stand for a place without a name, whatever the name is
            if node is not None and not any(
                one.arg.startswith("__") for one in (*node.args.posonlyargs, *node.args.args)
            ):
                return FunctionValue(module.name, name, node, Scope(module.name), stub=str(stub))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    again = re.search(rf"^from ([\w.]+) import \([^)]*^\s+{name}(?: as {name})?,", text, re.MULTILINE)
    if again is None or again[1].startswith(".") or again[1] == module.name:
        return None
    found = library.lookup(again[1], name)
    return found if isinstance(found, FunctionValue) and found.stub else None


def _is_compiled(library: "Library", value: Value) -> bool:
    owner = library.modules.find(value.owner) if isinstance(value, Unclear) and value.owner else None
    return owner is not None and owner.kind == "extension"
