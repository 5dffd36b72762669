"""Python expressions as trees, and their text over as many lines as they need."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

WIDTH = 100
_STEP = 4


@dataclass(frozen=True, slots=True)
class Atom:
    """Code on one line.

    Attributes:
        text: The code.
        moves: Whether evaluating it later gives the same: a name, a literal, a function.
    """

    text: str
    moves: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call, with each argument as the text in front of it (``lr=``, ``*`` or nothing) and its value."""

    function: str
    arguments: tuple[tuple[str, "Code"], ...]


@dataclass(frozen=True, slots=True)
class Display:
    """A list or a dict, with each item as the text in front of it (its key, or nothing) and its value."""

    brackets: str
    items: tuple[tuple[str, "Code"], ...]


Code: TypeAlias = Atom | Call | Display


def moves(code: Code) -> bool:
    """Return whether an expression may be evaluated later."""
    if isinstance(code, Display):
        return all(moves(item) for _, item in code.items)
    return isinstance(code, Atom) and code.moves


def literal(value: Any) -> str:
    """Write a scalar.

    >>> for value in ("text", "it's", None, 1e-3, math.inf):
    ...     print(literal(value))
    "text"
    "it's"
    None
    0.001
    float("inf")
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    text = repr(value)
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text and "\\'" not in text else text


def layout(code: Code, *, indent: int = 0, before: int = 0, after: int = 1) -> str:
    """Write an expression, over several lines if one is too short for it.

    Args:
        code: The expression.
        indent: The indentation of the line on which it begins.
        before: The number of characters on that line in front of it, without the indentation.
        after: The number of characters behind it.

    >>> print(layout(Call("f", (("", Atom("a" * 60)), ("b=", Atom("c" * 60))))))
    f(
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,
        b=cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc,
    )
    """
    line = _on_one_line(code)
    if isinstance(code, Atom) or indent + before + len(line) + after <= WIDTH or not _parts(code):
        return line
    inside = indent + _STEP
    lines = [
        f"{' ' * inside}{front}{layout(part, indent=inside, before=len(front))},\n" for front, part in _parts(code)
    ]
    opening, closing = _brackets(code)
    return f"{opening}\n{''.join(lines)}{' ' * indent}{closing}"


def _on_one_line(code: Code) -> str:
    if isinstance(code, Atom):
        return code.text
    opening, closing = _brackets(code)
    return f"{opening}{', '.join(front + _on_one_line(part) for front, part in _parts(code))}{closing}"


def _parts(code: Call | Display) -> tuple[tuple[str, Code], ...]:
    return code.arguments if isinstance(code, Call) else code.items


def _brackets(code: Call | Display) -> tuple[str, str]:
    return (f"{code.function}(", ")") if isinstance(code, Call) else (code.brackets[0], code.brackets[1])
