"""The order of a class's bases, and classes that are part of the interpreter."""

import builtins
import collections
import collections.abc
import typing

from lighter_config.signatures.values.value import BuiltinValue, ClassValue, Unclear, Value

OBJECT = BuiltinValue("builtins.object")
_HOLDERS = {"builtins": builtins, "collections": collections, "collections.abc": collections.abc, "typing": typing}


def python_type(value: BuiltinValue) -> type:
    """The class behind a builtin name, as this interpreter has it; ``object`` when the name is no class."""
    module, _, name = value.name.rpartition(".")
    holder: object = _HOLDERS.get(module)
    found = getattr(holder, name, None)
    return found if isinstance(found, type) else object


def as_class(value: Value) -> Value:
    """Turn ``typing.Dict`` and its like into the class they stand for."""
    if isinstance(value, BuiltinValue) and value.name.startswith("typing."):
        origin = typing.get_origin(getattr(typing, value.name.removeprefix("typing."), None))
        if isinstance(origin, type) and origin.__module__ in ("builtins", "collections", "collections.abc"):
            return BuiltinValue(f"{origin.__module__}.{origin.__qualname__}")
    return value


def builtin_order(base: BuiltinValue) -> tuple[ClassValue | BuiltinValue, ...] | Unclear:
    """The order of bases of a class of the interpreter."""
    if base.name in ("abc.ABC", "typing.Generic", "typing.NamedTuple", "typing.TypedDict"):
        return (base, OBJECT)
    if base.name == "typing.Protocol":
        return (base, BuiltinValue("typing.Generic"), OBJECT)
    if base.name == "abc.ABCMeta":
        return (base, BuiltinValue("builtins.type"), OBJECT)
    cls = python_type(base)
    if cls is object and base != OBJECT:
        return Unclear(f"{base.name} is not read", owner=base.name)
    return tuple(
        BuiltinValue(
            f"{'builtins' if one.__module__ == 'builtins' else base.name.rpartition('.')[0]}.{one.__qualname__}"
        )
        for one in cls.__mro__
    )


def merged_order(sequences: list[list[ClassValue | BuiltinValue]]) -> list[ClassValue | BuiltinValue] | None:
    """Merge orders as Python does; ``None`` when they contradict each other."""
    merged: list[ClassValue | BuiltinValue] = []
    remaining = [list(sequence) for sequence in sequences if sequence]
    while remaining:
        for sequence in remaining:
            head = sequence[0]
            if not any(head in other[1:] for other in remaining):
                break
        else:
            return None
        merged.append(head)
        remaining = [rest for sequence in remaining if (rest := [one for one in sequence if one != head])]
    return merged
