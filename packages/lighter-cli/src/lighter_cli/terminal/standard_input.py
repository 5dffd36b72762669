"""The input ``-`` means a config on standard input, but Cyclopts would parse it as an option."""

from collections.abc import Sequence

_PROTECTED = "\0-"  # a command line cannot contain a null character


def protect(words: Sequence[str]) -> list[str]:
    """Replace ``-`` by a text that is not parsed as an option."""
    return [_PROTECTED if word == "-" else word for word in words]


def restore(words: Sequence[str]) -> list[str]:
    """Undo ``protect``."""
    return ["-" if word == _PROTECTED else word for word in words]
