"""Read one word of ``lighter sweep`` as a dimension: ``lr:=1e-4..1e-1:log``, ``depth:=2,4``, ``:=a.yaml,b.yaml``."""

from lighter_config.errors import ConfigError, SourceError
from lighter_config.findings import Finding
from lighter_config.merging.changes import Change, merge_error
from lighter_config.merging.merger import FILES, OVER
from lighter_config.sources.overrides import is_path, value_node
from lighter_config.tree.node import Node
from lighter_config.tree.origins import Word
from lighter_config.tree.paths import format_path, parse_path
from lighter_config.tree.walking import follow

SIGN = ":="
_OPENING, _CLOSING, _QUOTES = "[{(", "]})", "'\""


def is_dimension(word: str) -> bool:
    """Return whether a word is a dimension; ``a=b:=c`` is an override.

    >>> is_dimension("vars::lr:=0.1..1"), is_dimension(":=a.yaml,b.yaml"), is_dimension("a=b:=c")
    (True, True, False)
    """
    before, equals, _ = word.partition("=")
    path = before[:-1]
    return bool(equals) and before[-1:] == ":" and path[-1:] != ":" and (not path or is_path(path))


def not_in_a_sweep(word: str, origin: Word) -> SourceError:
    """Return the error of a dimension that is given to a command which runs one trial."""
    path, _, value = word.partition(SIGN)
    first = split_choices(value)[0].partition("..")[0]
    plain = f"{path}={first}" if path else first
    return SourceError(
        Finding(
            message=f"`{SIGN}` varies a value over several trials, which only `lighter sweep` runs",
            path=path,
            place=origin.place(),
            excerpt=word,
            fix=f"use it with `lighter sweep`, or write {plain}",
        )
    )


def parse_dimension(word: str, origin: Word) -> Change:
    """Read a dimension as a change of the ``sweep`` section.

    Raises:
        SourceError: It has no value.
        YamlError: A value starts like YAML, but is not YAML.
    """
    path, _, value = word.partition(SIGN)
    if not value:
        fix = (
            f"write a range or choices: {path}{SIGN}0.1..1 or {path}{SIGN}1,2"
            if path
            else "name files: :=a.yaml,b.yaml"
        )
        raise SourceError(Finding(message=f"{word!r} has no value", place=origin.place(), excerpt=word, fix=fix))
    choices = split_choices(value)
    if not path:
        files = Node([Node(text, origin) for text in choices], origin)
        return Change("append", FILES, Node([files], origin))
    nodes = [value_node(text, origin) for text in choices]
    node = nodes[0] if len(nodes) == 1 else Node(nodes, origin)
    node.settled = all(one.settled for one in nodes)
    try:
        segments = parse_path(path)
    except ConfigError as error:
        raise SourceError(
            Finding(message=error.findings[0].message, place=origin.place(), excerpt=word, fix=error.findings[0].fix)
        ) from error
    return Change("replace", (*OVER, *segments), node)


def check_overlap(root: Node, change: Change) -> None:
    """Refuse a dimension inside another one, or around some: both would set the same value.

    Raises:
        MergeError: There is such a dimension.
    """
    if change.kind != "replace":
        return
    node, path, rest = follow(root, change.path)
    name, other = format_path(change.path[len(OVER) :]), format_path(path[len(OVER) :])
    away = f"take away the one of {node.place} first with ~{format_path(path)}"
    if rest and not node.is_mapping:
        fix = f"write it in each choice of {other}, or {away}"
        raise merge_error(f"{name} is inside {other}, which varies itself", change.path, change.value, fix=fix)
    if not rest and node.is_mapping:
        inside = ", ".join(format_path((*path, at)[len(OVER) :]) for at in node.value)
        fix = f"leave it out, or {away}"
        raise merge_error(f"{name} holds {inside}, which varies itself", change.path, change.value, fix=fix)


def split_choices(text: str) -> list[str]:
    """Split text at the commas that are not inside brackets or quotes.

    >>> split_choices("32,64"), split_choices("{lr: 1, a: 2},[3, 4]"), split_choices("'a,b',c")
    (['32', '64'], ['{lr: 1, a: 2}', '[3, 4]'], ["'a,b'", 'c'])
    """
    parts, start, depth, quote = [], 0, 0, ""
    for index, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES and (depth or index == start):
            quote = char
        elif char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth -= 1
        elif char == "," and depth <= 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]
