"""Read one word of the command line as one change: ``trainer::max_epochs=3``, ``a+=x``, ``=a=x``, ``~a``."""

from dataclasses import replace
from typing import Literal

from lighter_config.errors import ConfigError, PathError, SourceError, YamlError
from lighter_config.findings import Finding
from lighter_config.merging.changes import Change
from lighter_config.tree.node import Node
from lighter_config.tree.origins import Word
from lighter_config.tree.paths import SEPARATOR, parse_path, split_path
from lighter_config.tree.scalars import is_suspect, scalar

_TEXT_STARTS = ("@", "%", "$", "\\")
_YAML_STARTS = ("[", "{", "'", '"')


def is_path(text: str) -> bool:
    """Return whether text before ``=`` can be a path in a config; the names of files with folders cannot.

    >>> is_path("trainer::max_epochs"), is_path("labels::val/acc"), is_path("runs/lr"), is_path("a::::b")
    (True, True, False, False)
    """
    if not text or "/" in text.partition(SEPARATOR)[0] or "\\" in text or text != text.strip():
        return False
    try:
        parse_path(text)
    except PathError:
        return False
    return True


def parse_override(text: str, origin: Word) -> Change:
    """Read one override.

    Raises:
        SourceError: It has no value, or its path cannot be read.
        YamlError: Its value starts like YAML, but is not YAML.
    """
    if text[:1] == "~":
        return _deletion(text[1:], origin)
    if text == "=":
        raise _error("'=' stands alone", origin, fix="write PATH=value without spaces: trainer::max_epochs=3")
    replacing = text[:1] == "="
    path_text, equals, value = text[replacing:].partition("=")
    if not equals:
        raise _error(f"{text!r} has no value", origin, fix=f"write {text}=value")
    kind: Literal["set", "append", "replace"] = "replace" if replacing else "set"
    if path_text[-1:] == "+":
        if replacing:
            raise _error(f"{text!r} both replaces and appends", origin, fix="keep one of = and +=")
        kind, path_text = "append", path_text[:-1]
    return Change(kind, _path(path_text, origin), value_node(value, origin), from_word=True)


def value_node(text: str, origin: Word) -> Node:
    """Read the value of an override: YAML where it starts like YAML, else text or one scalar.

    Raises:
        YamlError: The value starts like YAML, but is not YAML.

    >>> [value_node(text, Word("a=…", 1)).plain() for text in ("1e-3", "", "a: b #1", "[1, null]", "@model")]
    [0.001, '', 'a: b #1', [1, None], '@model']
    """
    if text.startswith(_YAML_STARTS):
        # with it comes the YAML library, a third of all import time
        from lighter_config.sources.yaml_reader import read_value

        quoted = origin.text.removesuffix(text) + f"'\"{text}\"'"
        try:
            node = read_value(text, origin)
        except YamlError as error:
            as_text = f"to keep it as text, quote it: {quoted}"
            raise YamlError(*(_with_fix(finding, text, as_text) for finding in error.findings)) from error
        assert node is not None
        if node.is_mapping and node.value and ":" not in text:
            raise YamlError(
                Finding(
                    message=f"the value {text} is a mapping without values",
                    place=origin.place(),
                    excerpt=origin.text,
                    fix=f"to keep it as text, quote it: {quoted}",
                )
            )
        return node
    value = text if not text or text.startswith(_TEXT_STARTS) else scalar(text)
    if value is text and is_suspect(text):
        origin.suspects[id(None)] = None
    return Node(value, origin)


def _with_fix(finding: Finding, text: str, as_text: str) -> Finding:
    """Add how to write a value that is not YAML as text; first comes how to close it, if it only is not closed."""
    if text[0] not in "[{":
        return finding
    is_known = finding.fix.startswith(("close", "write"))
    return replace(finding, fix=f"{finding.fix}, or {as_text}" if is_known else as_text)


def _deletion(text: str, origin: Word) -> Change:
    path, equals, value = text.partition("=")
    node = value_node(value, origin) if equals and value else Node(None, origin)
    return Change("delete", _path(path, origin), node, from_word=True)


def _path(text: str, origin: Word) -> tuple[object, ...]:
    try:
        path, legacy = split_path(text)
    except ConfigError as error:
        raise _error(error.findings[0].message, origin, fix=error.findings[0].fix) from error
    if legacy and origin.legacy is None:
        origin.legacy = (None, text)
    return path


def _error(message: str, origin: Word, *, fix: str = "") -> SourceError:
    return SourceError(Finding(message=message, place=origin.place(), excerpt=origin.text, fix=fix))
