"""Keep what text means that other tools wrote: signs that are special here, and YAML 1.1's booleans."""

import re
from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import LiteralScalarString, ScalarString, SingleQuotedScalarString

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import mappings, quoted, rename_key, replace_text, texts

_BOOLEANS = {**dict.fromkeys(("yes", "on"), "true"), **dict.fromkeys(("no", "off"), "false")}
_SPECIAL_KEY = re.compile(r"[=~]|.*(?:::|#)")


def keep_text(documents: Sequence[Document]) -> None:
    """Write a backslash before text that would be a reference or an expression, and before signs in keys."""
    for document in documents:
        for _, container, key, text in list(texts(document.root)):
            if text[:1] in ("@", "%", "$") and len(text) > 1 and text[:2] != "${":
                put_text(container, key, f"\\{text}")
        for _, mapping in list(mappings(document.root)):
            for key in list(mapping):
                if isinstance(key, str) and _SPECIAL_KEY.match(key):
                    escaped = re.sub("::|#", r"\\\g<0>", key)
                    rename_key(mapping, key, f"\\{escaped}" if key[0] in "=~" else escaped)


def write_booleans(documents: Sequence[Document]) -> None:
    """Write `yes` and `on` without quotes as `true`, and `no` and `off` as `false`."""
    for document in documents:
        for _, container, key, text in list(texts(document.root)):
            if text.lower() in _BOOLEANS and not isinstance(container[key], ScalarString):
                container[key] = _BOOLEANS[text.lower()]


def put_text(container: CommentedMap | CommentedSeq, key: Any, text: str) -> None:
    """Write text that begins with a sign: in the quotes that it had, otherwise in those that it does not hold."""
    old = container[key]
    if ("\\" in text or '"' in text) and "'" not in text:
        container[key] = SingleQuotedScalarString(text)
    elif isinstance(old, ScalarString) and not isinstance(old, LiteralScalarString):
        replace_text(container, key, text)
    else:
        container[key] = quoted(text)
