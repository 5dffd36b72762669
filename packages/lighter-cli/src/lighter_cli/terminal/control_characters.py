"""Show the control characters of a text instead of sending them to the terminal."""

import re

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_IN_A_LINE = re.compile(f"[\t\n]|{_CONTROL.pattern}")


def escaped(text: str, *, is_line: bool = False) -> str:
    r"""Write control characters as Python does: they could move the cursor, and hide or fake what is printed.

    Among them are characters that turn the direction of writing, and halves of characters, which cannot be encoded.

    Args:
        text: The text.
        is_line: Whether it must stay on its line and in its column, so that ``\n`` and ``\t`` are escaped too.

    >>> escaped("a\x1b[31m\n"), escaped("a\n", is_line=True)
    ('a\\x1b[31m\n', 'a\\n')
    """
    if text.isprintable():  # then it has none of them
        return text
    return (_IN_A_LINE if is_line else _CONTROL).sub(lambda found: repr(found[0])[1:-1], text)


def has_control_characters(text: str) -> bool:
    """Return whether a text has control characters; among them are those that end a line."""
    return _IN_A_LINE.search(text) is not None


def escaped_in_json(text: str) -> str:
    """Write the control characters in JSON text as JSON does; they stand only inside its strings."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
