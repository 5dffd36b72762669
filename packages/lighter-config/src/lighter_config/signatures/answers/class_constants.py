"""The constants that a class statement binds, or one of its bases: ``higher_is_better: bool = True``."""

from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.value import ClassValue, ConstantValue

Constant = bool | int | float | str | None


def class_constant(library: Library, cls: ClassValue, name: str) -> Constant:
    """Return the constant of a class; ``None`` if it is that, has another value, or is not known."""
    match library.classes.attribute(cls, name):
        case ConstantValue(value=bool() | int() | float() | str() as value):
            return value
    return None
