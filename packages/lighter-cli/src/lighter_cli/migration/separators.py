"""Separate the parts of paths by `::` instead of `#`."""

from collections.abc import Sequence

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import key_text, mappings, rename_key, replace_text, texts
from lighter_config import ConfigError, find_references
from lighter_config.tree.keys import special_key


def write_double_colons(documents: Sequence[Document]) -> None:
    """Write `a#b` as `a::b`, in keys and in references."""
    for document in documents:
        for _, mapping in list(mappings(document.root)):
            for key in list(mapping):
                try:
                    special = special_key(str(key))
                except ConfigError:
                    continue
                if special is not None and special.legacy:
                    rename_key(mapping, key, key_text(special.operator, special.path))
        for _, container, key, text in list(texts(document.root)):
            changed = _with_double_colons(text)
            if changed != text:
                replace_text(container, key, changed)


def _with_double_colons(text: str) -> str:
    try:
        references = find_references(text)
    except ConfigError:
        return text  # `lighter check` reports it
    for reference in reversed(references):
        if reference.legacy:
            new = str(reference)
            new = f"{new[0]}{{{new[1:]}}}" if reference.braced else new
            text = text[: reference.start] + new + text[reference.end :]
    return text
