"""Which kinds of values in YAML an argument takes: the comparison that judges values, asked with one of each kind."""

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lighter_config.signatures.answers.mismatch import UNWRITTEN, Mismatch

_PROBES: tuple[tuple[str, Any], ...] = (
    ("null", None),
    ("boolean", True),
    ("integer", 7),
    ("number", 0.5),
    ("string", "\0"),
    ("array", [UNWRITTEN]),
    ("object", {"\0": UNWRITTEN}),
)
_MAX_ITEMS = 6  # of tuples of a fixed length

_KIND_OF_TYPE = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}

KINDS = tuple(kind for kind, _ in _PROBES)
"""The kinds, in the names of JSON Schema; ``number`` stands for floats, and ``integer`` for integers."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The kinds of values that an argument takes, as far as its annotation tells; what is built first always fits.

    Attributes:
        kinds: The kinds of ``KINDS``; all if nothing is known.
        choices: The values that it takes besides: those of a ``Literal``.
        item_kinds: The kinds of the items of lists.
        item_choices: The values that items may have besides.
    """

    kinds: tuple[str, ...] = KINDS
    choices: tuple[Any, ...] = ()
    item_kinds: tuple[str, ...] = KINDS
    item_choices: tuple[Any, ...] = ()


def accepted(
    mismatch: Callable[[Any], Mismatch | None], choices: Iterable[Any] = (), item_choices: Iterable[Any] = ()
) -> Accepted:
    """Find the kinds of values that certainly fit, or may.

    Args:
        mismatch: Says what in a value certainly does not fit.
        choices: The values that the annotation lists.
        item_choices: Those that it lists for the items of lists.
    """
    kinds = [kind for kind, probe in _PROBES if mismatch(probe) is None]
    if "array" not in kinds and any(mismatch([UNWRITTEN] * length) is None for length in range(_MAX_ITEMS)):
        kinds.append("array")
    item_kinds = KINDS
    if "array" in kinds and mismatch([UNWRITTEN]) is None:
        item_kinds = tuple(kind for kind, probe in _PROBES if mismatch([probe]) is None)
    return Accepted(tuple(kinds), _besides(choices, kinds), item_kinds, _besides(item_choices, item_kinds))


def _besides(choices: Iterable[Any], kinds: Sequence[str]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(value for value in choices if _KIND_OF_TYPE[type(value)] not in kinds))


def literal_default(text: str | None) -> Any:
    """Return a default as YAML would give it; ``UNWRITTEN`` if it is computed.

    >>> literal_default("(0.9, 0.999)"), literal_default("None"), literal_default("Path()")
    ([0.9, 0.999], None, UNWRITTEN)
    """
    try:
        value = ast.literal_eval(text or "")
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return UNWRITTEN
    value = list(value) if isinstance(value, tuple) else value
    return value if isinstance(value, bool | int | float | str | list | dict | None) else UNWRITTEN
