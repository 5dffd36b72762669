"""Read a part of a batch, a pred or a target: by an index, a key, a path of keys, or a callable."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lighter.errors import LighterError, nearest_names
from lighter.lightning.given_values import kind_of

_MAX_DEPTH = 4
_MAX_SHOWN = 20
_INDEX = re.compile(r"-?\d+")
_MISSING = object()


def is_accessor(value: object) -> bool:
    """Return whether a value can be an accessor."""
    return (isinstance(value, int | str) and not isinstance(value, bool)) or callable(value)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a value.

    Attributes:
        accessor: An index for tuples and lists, a key for mappings, or a callable that takes the whole. A text that is
            not a key is a path: keys, indices and attributes between dots, such as ``logits.cls`` or ``views.0``. None
            for no part.
        whole: What the value is, for the error message.
        where: The argument that the user gave, for the error message.
        fix: How to fix a part that does not exist.
        error: The class of the error.
    """

    accessor: int | str | Callable[[Any], Any] | None
    whole: str
    where: str
    fix: str
    error: type[LighterError]

    def read(self, value: Any) -> Any:
        """Return the part of a value; None without an accessor.

        Raises:
            LighterError: The value has no such part. The error is of the class ``error``.
        """
        match accessor := self.accessor:
            case None:
                return None
            case int() | str():
                try:
                    return value[accessor] if isinstance(accessor, int) else _item(value, accessor)
                except (KeyError, IndexError, TypeError) as error:
                    part = _follow(value, accessor.split(".")) if isinstance(accessor, str) else _MISSING
                    if part is _MISSING:
                        raise self._missing(value) from error
                    return part
            case _:
                return accessor(value)

    def _missing(self, value: object) -> LighterError:
        paths = dict(_paths(value))
        shown = [f"{path} {kind}".rstrip() for path, kind in paths.items() if kind]
        more = ", …" if len(shown) > _MAX_SHOWN else ""
        expected = f"one of {', '.join(shown[:_MAX_SHOWN])}{more}"
        count = f" of {len(value)}" if isinstance(value, Sequence) else ""
        kind = kind_of(value) if isinstance(value, Tensor) else f"a {type(value).__name__}{count}"
        return self.error(
            f"{self.accessor!r} does not exist in the {self.whole}, {kind}",
            expected=expected if shown else "an index for tuples and lists, a key for mappings, a path `a.b`",
            where=self.where,
            nearest=nearest_names(str(self.accessor), paths),
            fix=self.fix,
        )


def _follow(value: Any, names: Sequence[str]) -> Any:
    """Return what a path leads to, or `_MISSING`."""
    for name in names:
        value = _step(value, name)
        if value is _MISSING:
            break
    return value


def _step(value: Any, name: str) -> Any:
    keys: tuple[int | str, ...] = (name, int(name)) if _INDEX.fullmatch(name) else (name,)
    for key in keys:
        try:
            return _item(value, key)
        except (KeyError, IndexError, TypeError):
            continue
    part = _MISSING if isinstance(value, Mapping) else getattr(value, name, _MISSING)
    return _MISSING if callable(part) else part  # a method is not data


def _item(value: Any, key: int | str) -> Any:
    if isinstance(value, Tensor) and isinstance(key, str):
        raise KeyError(key)  # torch warns of text as an index before it raises
    return value[key]


def _paths(value: object, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the paths in a value, each with the kind of what it leads to; empty if it leads to more paths."""
    if isinstance(value, Mapping):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, Tensor | str | bytes):
        items = []
    elif isinstance(value, Sequence):
        names = getattr(value, "_fields", range(len(value)))  # of a named tuple
        items = [(str(name), item) for name, item in zip(names, value, strict=False)]
    else:
        items = [(name, item) for name, item in getattr(value, "__dict__", {}).items() if not name.startswith("_")]
    if prefix:
        yield prefix, kind_of(value) if not items or depth == _MAX_DEPTH else ""
    if depth < _MAX_DEPTH:
        for name, item in items:
            yield from _paths(item, f"{prefix}.{name}" if prefix else name, depth + 1)
