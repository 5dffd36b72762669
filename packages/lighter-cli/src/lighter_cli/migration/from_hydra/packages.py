"""Put the keys of a file where `# @package` says, and keep that lists replace."""

import re
from collections.abc import Sequence

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import Segments, rename_key, segments_of, value_at
from lighter_config import Severity, format_path

_PACKAGE = re.compile(r"^\s*#\s*@package\s+(?P<name>\S+)\s*$", re.MULTILINE)
GLOBAL = "_global_"


def package_of(text: str) -> str | None:
    r"""Return the package that the header of a file names; ``None`` if it names none.

    >>> package_of("# @package _global_\nlr: 1"), package_of("lr: 1")
    ('_global_', None)
    """
    header = text[: next((match.start() for match in re.finditer(r"^[^#\s]", text, re.MULTILINE)), len(text))]
    match = _PACKAGE.search(header)
    return None if match is None else match["name"].removeprefix("_global_.")


def keep_replacing(documents: Sequence[Document]) -> None:
    """Write `=key` where a file whose keys stand at the root replaces a list of an earlier file."""
    for number, document in enumerate(documents):
        if package_of(document.text) == GLOBAL:
            _replace(document.root, (), documents[:number])


def keep_packages(documents: Sequence[Document]) -> None:
    """Write the keys of a file as paths in its package; the header is removed."""
    for number, document in enumerate(documents):
        package = package_of(document.text)
        if package is None:
            continue
        if package not in (GLOBAL, "_group_"):
            segments = tuple(package.split("."))
            for key in list(document.root):
                operator = str(key)[0] if str(key)[0] in "=~" else ""
                rename_key(document.root, key, operator + format_path((*segments, *segments_of(key))))
        _remove_header(document)
        if package == GLOBAL and number:
            message = "the keys of this file stand at the root, as without `# @package`"
            fix = "give the file as an input after the one that it changes: lighter fit train.yaml experiment.yaml"
            document.say(message, document.root, fix=fix, severity=Severity.NOTE)


def _replace(mapping: CommentedMap, path: Segments, earlier: Sequence[Document]) -> None:
    for key in list(mapping):
        value, at = mapping[key], (*path, *segments_of(key))
        before = next((found for other in reversed(earlier) if (found := value_at(other.root, at)) is not None), None)
        if isinstance(value, CommentedSeq) and isinstance(before, CommentedSeq) and key != "defaults":
            rename_key(mapping, key, f"={key}")
        elif isinstance(value, CommentedMap):
            _replace(value, at, earlier)


def _remove_header(document: Document) -> None:
    tokens = (document.root.ca.comment or [None, None])[1] or []
    for token in list(tokens):
        if _PACKAGE.search(token.value):
            token.value = _PACKAGE.sub("", token.value).lstrip("\n")
            if not token.value.strip():
                tokens.remove(token)
