"""Which kinds of values in YAML an argument takes: the comparison that judges values, asked with one of each kind."""

import ast
from collections.abc import Callable
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

KINDS = tuple(kind for kind, _ in _PROBES)
"""The kinds, in the names of JSON Schema; ``number`` stands for floats, and ``integer`` for integers."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The kinds of values that an argument takes, as far as its annotation tells; what is built first always fits.

    Attributes:
        kinds: The kinds of ``KINDS``; all if nothing is known.
        choices: The values that it lists, if it takes no others but ``None``.
        items: The kinds of the items of lists.
    """

    kinds: tuple[str, ...] = KINDS
    choices: tuple[Any, ...] = ()
    items: tuple[str, ...] = KINDS


def accepted(mismatch: Callable[[Any], Mismatch | None]) -> Accepted:
    """Find the kinds of values that certainly fit, or may.

    Args:
        mismatch: Says what in a value certainly does not fit.
    """
    refusals = {kind: mismatch(probe) for kind, probe in _PROBES}
    if refusals["array"] is not None and any(mismatch([UNWRITTEN] * length) is None for length in range(_MAX_ITEMS)):
        refusals["array"] = None
    kinds = tuple(kind for kind in KINDS if refusals[kind] is None)
    items = KINDS
    if "array" in kinds and mismatch([UNWRITTEN]) is None:
        items = tuple(kind for kind, probe in _PROBES if mismatch([probe]) is None)
    refused = refusals["string"]
    choices = refused.choices if refused is not None and not refused.path else ()
    return Accepted(kinds, choices if not set(kinds) - {"null"} else (), items)


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
