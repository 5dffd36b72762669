"""A value that does not fit an annotation, and what stands for a value that only exists once it is built."""

from dataclasses import dataclass
from typing import Any, Literal

Wanted = Literal["", "dtype", "enum", "object", "tensor"]
"""What a literal should have been, where a message can say how to write it."""


class _Unwritten:
    """Stands for a value that only exists once it is built."""

    def __repr__(self) -> str:
        return "UNWRITTEN"


UNWRITTEN = _Unwritten()

_JSON = (bool, int, float, str, list, dict)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A value that does not fit.

    Attributes:
        path: Keys and indices inside the value, down to the part that does not fit.
        expected: The annotation of that part.
        choices: The values that the annotation lists, when it takes no others but ``None``.
        wanted: What kind of object is expected instead of a literal, if it is one.
        is_certain: Whether the call is bound to fail or to misread the value: text or a mapping for a number.
    """

    path: tuple[str | int, ...]
    expected: str
    choices: tuple[str | int | bool | None, ...] = ()
    wanted: Wanted = ""
    is_certain: bool = False


def json_of(value: Any) -> Any:
    """Write a value with its unwritten parts as JSON, to ask the same question again later."""
    if value is UNWRITTEN:
        return {"": "unwritten"}
    if isinstance(value, list):
        return [json_of(item) for item in value]
    if isinstance(value, dict):
        return {str(key): json_of(item) for key, item in value.items()}
    return value if value is None or isinstance(value, _JSON) else {"": "unwritten"}
