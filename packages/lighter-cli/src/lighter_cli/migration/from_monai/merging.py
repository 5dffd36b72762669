"""Keep the meaning of later files of a bundle, which replace: only numbers and text replace here without a sign."""

from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import rename_key, segments_of, value_at
from lighter_config import is_computed


def keep_replacing(documents: Sequence[Document]) -> None:
    """Write `=key` where a later file replaces a mapping, a list or an expression; `+key` asked for merging."""
    for number, document in enumerate(documents):
        for key in list(document.root):
            if str(key).startswith("+"):
                rename_key(document.root, key, str(key)[1:])
                continue
            at = segments_of(key)
            earlier = (value_at(other.root, at) for other in reversed(documents[:number]))
            before = next((found for found in earlier if found is not None), None)
            if _needs_sign(before, document.root[key]):
                rename_key(document.root, key, f"={key}")


def _needs_sign(before: Any, value: Any) -> bool:
    if isinstance(before, CommentedMap | CommentedSeq):
        return isinstance(value, CommentedMap | CommentedSeq)
    return isinstance(before, str) and is_computed(str(before)) and isinstance(value, CommentedMap)
