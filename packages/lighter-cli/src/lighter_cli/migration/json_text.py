"""Write a tree as JSON, for files that are JSON."""

import json
import re
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import ScalarString

_LITERAL = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)


def is_json(text: str) -> bool:
    """Return whether a text is JSON that holds a mapping."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def write_json(root: CommentedMap, text: str) -> str:
    """Write a tree as JSON, indented as the text that it was read from."""
    found = _INDENTED.search(text)
    written = _value(root, "", found[1] if found else None)
    return written + "\n" * text.endswith("\n")


def _value(value: Any, at: str, indent: str | None) -> str:
    if indent is not None and _is_on_one_line(value):
        return _value(value, at, None)
    if isinstance(value, CommentedMap):
        items = [f"{_text(str(key))}: {_value(child, at + (indent or ''), indent)}" for key, child in value.items()]
        return _bracketed("{}", items, at, indent)
    if isinstance(value, CommentedSeq):
        return _bracketed("[]", [_value(child, at + (indent or ""), indent) for child in value], at, indent)
    if value is None:
        return "null"
    is_literal = not isinstance(value, ScalarString) and _LITERAL.fullmatch(str(value)) is not None
    return str(value) if is_literal else _text(str(value))


def _is_on_one_line(value: Any) -> bool:
    """Return whether a part was on one line in the file."""
    if not isinstance(value, CommentedMap | CommentedSeq) or not value.lc.data:
        return False
    children = value.values() if isinstance(value, CommentedMap) else value
    own = all(position[0] == value.lc.line for position in value.lc.data.values())
    return own and all(
        not isinstance(child, CommentedMap | CommentedSeq) or not child or _is_on_one_line(child) for child in children
    )


def _bracketed(brackets: str, items: list[str], at: str, indent: str | None) -> str:
    if not items or indent is None:
        return f"{brackets[0]}{', '.join(items)}{brackets[1]}"
    inside = f"\n{at}{indent}"
    return f"{brackets[0]}{inside}{f',{inside}'.join(items)}\n{at}{brackets[1]}"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
