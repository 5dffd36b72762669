"""Keep the meaning of later files of an experiment, which replaced values, and of `+key`."""

from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import (
    Segments,
    is_component,
    mappings,
    rename_key,
    segments_of,
    texts,
    value_at,
)
from lighter_config import ConfigError, find_references, is_computed

_OPERATORS = ("=", "~", "+")


def keep_replacing(documents: Sequence[Document]) -> None:
    """Write `=key` where a later file replaced a list or a component: lists append now, and mappings merge.

    Only files that separate paths by `#` replaced; later generations appended and merged. `+key` asked for appending.
    """
    if not any(_replaces(document) for document in documents):
        return
    for number, document in enumerate(documents):
        _replace(document, document.root, (), documents[:number])
        for key in list(document.root):
            if str(key).startswith("+"):
                rename_key(document.root, key, str(key)[1:])


def _replace(document: Document, mapping: CommentedMap, path: Segments, earlier: Sequence[Document]) -> None:
    for key in list(mapping):
        if str(key).startswith(_OPERATORS):
            continue
        value, at = mapping[key], (*path, *segments_of(key))
        before = next((found for other in reversed(earlier) if (found := value_at(other.root, at)) is not None), None)
        if _is_replaced(before, value):
            rename_key(mapping, key, f"={key}")
        elif isinstance(value, CommentedMap) and isinstance(before, CommentedMap):
            _replace(document, value, at, earlier)


def _is_replaced(before: Any, value: Any) -> bool:
    if isinstance(before, str) and is_computed(str(before)):
        return isinstance(value, CommentedMap)  # nothing merges into what an expression gives
    if isinstance(value, CommentedSeq):
        return isinstance(before, CommentedSeq)
    return is_component(value) and isinstance(before, CommentedMap)


def _replaces(document: Document) -> bool:
    """Return whether paths are separated by `#`, or keys begin with `+`."""
    for _, mapping in mappings(document.root):
        if any(str(key).startswith("+") or ("#" in str(key) and len(segments_of(key)) > 1) for key in mapping):
            return True
    for _, _, key, text in texts(document.root):
        try:
            if key == "_target_" and text.rpartition(".")[2].startswith("Lighter") and text.endswith("LighterSystem"):
                return True
            if any(reference.legacy for reference in find_references(text)):
                return True
        except ConfigError:
            continue
    return False
