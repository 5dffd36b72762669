"""The word ``-``, which stands for a config on standard input but looks like an option to the parser of options."""

from collections.abc import Sequence

_PROTECTED = "\0-"  # no real word can contain a null character


def protect(words: Sequence[str]) -> list[str]:
    """Replace ``-`` by a word that is not taken for an option."""
    return [_PROTECTED if word == "-" else word for word in words]


def restore(words: Sequence[str]) -> list[str]:
    """Undo ``protect``."""
    return ["-" if word == _PROTECTED else word for word in words]
