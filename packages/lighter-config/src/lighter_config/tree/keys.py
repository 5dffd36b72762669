"""The keys of a mapping that say more than a name: ``=key``, ``+key``, ``~key``, ``a::b``."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from lighter_config.errors import PathError
from lighter_config.findings import Finding
from lighter_config.tree.node import Key, Segments
from lighter_config.tree.paths import SEPARATOR, split_path

Operator: TypeAlias = Literal["", "=", "+", "~"]


@dataclass(frozen=True, slots=True)
class SpecialKey:
    """A key with an operator, or one that is a path.

    Attributes:
        operator: ``=`` replaces, ``+`` appends to a list, ``~`` deletes, nothing merges.
        path: Where, from the mapping that holds the key.
        legacy: Whether ``#`` separates its segments.
    """

    operator: Operator
    path: Segments
    legacy: bool


def special_key(key: Key) -> SpecialKey | None:
    r"""Read a key; ``None`` for an ordinary one.

    Raises:
        PathError: The key is empty, or a path with an empty segment.

    >>> special_key("=callbacks"), special_key("lr")
    (SpecialKey(operator='=', path=('callbacks',), legacy=False), None)
    >>> special_key(r"\~k").path
    ('~k',)
    """
    if type(key) is str and (key[:1] in _OPERATORS_AND_ESCAPE or SEPARATOR in key or "#" in key):
        return _special_key(key)
    return None


_OPERATORS = ("=", "+", "~")
_OPERATORS_AND_ESCAPE = (*_OPERATORS, "\\", "")  # the last for the empty key, which is refused


@lru_cache(maxsize=20_000)
def _special_key(key: str) -> SpecialKey | None:
    if not key:
        raise PathError(Finding(message="a key is empty", fix="give it a name, or remove it"))
    if key in _OPERATORS_AND_ESCAPE:
        return None
    operator: Operator = key[0] if key[0] in _OPERATORS else ""  # type: ignore[assignment]
    path, legacy = split_path(key[1:] if operator else key)
    if not operator and path == (key,):
        return None
    return SpecialKey(operator, path, legacy)
