"""Refuse text that is too large or too deep before a tree is built of it, by the limits of reading a config."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lighter_config import Finding, Place, YamlError
from lighter_config.tree.node import MAX_DEPTH, MAX_VALUES


class _Open:
    """A mapping or list whose end has not been read yet; aliases in it count as what they stand for."""

    __slots__ = ("anchor", "awaits_key", "height", "is_mapping", "num_values")

    def __init__(self, anchor: str | None, *, is_mapping: bool) -> None:
        self.anchor = anchor
        self.is_mapping = self.awaits_key = is_mapping
        self.num_values = 1
        self.height = 1


def refuse_oversized(text: str, name: str) -> None:
    """Refuse text with more values, aliases expanded, or more levels than a config can have.

    Args:
        text: The text; nothing is done if it is not YAML, which is reported where it is read.
        name: The file, as the user named it.

    Raises:
        YamlError: It is too large or too deep, or an alias is inside its own anchor.
    """
    with suppress(YAMLError):
        _measure(YAML().parse(text), name)


def _measure(events: Iterable[Any], name: str) -> None:
    done: dict[str, tuple[int, int]] = {}
    stack: list[_Open] = []
    for event in events:
        kind = type(event).__name__
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            stack.append(_Open(event.anchor, is_mapping=kind == "MappingStartEvent"))
            num_values, height = 0, 0
            if len(stack) <= MAX_DEPTH:
                continue
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            ended = stack.pop()
            anchor, num_values, height = ended.anchor, ended.num_values, ended.height
        elif kind == "ScalarEvent":
            anchor, num_values, height = event.anchor, 1, 0
        elif kind == "AliasEvent":
            if any(part.anchor == event.anchor for part in stack):
                raise _error(f"the alias *{event.anchor} is inside its own anchor", event, name)
            anchor, (num_values, height) = None, done.get(event.anchor, (1, 0))
        else:
            continue
        if len(stack) + height > MAX_DEPTH:
            raise _error(f"a config can be {MAX_DEPTH} levels deep; this is deeper", event, name)
        if anchor is not None:
            done[anchor] = num_values, height
        if stack:
            _put(stack[-1], num_values, height)
            if stack[-1].num_values > MAX_VALUES:
                message = f"a config can hold {MAX_VALUES:,} values, aliases expanded; this has more"
                raise _error(message, event, name, fix="keep data in a data file, and its name here")


def _put(top: _Open, num_values: int, height: int) -> None:
    if top.is_mapping:
        top.awaits_key = not top.awaits_key
        if not top.awaits_key:  # this was a key
            return
    top.num_values += num_values
    top.height = max(top.height, height + 1)


def _error(message: str, event: Any, name: str, *, fix: str = "") -> YamlError:
    mark = event.start_mark
    return YamlError(Finding(message=message, place=Place(name, mark.line + 1, mark.column + 1), fix=fix))
