"""Find, rename, take out and put in parts of a YAML tree, with their comments."""

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString
from ruamel.yaml.tokens import CommentToken

from lighter_cli.migration.document import Container, comment_lines, containers
from lighter_config import ConfigError, format_path
from lighter_config.tree.keys import special_key

Segments = tuple[Any, ...]

_OWN_LINE = re.compile(r"\n *(?=#)")
_ORDER = ("_imports_", "vars", "trainer", "system", "model", "data", "args")


def segments_of(key: Any) -> Segments:
    """Return the path that a key of a mapping means, without its operator."""
    try:
        special = special_key(str(key))
    except ConfigError:
        return (key,)
    return (key,) if special is None else special.path


def value_at(root: Any, path: Segments) -> Any:
    """Return the value at a path, also inside lists, or ``None``."""
    if not path:
        return root
    if isinstance(root, CommentedSeq):
        is_index = type(path[0]) is int and -len(root) <= path[0] < len(root)
        return value_at(root[path[0]], path[1:]) if is_index else None
    for key, value in root.items() if isinstance(root, CommentedMap) else ():
        segments = segments_of(key)
        if path[: len(segments)] == segments:
            found = value_at(value, path[len(segments) :])
            if found is not None:
                return found
    return None


def texts(value: Any, path: Segments = ()) -> Iterator[tuple[Segments, Container, Any, str]]:
    """Yield each text of a tree: its path, its container, its key or index in it, and the text."""
    seen: set[int] = set()
    work: list[tuple[Segments, Any]] = [(path, value)]
    while work:
        at, container = work.pop()
        if id(container) in seen:
            continue  # an alias
        seen.add(id(container))
        items = container.items() if isinstance(container, CommentedMap) else enumerate(container)
        below: list[tuple[Segments, Any]] = []
        for key, child in list(items):
            inside = (*at, *(segments_of(key) if isinstance(container, CommentedMap) else (key,)))
            if isinstance(child, CommentedMap | CommentedSeq):
                below.append((inside, child))
            elif isinstance(child, str):
                yield inside, container, key, str(child)
        work.extend(reversed(below))


def mappings(value: Any, path: Segments = ()) -> Iterator[tuple[Segments, CommentedMap]]:
    """Yield each mapping of a tree with its path, outer ones first."""
    if isinstance(value, CommentedMap):
        yield path, value
    if isinstance(value, CommentedMap | CommentedSeq):
        for key, child in list(value.items() if isinstance(value, CommentedMap) else enumerate(value)):
            inside = segments_of(key) if isinstance(value, CommentedMap) else (key,)
            yield from mappings(child, (*path, *inside))


def replace_text(container: Container, key: Any, text: str) -> None:
    """Replace a text, keeping its quotes."""
    old = container[key]
    container[key] = type(old)(text, anchor=None) if isinstance(old, ScalarString) else text


def quoted(text: str) -> DoubleQuotedScalarString:
    """Return text that is written in double quotes."""
    scalar: DoubleQuotedScalarString = DoubleQuotedScalarString(text)
    return scalar


def rename_key(mapping: CommentedMap, old: Any, new: Any) -> None:
    """Give a key another name, at its place and with its comments."""
    if old == new:
        return
    comments = mapping.ca.items.pop(old, None)
    position = list(mapping).index(old)
    value = mapping.pop(old)
    mapping.insert(position, new, value)
    if comments is not None:
        mapping.ca.items[new] = comments
    if old in (mapping.lc.data or {}):
        mapping.lc.data[new] = mapping.lc.data.pop(old)  # for findings about it


def take_out(mapping: CommentedMap, key: Any) -> tuple[Any, Any]:
    """Remove a key; return its value and the comment on its line.

    Comments on separate lines stay in the mapping, before the next key.
    """
    comments = mapping.ca.items.pop(key, None)
    position = list(mapping).index(key)
    value = mapping.pop(key)
    lines, had_gap = [], False
    for token in (comments[2] if comments else None, _last_comment(value)):
        if token is not None:
            lines += comment_lines(token)
            had_gap = had_gap or "\n\n" in token.value
            token.value = f"{token.value.split(chr(10))[0].strip()}\n"
    if comments and comments[2] is not None and not comments[2].value.strip():
        comments = None
    following = list(mapping)[position:]
    if following and (lines or had_gap):
        text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)
        before = mapping.ca.items.get(following[0], [None, None])[1]
        if before is None:
            mapping.yaml_set_comment_before_after_key(
                following[0], before=f"\n{text}" if had_gap else text, indent=mapping.lc.col or 0
            )
    return value, comments


def _last_comment(value: Any) -> CommentToken | None:
    """Return the comment behind the last value of a part, which holds what stands before the next key."""
    found = None
    while isinstance(value, CommentedMap | CommentedSeq) and len(value):
        last = list(value)[-1] if isinstance(value, CommentedMap) else len(value) - 1
        tokens = value.ca.items.get(last) or []
        found = tokens[2 if isinstance(value, CommentedMap) else 0] if tokens else None
        value = value[last]
    return found if isinstance(found, CommentToken) else None


def indent_comments(value: Any, by: int, *, least: int = 0) -> None:
    """Indent the comments of a part that moves to another level; those before the column `least` are not its own."""
    for container in containers(value):
        if container.lc.col is not None:
            container.lc.col += by  # for a part of it that moves again
        comments = container.ca
        tokens = [token for found in (comments.items or {}).values() for token in found or ()]
        for token in [*tokens, *(comments.comment or ())]:
            for comment in token if isinstance(token, list) else [token]:
                if isinstance(comment, CommentToken):
                    comment.value = _OWN_LINE.sub(lambda line: _indented(line.group(), by, least), comment.value)
                    comment.column = max(comment.column + by, 0)


def _indented(line: str, by: int, least: int) -> str:
    width = len(line) - 1
    return "\n" + " " * max(width + by if width >= least else width, 0)


def splice(mapping: CommentedMap, key: Any) -> list[Any]:
    """Put the items of an inner mapping in the place of its key; return the keys that are there already, which stay."""
    inner, own = mapping[key], mapping.ca.items.pop(key, None)
    position = list(mapping).index(key)
    by = (mapping.lc.col or 0) - (inner.lc.col or 0)
    taken = [name for name in inner if name in mapping]
    indent_comments(inner, min(by, 0), least=inner.lc.col or 0)
    del mapping[key]
    moved = [name for name in inner if name not in taken]
    for offset, name in enumerate(moved):
        put_in(mapping, name, inner[name], comments=inner.ca.items.get(name), position=position + offset)
    tokens = [token for part in (own or ())[2:] for token in (part if isinstance(part, list) else [part])]
    lines = [line.strip() for token in tokens if token is not None for line in token.value.split("\n") if line.strip()]
    if lines and moved:
        text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)
        mapping.yaml_set_comment_before_after_key(moved[0], before=text, indent=mapping.lc.col or 0)
    return taken


def put_in(mapping: CommentedMap, key: Any, value: Any, *, comments: Any = None, position: int | None = None) -> None:
    """Add a key with the comments that it had elsewhere."""
    mapping.insert(len(mapping) if position is None else position, key, value)
    if comments is not None:
        mapping.ca.items[key] = comments


def section(root: CommentedMap, name: str) -> CommentedMap:
    """Return a section; a missing one is made before the sections that usually follow it."""
    if not isinstance(root.get(name), CommentedMap):
        later = _ORDER[_ORDER.index(name) + 1 :]
        position = min((at for at, key in enumerate(root) if segments_of(key)[0] in later), default=len(root))
        if position == 0:
            _give_to_first_key(root)
        put_in(root, name, CommentedMap(), position=position)
        for following in list(root)[position + 1 : position + 2]:
            if root.ca.items.get(following, [None, None])[1] is None:
                root.yaml_set_comment_before_after_key(following, before="\n")  # an empty line
    found: CommentedMap = root[name]
    return found


def _give_to_first_key(root: CommentedMap) -> None:
    """Let the comment right above the first key belong to it; a paragraph before an empty line is the file's own."""
    header = (root.ca.comment or [None, None])[1] or []
    start = max((at + 1 for at, token in enumerate(header) if "\n\n" in token.value), default=0)
    if root and start < len(header):
        text = "".join(token.value.lstrip("#").removeprefix(" ") for token in header[start:])
        del header[start:]
        root.yaml_set_comment_before_after_key(next(iter(root)), before="\n" + text.rstrip("\n"))


def is_given(value: Any) -> bool:
    """Return whether a value is not null."""
    return value is not None and not (isinstance(value, str) and value in ("null", "~"))


def is_component(value: Any) -> bool:
    """Return whether a value is a component: a mapping with `_target_`."""
    return isinstance(value, CommentedMap) and "_target_" in value


def key_text(operator: str, path: Segments) -> str:
    """Write a path as a key, after its operator."""
    return operator + format_path(path)
