"""Plain values to YAML text that our own reader reads back as the same values."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from lighter_config.errors import DumpError
from lighter_config.findings import Finding
from lighter_config.places import Place
from lighter_config.tree.node import Key, Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.scalars import PLACEHOLDER, is_ordinary, is_suspect, scalar
from lighter_config.writing.plain_tree import Unquoted

PlaceOf: TypeAlias = Callable[[str], Place | None]

_Emitter: Any = getattr(yaml, "CDumper", yaml.Dumper)
_WIDTH = 120
_FLOW_WIDTH = 80
_PRIVATE_USE = (0xE000, 0xF8FF)


def write_yaml(tree: dict[Key, Any], place_of: PlaceOf) -> str:
    """Write mappings, lists and scalars as YAML.

    Raises:
        DumpError: A value is an object that YAML has no form for, at the place that ``place_of`` gives for its path.
    """
    try:
        return _emitted(tree, place_of)
    except UnicodeEncodeError as error:
        raise DumpError(Finding(message=f"text that cannot be written as UTF-8: {error.object!r}")) from error


def _emitted(tree: dict[Key, Any], place_of: PlaceOf) -> str:
    """Emit a document; a placeholder without quotes through a stand-in, as the emitter would quote it."""
    for code in range(*_PRIVATE_USE):
        hidden = _Hidden(chr(code) * len(PLACEHOLDER))
        text = str(yaml.emit(_events(tree, place_of, hidden), Dumper=_Emitter, width=_WIDTH, allow_unicode=True))
        if not hidden.count:
            return text
        if text.count(hidden.stand_in) == hidden.count:
            return text.replace(hidden.stand_in, PLACEHOLDER)
    raise AssertionError("no config holds every character for private use")


@dataclass(slots=True)
class _Hidden:
    """What is written in place of placeholders without quotes, and how often."""

    stand_in: str
    count: int = 0


def _events(tree: dict[Key, Any], place_of: PlaceOf, hidden: _Hidden) -> Iterator[yaml.Event]:
    """Yield the events of a document; a loop, so that no depth of the tree can exhaust the stack."""
    yield yaml.StreamStartEvent()
    yield yaml.DocumentStartEvent(explicit=False)
    work: list[Any] = [(tree, ())]
    while work:
        item = work.pop()
        if isinstance(item, yaml.Event):
            yield item
            continue
        value, path = item
        if type(value) is dict:
            yield yaml.MappingStartEvent(None, None, True, flow_style=not value)
            work.append(yaml.MappingEndEvent())
            for key, child in reversed(value.items()):
                work.append((child, (*path, key)))
                work.append((key, path))
        elif type(value) is list:
            yield yaml.SequenceStartEvent(None, None, True, flow_style=_is_short(value))
            work.append(yaml.SequenceEndEvent())
            work.extend((child, (*path, index)) for index, child in reversed(list(enumerate(value))))
        else:
            yield _scalar_event(value, path, place_of, hidden)
    yield yaml.DocumentEndEvent(explicit=False)
    yield yaml.StreamEndEvent()


def _is_short(items: list[Any]) -> bool:
    if any(type(item) in (dict, list) for item in items):
        return False
    return sum(len(str(item)) + 2 for item in items) <= _FLOW_WIDTH


def _scalar_event(value: Any, path: Segments, place_of: PlaceOf, hidden: _Hidden) -> yaml.ScalarEvent:
    if isinstance(value, str):
        text = str(value)
        if type(value) is Unquoted:
            hidden.count += text == PLACEHOLDER
            return yaml.ScalarEvent(None, None, (True, True), hidden.stand_in if text == PLACEHOLDER else text)
        is_safe = text != "<<" and (is_ordinary(text) or (scalar(text) is text and not is_suspect(text)))
        return yaml.ScalarEvent(None, None, (is_safe, True), text, style=None if is_safe else "'")
    return yaml.ScalarEvent(None, None, (True, False), _literal(value, path, place_of))


def _literal(value: Any, path: Segments, place_of: PlaceOf) -> str:
    """Write what is not text: ``null``, a truth, a number, the name of a file."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if math.isnan(value):
            return ".nan"
        if math.isinf(value):
            return ".inf" if value > 0 else "-.inf"
        return float.__repr__(value)
    where = format_path(path)
    finding = Finding(
        message=f"{where} is a {type(value).__qualname__}, which YAML has no form for",
        path=where,
        place=place_of(where),
        fix="describe it with `_target_` and its arguments",
    )
    raise DumpError(finding)
