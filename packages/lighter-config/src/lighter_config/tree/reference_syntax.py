"""One reference as it is written: ``@a::b``, ``%::a``, ``@##a``."""

import re
from dataclasses import dataclass
from typing import Literal

from lighter_config.errors import PathError, ReferenceNotFoundError
from lighter_config.findings import Finding
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import SEPARATOR, format_path, split_path

DEFAULT_MARK = "?"
_SIGILS = ("@", "%", "$")
_OLD_RELATIVE = re.compile(r"#+(?=[^#\s])")


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference in a text.

    Attributes:
        kind: ``@`` is the built value, ``%`` a copy of the source.
        path: The segments as written.
        levels: For a relative one, how many levels up it starts: 1 is the mapping or list that holds the text.
        file: The other file that a ``%`` reference reads.
        start: Where it begins in the text, with its sigil.
        end: Where it ends.
        legacy: Whether it is written with ``#``.
        braced: Whether it is written ``@{...}``.
        default: The text after ``?``: its value where the path leads nowhere; ``None`` where there is no ``?``.
    """

    kind: Literal["@", "%"]
    path: Segments
    levels: int = 0
    file: str = ""
    start: int = 0
    end: int = 0
    legacy: bool = False
    braced: bool = False
    default: str | None = None

    def __str__(self) -> str:
        up = SEPARATOR * self.levels
        file = f"{self.file}::" if self.file else ""
        return f"{self.kind}{file}{up}{format_path(self.path)}"


def reference_in(
    kind: Literal["@", "%"], text: str, start: int, end: int, whole: str, *, file: str = "", braced: bool = False
) -> Reference:
    """Read what follows the sigil of a reference.

    Raises:
        ReferenceNotFoundError: It is not a path.
    """
    levels, legacy = 0, False
    text, mark, default = text.partition(DEFAULT_MARK)
    if default[:1] in _SIGILS:
        message = f"{whole!r}: the default of a reference must be a plain value"
        raise ReferenceNotFoundError(Finding(message=message, fix="write an expression, with `if` and `else`"))
    if text.startswith(SEPARATOR):
        while text.startswith(SEPARATOR):
            levels, text = levels + 1, text[len(SEPARATOR) :]
    elif match := _OLD_RELATIVE.match(text):
        levels, text, legacy = len(match.group()), text[match.end() :], True
    try:
        path, with_hash = split_path(text)
    except PathError as error:
        fix = f"write '\\{whole}' if it is plain text" if start == 0 else ""
        raise ReferenceNotFoundError(
            Finding(message=f"{whole!r} is not a reference: {error.findings[0].message}", fix=fix)
        ) from error
    return Reference(kind, path, levels, file, start, end, legacy or with_hash, braced, default if mark else None)
