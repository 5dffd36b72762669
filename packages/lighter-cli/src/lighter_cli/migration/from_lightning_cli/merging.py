"""Keep the meaning of later files: lists replace, a class with another name replaces, `key+` appends."""

from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import Segments, rename_key, segments_of, value_at

_CLASS = "class_path"


def keep_replacing(documents: Sequence[Document]) -> None:
    """Write `=key` where a later file replaces a list or a component."""
    for number, document in enumerate(documents):
        _replace(document.root, (), documents[:number])


def _replace(mapping: CommentedMap, path: Segments, earlier: Sequence[Document]) -> None:
    for key in list(mapping):
        name = str(key)
        if name.startswith(("=", "~")):
            continue
        if name.endswith("+"):
            rename_key(mapping, key, name[:-1])
            continue
        value, at = mapping[key], (*path, *segments_of(key))
        before = next((found for other in reversed(earlier) if (found := value_at(other.root, at)) is not None), None)
        if _is_replaced(before, value):
            rename_key(mapping, key, f"={key}")
        elif isinstance(value, CommentedMap):
            _replace(value, at, earlier)


def _is_replaced(before: Any, value: Any) -> bool:
    if isinstance(value, CommentedSeq):
        return isinstance(before, CommentedSeq)
    if isinstance(value, CommentedMap) and isinstance(before, CommentedMap):
        return _CLASS in value and value[_CLASS] != before.get(_CLASS)
    return False
