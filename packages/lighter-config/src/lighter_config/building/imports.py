"""Import what a ``_target_`` names."""

import importlib
from types import ModuleType
from typing import Any

from lighter_config.suggestions import nearest_names


class NoSuchTargetError(Exception):
    """A dotted path whose module or name does not exist; the message says which.

    Attributes:
        nearest: The nearest names that exist, each the whole dotted path.
    """

    def __init__(self, message: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.nearest = nearest


def locate(dotted: str) -> Any:
    """Import the object at a dotted path: ``collections.OrderedDict.fromkeys``.

    Raises:
        NoSuchTargetError: A module or name of it does not exist.
        Exception: What importing a module raises, as it is.

    >>> locate("collections.OrderedDict.fromkeys")({"a": 1}) == {"a": None}
    True
    """
    parts = dotted.split(".")
    if not all(part.isidentifier() for part in parts):
        raise NoSuchTargetError(f"{dotted} is not a dotted name")
    found = _module(parts[0])
    if found is None:
        raise NoSuchTargetError(f"{dotted} does not exist: no module named {parts[0]!r}")
    for index, part in enumerate(parts[1:], start=1):
        name = ".".join(parts[:index])
        inside = _attribute(found, part)
        if inside is None and isinstance(found, ModuleType):
            # not while an AttributeError is handled, which would become the context of what the module raises
            module = _module(f"{name}.{part}")
            inside = None if module is None else (module,)
        if inside is None:
            near = tuple(f"{name}.{near}" for near in nearest_names(part, _public(found)))
            is_all = index == len(parts) - 1
            raise NoSuchTargetError(f"{dotted} does not exist" + ("" if is_all else f": {name} has no `{part}`"), near)
        (found,) = inside
    return found


def _attribute(owner: Any, name: str) -> tuple[Any] | None:
    """Return the attribute as the only item of a tuple, since it may be ``None``; ``None`` if there is no such one."""
    try:
        return (getattr(owner, name),)
    except AttributeError:
        return None


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            return None
        raise


def _public(found: Any) -> list[str]:
    try:
        return [name for name in dir(found) if not name.startswith("_")]
    except Exception:  # a user's __dir__ can raise anything, and this only serves a suggestion
        return []
