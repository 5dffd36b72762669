"""Whether a literal of YAML may stand for an object of a class: almost never, but some classes take text or lists."""

import ast
import re
import sys
from typing import Any

from lighter_config.signatures.answers.mismatch import Wanted
from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.value import ClassValue, Unclear

_MADE_FROM = {
    str: (
        "builtins.str",
        "os.PathLike",
        "pathlib.PurePath",
        "pathlib.Path",
        "pathlib._local.PurePath",  # where Python 3.13 defines them
        "pathlib._local.Path",
    ),
    list: (
        "builtins.list",
        "builtins.tuple",
        "builtins.set",
        "typing.NamedTuple",
        "collections.abc.Iterable",
        "torch.utils.data.dataset.Dataset",  # a DataLoader takes whatever has a length and items
        "torch.utils.data.sampler.Sampler",
    ),
    dict: ("builtins.dict", "collections.abc.Mapping", "typing.TypedDict"),
    int: ("builtins.int", "builtins.float", "numbers.Number", "decimal.Decimal", "fractions.Fraction"),
    float: ("builtins.float", "numbers.Number", "decimal.Decimal", "fractions.Fraction"),
    bool: ("builtins.bool", "builtins.int"),
}
"""Classes whose objects code often makes from a literal of a type, although its annotation names the class alone."""

_CONVERT_ANYTHING = ("typing.Protocol", "pydantic.main.BaseModel", "builtins.type", "datetime.timedelta")
_TENSOR = "torch._tensor.Tensor"
_DTYPE = re.compile(r"(?:torch\.)?(?:b?float(?:16|32|64)?|u?int(?:8|16|32|64)|half|double|bool|long|complex(?:64|128))")


def is_name_of_dtype(node: ast.expr, value: Any) -> bool:
    """Return whether text names a dtype where an annotation is ``torch.dtype``, which takes no text."""
    return ast.unparse(node) in ("torch.dtype", "dtype") and isinstance(value, str) and bool(_DTYPE.fullmatch(value))


def object_wanted(library: Library, cls: ClassValue, value: Any) -> Wanted:
    """Say what an object of a class has to be given as; nothing if the literal may do.

    Args:
        library: Knows the bases of classes.
        cls: The class that an annotation names.
        value: A literal.
    """
    if cls.name == _TENSOR:
        return "tensor" if isinstance(value, str | list | dict) else ""
    order = library.classes.mro(cls)
    if isinstance(order, Unclear):
        return ""
    names = {one.name for one in order}
    accepted = next((found for kind, found in _MADE_FROM.items() if type(value) is kind), ())
    if names & {*accepted, *_CONVERT_ANYTHING} or _may_be_virtual(cls, value):
        return ""
    if "enum.Enum" in names:
        return "" if value in _members_of(cls) else "enum"
    return "object"


def enum_literals(library: Library, cls: ClassValue) -> tuple[Any, ...]:
    """Return the literals that may stand for the members of an enum; none for another class."""
    order = library.classes.mro(cls)
    is_enum = not isinstance(order, Unclear) and any(one.name == "enum.Enum" for one in order)
    return _members_of(cls) if is_enum else ()


def _members_of(enum: ClassValue) -> tuple[Any, ...]:
    return (*_values_of(enum), *_names_of(enum))


def _may_be_virtual(cls: ClassValue, value: Any) -> bool:
    """Return whether a literal may be an instance of a class that is no base of its own.

    A class with a ``__subclasshook__`` accepts objects by their methods: text is ``Hashable``. Only the hooks of the
    standard library are asked, as others would have to be imported.
    """
    if not any(isinstance(node, ast.FunctionDef) and node.name == "__subclasshook__" for node in cls.node.body):
        return False
    module, _, name = cls.name.rpartition(".")
    asked = getattr(sys.modules.get(module), name, None) if module in sys.stdlib_module_names else None
    return not isinstance(asked, type) or isinstance(value, asked)


def _names_of(enum: ClassValue) -> list[str]:
    """Return the names of an enum's members: code may look one up by its name."""
    assigned = (node.targets for node in enum.node.body if isinstance(node, ast.Assign))
    return [target.id for targets in assigned for target in targets if isinstance(target, ast.Name)]


def _values_of(enum: ClassValue) -> list[Any]:
    """Return the literal values of an enum's members: a constructor may well turn one into the member."""
    assigned = (node.value for node in enum.node.body if isinstance(node, ast.Assign))
    return [value.value for value in assigned if isinstance(value, ast.Constant)]
