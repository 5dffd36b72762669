"""Read YAML text into a tree in which every key and item has its place.

The parser is libyaml's, in C; the tree is built from its events, without recursion. Scalars are YAML 1.2's.
"""

import re
import sys
from typing import Any

import yaml

from lighter_config.errors import PathError, YamlError
from lighter_config.sources.yaml_errors import fix_of_tag, mark_of, syntax_error, yaml_error
from lighter_config.tree.keys import special_key
from lighter_config.tree.node import MAX_DEPTH, MAX_VALUES, Key, Node
from lighter_config.tree.origins import Document, Mark, Origin
from lighter_config.tree.scalars import is_ordinary, is_suspect, scalar

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE_KEY = "<<"
_CORE_TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}


def read_mapping(text: str, origin: Origin) -> Node:
    """Read a whole file: one document whose root is a mapping; an empty one is an empty mapping.

    Raises:
        YamlError: The text is not YAML as configs are written in; the error has the place.
    """
    root = read_value(text, origin)
    if root is None or root.value is None:
        return Node({}, origin)
    if type(root.value) is not dict:
        found = "a list" if type(root.value) is list else repr(root.value)
        name = origin.name if isinstance(origin, Document) else "the text"
        message = f"the root of a config must be a mapping, {name} holds {found}"
        raise yaml_error(message, root, expected="`key: value` lines")
    return root


def read_value(text: str, origin: Origin) -> Node | None:
    """Read one document of any kind; ``None`` when there is none.

    Raises:
        YamlError: The text is not YAML as configs are written in.
    """
    try:
        return _Reader(text, origin).read()
    except yaml.YAMLError as error:
        raise syntax_error(error, text, origin) from error
    except UnicodeEncodeError as error:
        here = Node(None, origin, mark_of(error.start, text))
        raise yaml_error("not YAML: half of a character pair, which UTF-8 cannot hold", here) from error


class _Open:
    """A mapping or list whose end has not been read yet."""

    __slots__ = ("is_mapping", "key", "key_mark", "merged", "node", "value")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.value: Any = node.value
        self.is_mapping = type(node.value) is dict
        self.key: Any = _NO_KEY
        self.key_mark: Mark | None = None
        self.merged: list[Node] = []


_NO_KEY = object()
_IS_MERGE = object()


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, text: str, origin: Origin) -> None:
        self.parser = _Parser(text)
        self.origin = origin
        self.anchors: dict[str, Node] = {}
        self.unfinished: set[int] = set()
        self.num_values = 0
        self.num_documents = 0
        self.stack: list[_Open] = []
        self.root: Node | None = None

    def read(self) -> Node | None:
        """Read the events one by one: a start opens a mapping or list, and each value is put where it belongs."""
        next_event, stack = self.parser.get_event, self.stack
        while True:
            event = next_event()
            kind = type(event)
            if kind is yaml.ScalarEvent or kind is yaml.AliasEvent:
                if stack and stack[-1].key is _NO_KEY and stack[-1].is_mapping:
                    self._open_key(stack[-1], event)
                    continue
                node = self._leaf(event) if kind is yaml.ScalarEvent else self._aliased(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._open(event)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                node = self._closed()
            elif kind is yaml.DocumentStartEvent:
                self._begin_document(event)
                continue
            elif kind is yaml.StreamEndEvent:
                return self.root
            else:
                continue
            if not stack:
                self.root = node
                continue
            top = stack[-1]  # a function for this, called for each value, makes reading 2 % slower
            if not top.is_mapping:
                top.value.append(node)
            elif top.key is _IS_MERGE:
                top.merged.extend(self._to_merge(node))
                top.key = _NO_KEY
            else:
                node.key_mark = top.key_mark
                top.value[top.key] = node
                top.key = _NO_KEY
            if not node.settled:
                top.node.settled = False

    def _begin_document(self, event: Any) -> None:
        self.num_documents += 1
        if self.num_documents > 1:
            here = Node(None, self.origin, event.start_mark)
            raise yaml_error("a config must be one YAML document; a second one starts here", here)

    def _leaf(self, event: Any) -> Node:
        text, is_plain = event.value, event.implicit[0]
        mark = event.start_mark
        if is_plain and is_ordinary(text):
            node = Node(text, self.origin, mark)
        else:
            node = Node(self._scalar(event), self.origin, mark)
            if is_plain and node.value is text and is_suspect(text):
                self.origin.suspects[id(mark)] = mark
        self.num_values += 1  # counted here, as a call for each value makes reading 2 % slower
        if self.num_values > MAX_VALUES:
            raise _too_many(node)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _open(self, event: Any) -> None:
        """Begin a mapping or list, whose keys and items are the next events."""
        self._check_tag(event)
        node = Node({} if type(event) is yaml.MappingStartEvent else [], self.origin, event.start_mark)
        if self.stack and self.stack[-1].key is _NO_KEY and self.stack[-1].is_mapping:
            raise yaml_error("a key must be text or a number, is a list or a mapping", node)
        if len(self.stack) >= MAX_DEPTH:
            raise yaml_error(f"a config can be {MAX_DEPTH} levels deep; this is deeper", node)
        if event.anchor:
            self.unfinished.add(id(node))
            self.anchors[event.anchor] = node
        self.stack.append(_Open(node))
        self.num_values += 1
        if self.num_values > MAX_VALUES:
            raise _too_many(node)

    def _closed(self) -> Node:
        """End the innermost mapping or list and return it."""
        done = self.stack.pop()
        if done.merged:
            self._bring_merged(done)
        self.unfinished.discard(id(done.node))
        return done.node

    def _open_key(self, top: _Open, event: Any) -> None:
        """Take a key; the event after it is its value."""
        mark = event.start_mark
        if type(event) is yaml.AliasEvent:
            key = self._aliased(event).value
            if type(key) in (dict, list):
                raise yaml_error(
                    "a key must be text or a number, is a list or a mapping",
                    Node(key, self.origin, mark),
                )
        else:
            text = event.value
            if text == _MERGE_KEY and event.implicit[0]:
                top.key = _IS_MERGE
                return
            key = text if event.implicit[0] and is_ordinary(text) else self._scalar_key(event)
            if event.anchor:
                self.anchors[event.anchor] = Node(key, self.origin, mark)
        if key in top.value:
            raise self._duplicate(top.value[key], key, mark)
        try:
            special = special_key(key)
        except PathError as error:
            raise yaml_error(
                error.findings[0].message, Node(None, self.origin, mark), fix=error.findings[0].fix
            ) from error
        if special is not None:
            top.node.settled = False
            if special.legacy and self.origin.legacy is None:
                self.origin.legacy = (mark, key)
        top.key, top.key_mark = key, mark

    def _scalar_key(self, event: Any) -> Any:
        """Return a key. Integers as large as their hashes could be chosen to be slow to tell apart."""
        key = self._scalar(event)
        if type(key) is int and abs(key) >= sys.hash_info.modulus // 2:
            raise yaml_error(
                f"a key of {len(event.value)} digits is too large for an integer",
                Node(None, self.origin, event.start_mark),
                fix="quote it to make it text",
            )
        return key

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        tag = event.tag
        if tag is None or tag == "!":
            if not event.implicit[0]:
                return text
            value = scalar(text)
        else:
            self._check_tag(event)
            name = _CORE_TAGS[tag]
            value = text if name == "str" else scalar(text)
            if name == "float" and type(value) is int:
                value = float(value)
            if type(value).__name__.removesuffix("Type").lower().replace("none", "null") != name:
                raise yaml_error(
                    f"{text!r} cannot be read as !!{name}, its tag", Node(None, self.origin, event.start_mark)
                )
        if value is text and len(text) > _LONG and _IS_INTEGER.fullmatch(text):
            raise yaml_error(
                f"an integer of {len(text):,} digits is too long to read",
                Node(None, self.origin, event.start_mark),
                fix="quote it to keep it as text",
            )
        return value

    def _check_tag(self, event: Any) -> None:
        tag = event.tag
        if tag is None or tag == "!":
            return
        name = _CORE_TAGS.get(tag)
        fits = {yaml.MappingStartEvent: name == "map", yaml.SequenceStartEvent: name == "seq"}.get(
            type(event), name not in (None, "map", "seq")
        )
        if not fits:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            fix = fix_of_tag(shown, getattr(event, "value", ""))
            raise yaml_error(f"the tag {shown} is not allowed here", Node(None, self.origin, event.start_mark), fix=fix)

    def _aliased(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        here = Node(None, self.origin, event.start_mark)
        if node is None:
            raise yaml_error(f"the alias *{event.anchor} has no anchor &{event.anchor} before it", here)
        if id(node) in self.unfinished:
            raise yaml_error(f"the alias *{event.anchor} is inside its own anchor", here)
        via = f"via alias at {self.origin.place(event.start_mark)}, from"
        return self._copied(node, via, here)

    def _copied(self, node: Node, via: str, here: Node) -> Node:
        self.num_values += 1
        if self.num_values > MAX_VALUES:
            raise _too_many(here)
        value = node.value
        if type(value) is dict:
            value = {key: self._copied(child, via, here) for key, child in value.items()}
        elif type(value) is list:
            value = [self._copied(child, via, here) for child in value]
        copy = node.like(value)
        copy.via = via
        return copy

    def _to_merge(self, node: Node) -> list[Node]:
        sources = node.value if type(node.value) is list else [node]
        for source in sources:
            if type(source.value) is not dict:
                raise yaml_error("`<<` must be a mapping, or a list of mappings", source, fix="write `<<: *anchor`")
        return list(sources)

    def _bring_merged(self, done: _Open) -> None:
        """Add the keys that ``<<`` brings and the mapping lacks; of several sources the first wins."""
        for source in done.merged:
            for key, child in source.value.items():
                if key not in done.value:
                    done.value[key] = child
                    child.via = child.via or "brought by << from"
            if not source.settled:
                done.node.settled = False

    def _duplicate(self, first: Node, key: Key, mark: Mark) -> YamlError:
        again = Node(None, self.origin, mark)
        message = f"key {key!r} is given twice in one mapping; first at {first.key_place}"
        return yaml_error(message, again, fix="remove one of the two")


_LONG = 1_000
_IS_INTEGER = re.compile(r"[-+]?[0-9_]+|0x[0-9a-fA-F]+|0o[0-7]+")


def _too_many(node: Node) -> YamlError:
    fix = "keep data in a data file, and its name here"
    return yaml_error(f"a config can hold {MAX_VALUES:,} values, aliases expanded; this has more", node, fix=fix)
