"""Plain scalars of YAML 1.2: what text without quotes means."""

import re
from typing import Any

_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?(?:[0-9]+|[0-9]{1,3}(?:_[0-9]{3})+)")
_HEXADECIMAL_OR_OCTAL = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:[0-9]+|[0-9]{1,3}(?:_[0-9]{3})+)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_STARTS = frozenset("nN~tTfF.+-0123456789")
_MAX_DIGITS = 4_000  # Python itself refuses to read longer integers
_MAX_HEXADECIMAL_DIGITS = 3_500  # which are 4,214 decimal ones; Python refuses to write more than 4,300

MEANT = {
    **dict.fromkeys(("yes", "Yes", "YES", "on", "On", "ON"), "true"),
    **dict.fromkeys(("no", "No", "NO", "off", "Off", "OFF"), "false"),
    "None": "null",
    **dict.fromkeys(("nan", "NaN", "NAN"), ".nan"),
}
"""Text that other tools read as another value, and how to write that value here."""

PLACEHOLDER = "..."
"""The text that examples have where the reader must fill in a value."""


def scalar(text: str) -> Any:
    """Read one scalar without quotes.

    >>> [scalar(text) for text in ("1e-3", "010", "1_000_000", "20_1", "12:30", "yes", "~")]
    [0.001, 10, 1000000, '20_1', '12:30', 'yes', None]
    """
    if text[:1] not in _STARTS:
        return text if text else None
    if text.isdecimal() and text.isascii() and len(text) < _MAX_DIGITS:
        return int(text)  # most numbers; the expressions below take twice as long
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", "")) if len(text) < _MAX_DIGITS else text
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    if _HEXADECIMAL_OR_OCTAL.fullmatch(text):
        return int(text, 0) if len(text) < _MAX_HEXADECIMAL_DIGITS else text
    return text


def is_suspect(text: str) -> bool:
    """Return whether plain text is a word that probably means something else.

    >>> is_suspect("off"), is_suspect("often")
    (True, False)
    """
    return text in MEANT or text == PLACEHOLDER


_SUSPECT_STARTS = frozenset(word[0] for word in (*MEANT, PLACEHOLDER))
_CAN_BE_SPECIAL = _STARTS | _SUSPECT_STARTS | {""}


def is_ordinary(text: str) -> bool:
    """Return quickly whether plain text can only be a string that nobody mistakes; most keys and words are.

    >>> is_ordinary("batch_size"), is_ordinary("no"), is_ordinary("1")
    (True, False, False)
    """
    return text[:1] not in _CAN_BE_SPECIAL
